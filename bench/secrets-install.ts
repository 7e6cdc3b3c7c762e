import { execFile } from "node:child_process";
import { mkdir, mkdtemp, readdir, readFile, rm, writeFile } from "node:fs/promises";
import { join } from "node:path";
import process from "node:process";
import { promisify } from "node:util";
import type { Argv } from "#core";
import { parseRecipient, sealBytes } from "#secrets";
import { sshKeygen } from "../tests/secrets/tools.ts";
import { compile, ROOT } from "./compile.ts";
import type { Result } from "./contestants.ts";
import type { Measured } from "./measure.ts";
import { measure } from "./measure.ts";
import type { InstallReport } from "./secrets-install-once.ts";

/** Who opens the secrets of a host. */
export type Opens = "host" | "operator";

/** A host's root in memory, and the secrets for it: `secret-0` and `secret-0.age`, … */
export interface SecretsHost extends AsyncDisposable {
  readonly root: string;
  readonly folder: string;
  readonly count: number;
  readonly hostKey: string;
  /** Where loops put them. */
  readonly keys: string;
  /** Makes the host one that has no secrets. */
  reset(): Promise<void>;
  /** @throws Error when one of the secrets that were installed says something else than it should. */
  check(): Promise<void>;
}

/** Somebody who installs them. */
export interface Installer {
  readonly name: string;
  install(host: SecretsHost): Promise<readonly Result[]>;
}

const MEMORY = "/dev/shm";
const HOST_KEY = "etc/ssh/ssh_host_ed25519_key";
const run = promisify(execFile);

export async function makeSecretsHost(count: number): Promise<SecretsHost> {
  const top = await mkdtemp(join(MEMORY, "skep-bench-"));
  const [root, folder] = [join(top, "host"), join(top, "secrets")];
  const hostKey = join(top, "key");
  const keys = join(root, "run/keys");
  const contentOf = (number: number): string => `the password ${number} is swordfish\n`;
  const recipient = await parseRecipient(sshKeygen(hostKey, { type: "ed25519" }));
  await mkdir(folder);
  for (let number = 0; number < count; number += 1) {
    const plaintext = Buffer.from(contentOf(number));
    await writeFile(join(folder, `secret-${number}`), plaintext);
    await writeFile(join(folder, `secret-${number}.age`), await sealBytes(plaintext, [recipient]));
  }
  return {
    root,
    folder,
    count,
    hostKey,
    keys,
    async reset() {
      await rm(root, { recursive: true, force: true });
      for (const path of ["etc/ssh", "run/skep/secrets.d", "run/keys", "var/lib"]) {
        await mkdir(join(root, path), { recursive: true });
      }
      await run("cp", ["-p", hostKey, join(root, HOST_KEY)]);
    },
    async check() {
      const generations = join(root, "run/skep/secrets.d");
      const installed = (await readdir(generations)).includes("1") ? join(generations, "1") : keys;
      for (let number = 0; number < count; number += 1) {
        const text = await readFile(join(installed, `secret-${number}`), "utf8");
        if (text !== contentOf(number)) throw new Error(`secret-${number} was not installed`);
      }
    },
    [Symbol.asyncDispose]: () => rm(top, { recursive: true, force: true }),
  };
}

/** A shell for each secret, as a login for each is one: colmena, without what the network and sshd take. */
const PUSH_EACH = `for name; do
  sh -c 'umask 077; cat >"$1"; chmod 0400 "$1"; chown 0:0 "$1"' sh "$to/$name" <"$from/$name"
done`;
/** What the host does with agenix: the commands for each secret, in one shell. */
const OPEN_EACH = `umask 077; for name; do
  age -d -i "$key" -o "$to/$name.tmp" "$from/$name.age"
  chmod 0400 "$to/$name.tmp"; chown 0:0 "$to/$name.tmp"; mv -f "$to/$name.tmp" "$to/$name"
done`;
/** As many at once as skep has run there. */
const AGE_ALONE = `count=0; for name; do
  age -d -i "$key" -o "$to/$name" "$from/$name.age" & count=$((count + 1)); [ $((count % 8)) -ne 0 ] || wait
done; wait`;

export function installersFor(opens: Opens): readonly Installer[] {
  if (opens === "operator") return [skep(opens), loop("a shell for each, like colmena", PUSH_EACH)];
  return [skep(opens), loop("age, chmod, chown and mv for each, like agenix", OPEN_EACH)];
}

function skep(opens: Opens): Installer {
  return {
    name: "skep",
    async install(host) {
      const { root, folder, count } = host;
      const argv: Argv = [...(await compile("secrets-install-once.ts")), opens, root, folder, String(count)];
      const { stdout, cpuSeconds } = await measure(argv, { env: process.env, cwd: ROOT });
      const { seconds, peakBytes } = JSON.parse(stdout) as InstallReport;
      const whole = { tool: "skep", seconds, cpuSeconds, peakBytes };
      if (opens === "operator") return [whole];
      const alone = await runLoop(AGE_ALONE, host);
      return [
        whole,
        { tool: "age -d alone, eight at a time", seconds: alone.wallSeconds, cpuSeconds: alone.cpuSeconds },
        { tool: "skep, less the time of age alone", seconds: seconds - alone.wallSeconds },
      ];
    },
  };
}

function loop(name: string, script: string): Installer {
  return {
    name,
    async install(host) {
      const { wallSeconds, cpuSeconds } = await runLoop(script, host);
      return [{ tool: name, seconds: wallSeconds, cpuSeconds }];
    },
  };
}

function runLoop(script: string, { keys, folder, hostKey, count }: SecretsHost): Promise<Measured> {
  const names = Array.from({ length: count }, (_, number) => `secret-${number}`);
  const words = `set -eu; key=$1 from=$2 to=$3; shift 3; ${script}`;
  return measure(["sh", "-c", words, "sh", hostKey, folder, keys, ...names], { env: process.env });
}
