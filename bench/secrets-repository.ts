import { execFile } from "node:child_process";
import { cp, mkdir, mkdtemp, readFile, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { basename, join } from "node:path";
import { promisify } from "node:util";
import { parseIdentities, parseRecipient, parseRules, planRekey, readRepository, rekey, sealBytes } from "#secrets";
import type { SshKeygenOptions } from "../tests/secrets/tools.ts";
import { sshKeygen } from "../tests/secrets/tools.ts";

export interface SecretsRepositoryOptions {
  readonly count: number;
  /** The kinds of its readers' keys: of one admin, then of the hosts. */
  readonly keys: readonly Pick<SshKeygenOptions, "type" | "bits">[];
}

/** A repository of secrets that can be worked on again and again, and the keys of those who read them. */
export interface SecretsRepository extends AsyncDisposable {
  /** The folder that the secrets, their rules and their lock lie in. */
  readonly folder: string;
  /** What `folder`'s secrets file says, as JSON. */
  readonly rulesFile: string;
  readonly files: readonly string[];
  /** The private key of the admin. */
  readonly identity: string;
  /** The readers as `age -R` wants them. */
  readonly recipientsFile: string;
  /** Makes every file what it was in the beginning, and waits until that is on the disk. */
  reset(): Promise<void>;
  /** @throws Error when some of the files were not encrypted anew, or `age` opens them with no reader's key. */
  checkRekeyed(): Promise<void>;
}

const run = promisify(execFile);

/** Makes a repository on the disk, as skep itself would have left it. */
export async function makeSecretsRepository({ count, keys }: SecretsRepositoryOptions): Promise<SecretsRepository> {
  const top = await mkdtemp(join(tmpdir(), "skep-bench-"));
  const [seed, folder] = [join(top, "seed"), join(top, "secrets")];
  const [recipientsFile, rulesFile] = [join(top, "recipients"), join(top, "rules.json")];
  const identities = keys.map((_, index) => join(top, `key-${index}`));
  const [admin = "", ...hosts] = keys.map((key, index) => sshKeygen(identities[index] ?? "", key));
  await writeFile(recipientsFile, [admin, ...hosts, ""].join("\n"));

  const names = Array.from({ length: count }, (_, index) => `secret-${index}`);
  const hostKeys = Object.fromEntries(hosts.map((key, index) => [`web-${index + 1}`, key]));
  const rules = Object.fromEntries(names.map((name) => [name, Object.keys(hostKeys)]));
  const definition = JSON.stringify({ admins: { alice: admin }, hosts: hostKeys, rules });
  await writeFile(rulesFile, definition);
  await mkdir(seed);
  await writeFile(
    join(seed, "secrets.ts"),
    `import { defineSecrets } from "skep";\nexport default defineSecrets(${definition});\n`,
  );
  await fill(seed, { names, definition, identity: identities[0] ?? "" });

  const files = names.map((name) => join(folder, `${name}.age`));
  return {
    folder,
    rulesFile,
    files,
    identity: identities[0] ?? "",
    recipientsFile,
    async reset() {
      await rm(folder, { recursive: true, force: true });
      await cp(seed, folder, { recursive: true });
      // What is still to be written would be waited for by whoever syncs next.
      await run("sync");
    },
    async checkRekeyed() {
      for (const index of [0, count >> 1, count - 1]) {
        const file = files[index] ?? "";
        if ((await readFile(file)).equals(await readFile(join(seed, basename(file))))) {
          throw new Error(`${file} was not encrypted anew`);
        }
        for (const identity of identities) {
          const { stdout } = await run("age", ["-d", "-i", identity, file]);
          if (stdout !== contentOf(names[index] ?? "")) throw new Error(`${file} says something else than before`);
        }
      }
    },
    [Symbol.asyncDispose]: () => rm(top, { recursive: true, force: true }),
  };
}

interface Content {
  readonly names: readonly string[];
  readonly definition: string;
  readonly identity: string;
}

async function fill(directory: string, { names, definition, identity }: Content): Promise<void> {
  const rules = await parseRules(JSON.parse(definition), { directory, file: "secrets.ts" });
  for (const { name, file, readers } of rules.secrets) {
    const recipients = await Promise.all(readers.map(({ recipient }) => parseRecipient(recipient.text)));
    await writeFile(file, await sealBytes(Buffer.from(contentOf(name)), recipients));
  }
  if (rules.secrets.length !== names.length) throw new Error("not every secret has a rule");
  const repository = await readRepository(rules);
  const identities = await parseIdentities(await readFile(identity, "latin1"), { file: identity });
  // Writes the lock.
  await rekey(repository, planRekey(repository, { all: true }), { identities });
}

function contentOf(name: string): string {
  return `the password of ${name} is swordfish\n`;
}
