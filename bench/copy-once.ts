/**
 * One copy by skep in a process of its own: reads the closure, then logs in to every host named and copies to all of
 * them at once. Prints a {@link CopyReport}. Arguments: ssh_config, folder of the Nix store, toplevel, hosts….
 */
import { join } from "node:path";
import process from "node:process";
import { openNix, readClosure } from "#nix";
import { connect } from "#ssh";
import type { Closure, NarSource } from "#store";
import { copyClosure, openNixHostStore, parseStorePath, serveCommand, sharedNarSource } from "#store";

/** What a run took, and its highest memory. */
export interface CopyReport {
  /** `nix path-info`, once for all hosts. */
  readonly readClosureSeconds: number;
  /** From the first connect to the last goodbye. */
  readonly seconds: number;
  /** The same without logging in and taking leave; the slowest host's. */
  readonly copySeconds: number;
  readonly peakBytes: number;
}

const [configFile = "", root = "", toplevel = "", ...hosts] = process.argv.slice(1);
const closure = await timed(async () => readClosure(await openNix(), parseStorePath(toplevel)));
const narSource = sharedNarSource({ locate: (path) => join(root, path) });
const all = await timed(() => Promise.all(hosts.map((host) => copyTo(host, closure.value))));
const report: CopyReport = {
  readClosureSeconds: closure.seconds,
  seconds: all.seconds,
  copySeconds: Math.max(...all.value),
  peakBytes: process.resourceUsage().maxRSS * 1024,
};
process.stdout.write(JSON.stringify(report));

async function copyTo(host: string, what: Closure): Promise<number> {
  await using connection = await connect({ host }, { configFile });
  const { seconds } = await timed(() => copyOver(connection, what, narSource));
  return seconds;
}

async function copyOver(connection: Awaited<ReturnType<typeof connect>>, what: Closure, nars: NarSource): Promise<void> {
  await using store = await openNixHostStore({
    openChannel: (signal) => connection.open(serveCommand, { signal }),
    roundTripMs: connection.roundTripMs,
  });
  await copyClosure(what, store, { narSource: nars });
}

async function timed<T>(work: () => Promise<T>): Promise<{ readonly value: T; readonly seconds: number }> {
  const startedAt = performance.now();
  const value = await work();
  return { value, seconds: (performance.now() - startedAt) / 1_000 };
}
