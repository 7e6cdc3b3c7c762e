import { execFile } from "node:child_process";
import { readFile } from "node:fs/promises";
import { promisify } from "node:util";
import { errnoOf, messageOf } from "#core";
import type { AgenixOptions, Rules } from "#secrets";
import { parseAgenixRules, SecretsError } from "#secrets";

const NIX_TIMEOUT_MS = 60_000;

/** Reads agenix's rules. What is more than lists and sets is left to Nix. @throws SecretsError `secrets/agenix`, `secrets/rules`. */
export async function readAgenix(
  path: string,
  options: Pick<AgenixOptions, "consumers" | "hosts" | "hostKeys">,
): Promise<Rules> {
  let text: string;
  try {
    text = await readFile(path, "utf8");
  } catch (error) {
    throw new SecretsError("secrets/agenix", `cannot read ${path}: ${messageOf(error)}`, { cause: error });
  }
  return parseAgenixRules({ ...options, path, text, evaluate: evaluateWithNix });
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
