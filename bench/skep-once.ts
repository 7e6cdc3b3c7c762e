/** `skep` as it is typed, in a process of its own, with a last line of its own on standard output: a {@link SkepMemory}. */
import process from "node:process";
import { runCli } from "#cli";

export interface SkepMemory {
  readonly peakBytes: number;
}

const { stdout, stderr, env } = process;
const code = await runCli(process.argv.slice(1), { stdout, stderr, env, cwd: process.cwd() });
const memory: SkepMemory = { peakBytes: process.resourceUsage().maxRSS * 1024 };
await new Promise((resolve) => stdout.write(`${JSON.stringify(memory)}\n`, resolve));
process.exit(code);
