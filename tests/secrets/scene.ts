import { mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { Readable } from "node:stream";
import type { SkepRun } from "../cli/run-skep.ts";
import { runSkep } from "../cli/run-skep.ts";
import { ageKeygen, sshKeygen } from "./tools.ts";

/** A repository with secrets, and the keys of the people and hosts that read them. */
export interface Scene extends Disposable {
  readonly folder: string;
  /** The path of somebody's private key; made when it is first asked for. Names ending in `-age` are age identities. */
  identity(name: string): string;
  /** Somebody's recipient. */
  recipient(name: string): string;
  /** Writes `secrets/secrets.ts`. */
  rules(definition: object): void;
  path(name: string): string;
  read(name: string): Buffer;
  write(path: string, text: string): void;
  skep(argv: readonly string[], options?: SkepOptions): Promise<SkepRun>;
}

export interface SkepOptions {
  /** What comes on standard input; without it that is a terminal. */
  readonly input?: string | undefined;
  readonly env?: Readonly<NodeJS.ProcessEnv> | undefined;
}

export function openScene(): Scene {
  const folder = mkdtempSync(join(tmpdir(), "skep-secrets-"));
  const recipients = new Map<string, string>();
  const identity = (name: string): string => {
    const path = join(folder, "keys", name);
    if (!recipients.has(name)) {
      mkdirSync(dirname(path), { recursive: true });
      const make = name.endsWith("-age")
        ? ageKeygen
        : (to: string) => sshKeygen(to, { type: "ed25519", comment: name });
      recipients.set(name, make(path));
    }
    return path;
  };
  const write = (path: string, text: string): void => {
    const target = join(folder, path);
    mkdirSync(dirname(target), { recursive: true });
    writeFileSync(target, text);
  };
  const path = (name: string): string => join(folder, "secrets", `${name}.age`);
  return {
    folder,
    identity,
    recipient(name) {
      identity(name);
      return recipients.get(name) ?? "";
    },
    rules(definition) {
      const text = JSON.stringify(definition, null, 2);
      write("secrets/secrets.ts", `import { defineSecrets } from "skep";\nexport default defineSecrets(${text});\n`);
    },
    path,
    read: (name) => readFileSync(path(name)),
    write,
    async skep(argv, { input, env = {} } = {}) {
      const stdin = Object.assign(Readable.from(input === undefined ? [] : [Buffer.from(input)]), {
        isTTY: input === undefined,
      });
      const run = await runSkep(["secrets", ...argv], {
        stdin,
        env: { PATH: process.env.PATH, ...env },
        cwd: folder,
      });
      const short = (text: string): string => text.replaceAll(folder, "…");
      return { exitCode: run.exitCode, stdout: short(run.stdout), stderr: short(run.stderr) };
    },
    [Symbol.dispose]: () => {
      rmSync(folder, { recursive: true, force: true });
    },
  };
}
