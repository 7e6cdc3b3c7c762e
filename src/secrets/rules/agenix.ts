import { dirname, join, resolve } from "node:path";
import { messageOf } from "#core";
import { SecretsError } from "../errors.ts";
import { parseRecipient } from "../keys/recipient.ts";
import { checkReaders } from "./check-readers.ts";
import { checkConsumers } from "./consumers.ts";
import type { Consumers } from "./consumers.ts";
import { evaluateNix } from "./evaluate-nix.ts";
import { typeOf, USABLE_TYPES, withoutComment } from "./host-keys.ts";
import type { FindHostKeys, KnownKeys } from "./host-keys.ts";
import { Problems } from "./problems.ts";
import type { Reader, Rules, SecretRule } from "./rules.ts";
import { secretName } from "./parse-rules.ts";

export interface AgenixOptions {
  /** The path of `secrets.nix`, absolute. */
  readonly path: string;
  /** Its text. */
  readonly text: string;
  /**
   * Evaluates the file with a real Nix, for what is beyond lists, strings, sets, `let` and a few builtins; gives what
   * `nix-instantiate --eval --strict --json` prints, parsed.
   */
  readonly evaluate?: ((path: string) => Promise<unknown>) | undefined;
  /** Which hosts consume which secret, where the hive says so. One that opens a secret and may not read it is an error. */
  readonly consumers?: Consumers | undefined;
  /** Every host of the hive. */
  readonly hosts?: readonly string[] | undefined;
  /** What hosts are told by: the file has keys and no names. */
  readonly hostKeys?: FindHostKeys | undefined;
}

/**
 * agenix's rules: `{ "name.age".publicKeys = [ … ]; }`. Whose the keys are it does not say; where it is known who
 * consumes what, hosts are recognized by their keys.
 * @throws SecretsError `secrets/agenix` when it cannot be evaluated, `secrets/rules` when it is not valid.
 */
export async function parseAgenixRules(options: AgenixOptions): Promise<Rules> {
  const { path } = options;
  const value = await evaluate(options);
  const directory = dirname(path);
  const problems = new Problems();
  if (!isObject(value)) throw new SecretsError("secrets/agenix", `cannot read ${path}: it is not a set of secrets`);
  const secrets: SecretRule[] = [];
  for (const [key, rule] of Object.entries(value)) {
    const publicKeys = isObject(rule) ? rule.publicKeys : undefined;
    if (!isTexts(publicKeys)) {
      problems.add(key, "it has no list of publicKeys");
      continue;
    }
    const readers = await readersOf(publicKeys, key, problems);
    checkReaders(readers, { where: key, problems });
    const armored = isObject(rule) && rule.armor === true;
    const file = resolve(directory, key);
    // Where the rules are run by agenix the folder may lie above, and so the name may.
    secrets.push({
      name: secretName(key),
      file: file.endsWith(".age") ? file : join(directory, key),
      readers,
      armored,
    });
  }
  const warnings = await checkHosts(secrets, { ...options, problems });
  problems.throwIfAny(path);
  return { directory, secrets, warnings };
}

async function checkHosts(
  secrets: readonly SecretRule[],
  { consumers, hosts = [], hostKeys, problems }: AgenixOptions & { readonly problems: Problems },
): Promise<readonly string[]> {
  if (consumers === undefined) return [];
  const names = [...new Set([...consumers.map(({ host }) => host), ...hosts])];
  const known = (await hostKeys?.(names)) ?? new Map<string, KnownKeys>();
  const owners = [...known].flatMap(([host, { keys }]) => keys.map((key) => [withoutComment(key), host] as const));
  const readers = secrets.map(({ name, readers }) => {
    const keys = new Set(readers.map(({ recipient }) => recipient.text));
    const found = owners.flatMap(([key, host]) => (keys.has(key) ? [host] : []));
    // A host has a key of each type, of which not all may be known.
    const types = [...keys].map(typeOf).filter((type) => USABLE_TYPES.includes(type));
    const isKnown = (host: string, type: string): boolean =>
      known.get(host)?.keys.some((key) => typeOf(key) === type) === true;
    const unsure = names.filter((host) => types.some((type) => !isKnown(host, type)));
    return [name, { where: name, hosts: new Set(found), unsure: new Set(unsure) }] as const;
  });
  return checkConsumers(consumers, { readers: new Map(readers), problems });
}

async function readersOf(publicKeys: readonly string[], where: string, problems: Problems): Promise<readonly Reader[]> {
  const readers: Reader[] = [];
  // agenix encrypts twice to a key that is there twice, and nobody minds.
  for (const [index, text] of [...new Set(publicKeys)].entries()) {
    try {
      const recipient = await parseRecipient(text);
      const comment = text
        .trim()
        .split(/[ \t]+/)
        .slice(2)
        .join(" ");
      readers.push({ role: "key", name: comment === "" ? String(index + 1) : comment, retired: false, recipient });
    } catch (error) {
      problems.add(where, messageOf(error));
    }
  }
  return readers;
}

async function evaluate({ path, text, evaluate: withNix }: AgenixOptions): Promise<unknown> {
  try {
    return evaluateNix(text);
  } catch (error) {
    if (withNix !== undefined) return withNix(path);
    throw new SecretsError("secrets/agenix", `cannot read ${path}: ${messageOf(error)}`, {
      hint: "what is beyond lists, strings, sets and let is evaluated where Nix is installed",
    });
  }
}

function isObject(value: unknown): value is Readonly<Record<string, unknown>> {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}

function isTexts(value: unknown): value is readonly string[] {
  return Array.isArray(value) && value.every((entry) => typeof entry === "string");
}
