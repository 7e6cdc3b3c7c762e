/** Works on a repository of secrets, on one big file and on a host, beside Debian's `age`; see README.md. */
import process from "node:process";
import { haveAge } from "../tests/secrets/tools.ts";
import { isWanted, readArguments } from "./arguments.ts";
import { print, say } from "./print.ts";
import { race } from "./race.ts";
import type { Keeper } from "./secrets-contestants.ts";
import { checkers, rekeyers } from "./secrets-contestants.ts";
import type { Opens } from "./secrets-install.ts";
import { installersFor, makeSecretsHost } from "./secrets-install.ts";
import type { SecretsRepository, SecretsRepositoryOptions } from "./secrets-repository.ts";
import { makeSecretsRepository } from "./secrets-repository.ts";
import { makeBigFile, streamers } from "./secrets-streams.ts";
import type { StreamAction } from "./stream-once.ts";

interface RepositoryCase {
  readonly name: string;
  readonly keys: SecretsRepositoryOptions["keys"];
  readonly keepers: readonly Keeper[];
  readonly check: (repository: SecretsRepository) => Promise<void>;
}

const args = readArguments();
if (!haveAge) {
  say("there is no age on PATH, which everything is compared with: apt-get install age");
  process.exit(2);
}
const [count, mebibytes] = args.quick ? [50, 16] : [1_000, 256];
const secrets = `${count.toLocaleString("en")} secrets`;
const ED25519 = { type: "ed25519" } as const;
const RSA = { type: "rsa", bits: 3072 } as const;
const rekeying = { keepers: rekeyers, check: (repository: SecretsRepository) => repository.checkRekeyed() };
const cases: readonly RepositoryCase[] = [
  { name: `rekey ${secrets} for 3 ssh-ed25519`, keys: [ED25519, ED25519, ED25519], ...rekeying },
  { name: `rekey ${secrets} for 2 ssh-ed25519 and 1 ssh-rsa`, keys: [ED25519, ED25519, RSA], ...rekeying },
  {
    name: `check ${secrets} for 3 ssh-ed25519`,
    keys: [ED25519, ED25519, ED25519],
    keepers: checkers,
    check: () => Promise.resolve(),
  },
];
for (const one of cases) if (isWanted(one.name, args)) await runRepositoryCase(one);
for (const action of ["seal", "open"] as const) await runStreamCase(action);
for (const opens of ["host", "operator"] as const) {
  for (const few of args.quick ? [10] : [100, 1_000]) await runInstallCase(few, opens);
}

async function runRepositoryCase({ name, keys, keepers, check }: RepositoryCase): Promise<void> {
  say(`making the repository: ${name}`);
  await using repository = await makeSecretsRepository({ count, keys });
  const result = await race(keepers, {
    bench: "secrets",
    name,
    runs: args.runs,
    prepare: () => repository.reset(),
    attempt: async (keeper) => {
      const results = await keeper.work(repository);
      await check(repository);
      return results;
    },
  });
  print(result, args.format);
}

async function runStreamCase(action: StreamAction): Promise<void> {
  const name = `${action} ${mebibytes} MiB`;
  if (!isWanted(name, args)) return;
  await using file = await makeBigFile(mebibytes * 1024 * 1024);
  const result = await race(streamers, {
    bench: "secrets",
    name,
    runs: args.runs,
    prepare: () => file.reset(),
    attempt: async (streamer) => {
      const results = await streamer.work(file, action);
      await file.check(action);
      return results;
    },
  });
  print(result, args.format);
}

async function runInstallCase(number: number, opens: Opens): Promise<void> {
  const name = `install ${number.toLocaleString("en")} secrets that the ${opens} opens`;
  if (!isWanted(name, args)) return;
  await using host = await makeSecretsHost(number);
  const result = await race(installersFor(opens), {
    bench: "secrets",
    name,
    runs: args.runs,
    prepare: () => host.reset(),
    attempt: async (installer) => {
      const results = await installer.install(host);
      await host.check();
      return results;
    },
  });
  print(result, args.format);
}
