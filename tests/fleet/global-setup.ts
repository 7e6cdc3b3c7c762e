import { existsSync } from "node:fs";
import { readdir, stat } from "node:fs/promises";
import { dirname, join } from "node:path";
import { fleetUnavailable } from "./harness/available.ts";
import { ensureBaseImage } from "./harness/base-image.ts";
import { lockFile } from "./harness/lock.ts";
import { run } from "./harness/run.ts";
import { sweepStaleFleets } from "./harness/run-record.ts";

const ROOT = dirname(dirname(import.meta.dirname));

/**
 * Before the first fleet test: the base images, and `dist`, so that the tests run the CLI as its users do.
 * @throws where the fleet cannot run although `CI` is set; elsewhere its tests are skipped with the reason.
 */
export async function setup(): Promise<void> {
  const reason = fleetUnavailable();
  if (reason !== undefined) {
    if (isCi()) throw new Error(`CI is set and the fleet cannot run: ${reason}`);
    say(`skipped: ${reason}`);
    return;
  }
  await Promise.all([ensureBaseImage("bookworm", { onProgress: say }), ensureBaseImage("trixie", { onProgress: say })]);
  await buildDist();
}

/** After the last: what a killed worker may have left. */
export async function teardown(): Promise<void> {
  if (fleetUnavailable() === undefined) await sweepStaleFleets();
}

/** The compiler writes what it can also where types do not fit; judging them is `npm run types`' part. */
async function buildDist(): Promise<void> {
  if (!existsSync(join(ROOT, "src/cli/main.ts"))) return;
  await using _lock = await lockFile(join(ROOT, "node_modules/.cache/skep-dist.lock"));
  if (await isDistCurrent()) return;
  const { exitCode, stdout } = await run(["npx", "--no-install", "tsc", "-p", "src"], { cwd: ROOT });
  if (exitCode === 0) return;
  const problem = `the build has errors:\n${stdout.trimEnd()}`;
  if (isCi()) throw new Error(problem);
  say(problem);
}

async function isDistCurrent(): Promise<boolean> {
  const built = await stat(join(ROOT, "dist/cli/main.js")).catch(() => undefined);
  if (built === undefined) return false;
  const names = await readdir(join(ROOT, "src"), { recursive: true });
  const sources = names.filter((name) => name.endsWith(".ts"));
  const times = await Promise.all(sources.map(async (name) => (await stat(join(ROOT, "src", name))).mtimeMs));
  return times.every((time) => time < built.mtimeMs);
}

function isCi(): boolean {
  return !["", "0", "false", undefined].includes(process.env.CI);
}

function say(line: string): void {
  process.stderr.write(`fleet: ${line}\n`);
}
