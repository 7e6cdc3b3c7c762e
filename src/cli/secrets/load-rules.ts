import { execFile } from "node:child_process";
import { readFile } from "node:fs/promises";
import { dirname, relative, resolve } from "node:path";
import { promisify } from "node:util";
import { errnoOf, messageOf } from "#core";
import { HiveError } from "#hive";
import type { Repository, Rules } from "#secrets";
import { parseAgenixRules, parseRules, readRepository, SecretsError } from "#secrets";
import { explainThrown } from "../explain-thrown.ts";
import { importHive } from "../import-hive.ts";
import { loadHive } from "../load-hive.ts";
import type { SecretsArguments } from "../secrets-command.ts";
import type { Terminal } from "../terminal.ts";
import { findRules } from "./find-rules.ts";

const NIX_TIMEOUT_MS = 60_000;

/** Loads the rules that the command line or the folder names, and reads the files they are about. */
export async function loadRepository(args: SecretsArguments, terminal: Terminal): Promise<Repository> {
  return readRepository(await loadRules(args, terminal));
}

/** The rules alone. @throws SecretsError `secrets/rules-not-found`, `secrets/rules`, `secrets/agenix`. */
export async function loadRules({ secrets, hive }: SecretsArguments, { cwd, env }: Terminal): Promise<Rules> {
  const path = await findRules({ file: secrets, hive, cwd, env });
  if (path.endsWith(".nix")) return readAgenix(path);
  const file = shortPath(path, cwd);
  const definition = await readDefinition(path, file);
  const directory = dirname(path);
  if (isAgenix(definition)) return readAgenix(resolve(directory, definition.agenix));
  const hostKeys = (): Promise<Readonly<Record<string, string>>> =>
    keysOfHive({ file: hive, cwd: hive === undefined ? directory : cwd, env });
  return parseRules(definition, { directory, file, hostKeys });
}

async function readDefinition(path: string, file: string): Promise<unknown> {
  using imported = importHive(path);
  try {
    const exports = await imported.exports;
    if ("default" in exports) return await madeBy(exports.default);
  } catch (thrown) {
    const { place, message, hint } = explainThrown(thrown, imported.maps);
    const where = place === undefined ? "" : ` line ${place.line}, column ${place.column}:`;
    throw new SecretsError("secrets/rules", `cannot load ${file}:${where} ${message}`, { hint, cause: thrown });
  }
  throw new SecretsError("secrets/rules", `${file} has no default export`, {
    hint: "end it with: export default defineSecrets({ … })",
  });
}

function madeBy(definition: unknown): unknown {
  return typeof definition === "function" ? (definition as () => unknown)() : definition;
}

/** The host keys that the hive states. A fleet need not have one for its secrets. */
async function keysOfHive(options: Parameters<typeof loadHive>[0]): Promise<Readonly<Record<string, string>>> {
  try {
    const { hosts } = await loadHive(options);
    return Object.fromEntries(
      hosts.flatMap(({ name, target }) => (target.hostKey === undefined ? [] : [[name, target.hostKey]])),
    );
  } catch (error) {
    if (options.file === undefined && error instanceof HiveError && error.code === "hive/not-found") return {};
    throw error;
  }
}

async function readAgenix(path: string): Promise<Rules> {
  let text: string;
  try {
    text = await readFile(path, "utf8");
  } catch (error) {
    throw new SecretsError("secrets/agenix", `cannot read ${path}: ${messageOf(error)}`, { cause: error });
  }
  return parseAgenixRules({ path, text, evaluate: evaluateWithNix });
}

async function evaluateWithNix(path: string): Promise<unknown> {
  try {
    const argv = ["--eval", "--strict", "--json", path];
    const { stdout } = await promisify(execFile)("nix-instantiate", argv, {
      timeout: NIX_TIMEOUT_MS,
      maxBuffer: 2 ** 28,
    });
    return JSON.parse(stdout) as unknown;
  } catch (error) {
    const missing = errnoOf(error) === "ENOENT";
    const why = missing ? "it needs Nix, which is not on PATH" : messageOf(error).trim();
    throw new SecretsError("secrets/agenix", `cannot evaluate ${path}: ${why}`, { cause: error });
  }
}

function isAgenix(value: unknown): value is { readonly agenix: string } {
  return typeof value === "object" && value !== null && "agenix" in value && typeof value.agenix === "string";
}

function shortPath(path: string, cwd: string): string {
  const short = relative(cwd, path);
  return short === "" || short.startsWith("..") ? path : short;
}
