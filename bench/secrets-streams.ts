import { randomBytes } from "node:crypto";
import { mkdtemp, open, rm, writeFile } from "node:fs/promises";
import { join } from "node:path";
import process from "node:process";
import type { Argv } from "#core";
import { sshKeygen } from "../tests/secrets/tools.ts";
import { compile, ROOT } from "./compile.ts";
import type { Result } from "./contestants.ts";
import { measure } from "./measure.ts";
import type { StreamAction, StreamReport } from "./stream-once.ts";

/** A plaintext and its ciphertext, in memory, so that no disk decides; what contestants write is beside them. */
export interface BigFile extends AsyncDisposable {
  readonly plaintext: string;
  readonly ciphertext: string;
  readonly identity: string;
  readonly recipientsFile: string;
  readonly output: string;
  /** Takes away what the last contestant wrote. */
  reset(): Promise<void>;
  /** @throws Error when the output is not what was to be made of the other: `age` is asked. */
  check(action: StreamAction): Promise<void>;
}

/** Somebody who seals or opens it. */
export interface Streamer {
  readonly name: string;
  work(file: BigFile, action: StreamAction): Promise<readonly Result[]>;
}

const MIB = 1024 * 1024;
const MEMORY = "/dev/shm";
const SUM = 'age -d -i "$1" "$2" | sha256sum';

export async function makeBigFile(bytes: number): Promise<BigFile> {
  const folder = await mkdtemp(join(MEMORY, "skep-bench-"));
  const at = (name: string): string => join(folder, name);
  const [plaintext, ciphertext, output] = [at("plaintext"), at("ciphertext"), at("output")];
  const [identity, recipientsFile] = [at("key"), at("key.pub")];
  sshKeygen(identity, { type: "ed25519" });
  await writeFile(plaintext, "");
  {
    await using file = await open(plaintext, "w");
    for (let left = bytes; left > 0; left -= MIB) await file.write(randomBytes(MIB));
  }
  await measure(["age", "-R", recipientsFile, "-o", ciphertext, plaintext], { env: process.env });
  const expected = await sumOf(["sha256sum", plaintext]);
  return {
    plaintext,
    ciphertext,
    identity,
    recipientsFile,
    output,
    reset: () => rm(output, { force: true }),
    async check(action) {
      const argv: Argv = action === "open" ? ["sha256sum", output] : ["sh", "-c", SUM, "sh", identity, output];
      if ((await sumOf(argv)) !== expected) throw new Error(`what was made to ${action} it is wrong`);
    },
    [Symbol.asyncDispose]: () => rm(folder, { recursive: true, force: true }),
  };
}

export const streamers: readonly Streamer[] = [
  {
    name: "skep",
    async work({ plaintext, ciphertext, identity, recipientsFile, output }, action) {
      const words = action === "seal" ? [recipientsFile, plaintext] : [identity, ciphertext];
      const argv: Argv = [...(await compile("stream-once.ts")), action, ...words, output];
      const { stdout, cpuSeconds, wallSeconds } = await measure(argv, { env: process.env, cwd: ROOT });
      const { seconds, peakBytes } = JSON.parse(stdout) as StreamReport;
      return [
        { tool: "skep", seconds, cpuSeconds, peakBytes },
        { tool: "skep, with Node's start", seconds: wallSeconds },
      ];
    },
  },
  {
    name: "age",
    async work({ plaintext, ciphertext, identity, recipientsFile, output }, action) {
      const seal: Argv = ["age", "-R", recipientsFile, "-o", output, plaintext];
      const argv: Argv = action === "seal" ? seal : ["age", "-d", "-i", identity, "-o", output, ciphertext];
      const { wallSeconds, cpuSeconds } = await measure(argv, { env: process.env });
      return [{ tool: action === "seal" ? "age" : "age -d", seconds: wallSeconds, cpuSeconds }];
    },
  },
];

async function sumOf(argv: Argv): Promise<string> {
  const { stdout } = await measure(argv, { env: process.env });
  return stdout.slice(0, 64);
}
