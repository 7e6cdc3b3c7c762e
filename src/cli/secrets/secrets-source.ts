import { readFile } from "node:fs/promises";
import type { SecretVersion } from "#activation";
import { messageOf, once } from "#core";
import type { Host, SecretUse } from "#hive";
import type { SecretsSource } from "#rollout";
import type { FileState, Identity, Repository, SecretState } from "#secrets";
import {
  binaryAge,
  CHANGED_KEY_HINT,
  describeChanged,
  describeReader,
  findSecret,
  openSecret,
  SecretsError,
  sortDifference,
} from "#secrets";

export interface SecretsSourceOptions {
  /** Read when a host consumes a secret. */
  readonly repository: () => Promise<Repository>;
  /** Read when a secret is opened here. */
  readonly identities: () => Promise<readonly Identity[]>;
}

/** Dispose it to overwrite what was opened. */
export interface RepositorySecrets extends SecretsSource, Disposable {
  /** What {@link read} would give, without the plaintext: needs no identity. */
  readVersion(use: SecretUse, host: Host): Promise<SecretVersion>;
}

/** The secrets of the repository, on their way to hosts: read once, and opened once where the operator opens them. */
export function openSecretsSource(options: SecretsSourceOptions): RepositorySecrets {
  const repository = once(options.repository);
  const identities = once(options.identities);
  const sealed = new Map<string, Promise<Buffer>>();
  const opened = new Map<string, ReturnType<typeof openSecret>>();
  const done: Disposable[] = [];
  const find = async (use: SecretUse, host: Host): Promise<SecretState> =>
    findSecret(await repository(), { text: use.name, cwd: host.name });
  const readSealed = async (state: SecretState, host: Host): Promise<Extract<SecretVersion, { open: "host" }>> => {
    refuseUnreadable(state, host);
    const ciphertext = await keep(sealed, state.rule.name, async () => binaryAge(await readFileOf(state)));
    return { open: "host", ciphertext };
  };
  return {
    async read(use, host) {
      const state = await find(use, host);
      if (use.open === "host") return readSealed(state, host);
      const { plaintext, ciphertext } = await keep(opened, use.name, async () => {
        const secret = await openSecret(state.rule, await identities());
        done.push(secret);
        return secret;
      });
      return { open: "operator", plaintext, version: ciphertext };
    },
    async readVersion(use, host) {
      const state = await find(use, host);
      if (use.open === "host") return readSealed(state, host);
      return { open: "operator", version: refuseMissing(state).known.ciphertext };
    },
    [Symbol.dispose]() {
      for (const secret of done) secret[Symbol.dispose]();
    },
  };
}

function refuseMissing({ rule, file }: SecretState): FileState {
  if (file === undefined) {
    throw new SecretsError("secrets/missing", `there is no ${rule.name} yet: ${rule.file} is not there`, {
      hint: `make it with: skep secrets add ${rule.name}`,
    });
  }
  if (file.problem !== undefined) throw file.problem;
  return file;
}

/** What the host would find out, said before it is asked. */
function refuseUnreadable(state: SecretState, host: Host): void {
  const file = refuseMissing(state);
  const reader = file.missing.find(({ role, name }) => role === "host" && name === host.name);
  if (reader === undefined) return;
  if (sortDifference(file).changed.includes(reader)) {
    const message = `${state.rule.name} cannot be opened by the host: ${describeChanged([reader])}`;
    throw new SecretsError("secrets/stale", message, { hint: CHANGED_KEY_HINT });
  }
  throw new SecretsError("secrets/stale", `${state.rule.name} is not encrypted to ${describeReader(reader)}`, {
    hint: "encrypt it anew: skep secrets rekey",
  });
}

async function readFileOf({ rule }: SecretState): Promise<Buffer> {
  try {
    return await readFile(rule.file);
  } catch (error) {
    throw new SecretsError("secrets/file", `cannot read ${rule.file}: ${messageOf(error)}`, { cause: error });
  }
}

function keep<T>(kept: Map<string, Promise<T>>, name: string, make: () => Promise<T>): Promise<T> {
  const made = kept.get(name) ?? make();
  kept.set(name, made);
  return made;
}
