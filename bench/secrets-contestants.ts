import { join } from "node:path";
import process from "node:process";
import type { Argv } from "#core";
import { compile, ROOT } from "./compile.ts";
import type { Result } from "./contestants.ts";
import { measure, measureTogether } from "./measure.ts";
import type { SecretsAction, SecretsReport } from "./secrets-once.ts";
import type { SecretsRepository } from "./secrets-repository.ts";

/** Somebody who works on all secrets of a repository. */
export interface Keeper {
  readonly name: string;
  work(repository: SecretsRepository): Promise<readonly Result[]>;
}

/** What agenix does for each file, but for asking Nix who its readers are, and with both ends of the pipe at once. */
const REKEY = 'age -d -i "$key" "$file" | age -R "$recipients" -o "$file.new"; mv "$file.new" "$file"';
const OPEN = 'age -d -i "$key" "$file" >/dev/null';

export const rekeyers: readonly Keeper[] = [
  skep("skep", "rekey"),
  skepProcess("skep secrets rekey --all", ["rekey", "--all"]),
  age("age, one at a time", { script: REKEY, atOnce: 1 }),
  age("age, two at a time", { script: REKEY, atOnce: 2 }),
];

export const checkers: readonly Keeper[] = [
  skep("skep", "open"),
  skepProcess("skep secrets check --identity", ["check"]),
  skep("skep, without a key", "check"),
  age("age -d, one at a time", { script: OPEN, atOnce: 1 }),
  age("age -d, two at a time", { script: OPEN, atOnce: 2 }),
];

function skep(name: string, action: SecretsAction): Keeper {
  return {
    name,
    async work({ folder, rulesFile, identity }) {
      const argv: Argv = [...(await compile("secrets-once.ts")), action, folder, rulesFile, identity];
      const { stdout, cpuSeconds } = await measure(argv, { env: process.env, cwd: ROOT });
      const { seconds, peakBytes } = JSON.parse(stdout) as SecretsReport;
      return [{ tool: name, seconds, cpuSeconds, peakBytes }];
    },
  };
}

/** The command as it is typed: with the start of Node, and the rules in TypeScript. */
function skepProcess(name: string, words: readonly string[]): Keeper {
  return {
    name,
    async work({ folder, identity }) {
      const main = join(ROOT, "dist/cli/main.js");
      const argv: Argv = [process.execPath, main, "secrets", ...words, "--secrets", folder, "--identity", identity];
      const { wallSeconds, cpuSeconds } = await measure(argv, { env: process.env });
      return [{ tool: name, seconds: wallSeconds, cpuSeconds }];
    },
  };
}

/** A loop over the files in one shell, or over a part of them in each of several at the same time. */
function age(name: string, { script, atOnce }: { readonly script: string; readonly atOnce: number }): Keeper {
  const loop = `key=$1 recipients=$2; shift 2; for file; do ${script}; done`;
  return {
    name,
    async work({ files, identity, recipientsFile }) {
      const argvs = Array.from({ length: atOnce }, (_, shell): Argv => {
        const part = files.filter((_file, index) => index % atOnce === shell);
        return ["bash", "-euo", "pipefail", "-c", loop, "bash", identity, recipientsFile, ...part];
      });
      const { wallSeconds, cpuSeconds } = await measureTogether(argvs, { env: process.env });
      return [{ tool: name, seconds: wallSeconds, cpuSeconds }];
    },
  };
}
