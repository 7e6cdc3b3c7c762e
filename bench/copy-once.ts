/**
 * One copy by skep in a process of its own: reads the closure, then logs in to every host named and copies to all of
 * them at once. Prints a {@link CopyReport}. Arguments: ssh_config, folder of the Nix store, toplevel, hosts….
 */
import { join } from "node:path";
import process from "node:process";
import { openNix, readClosure } from "#nix";
import { connect } from "#ssh";
import { copyClosure, openNixHostStore, parseStorePath, serveCommand, sharedNarSource } from "#store";

/** What a run took, and its highest memory. */
export interface CopyReport {
  /** `nix path-info`, once for all hosts. */
  readonly readClosureSeconds: number;
  /** From the first connect until the last host has acknowledged the last path. */
  readonly seconds: number;
  /** The same without logging in; the slowest host's. */
  readonly copySeconds: number;
  readonly peakBytes: number;
}

const [configFile = "", root = "", toplevel = "", ...hosts] = process.argv.slice(1);
const began = performance.now();
const closure = await readClosure(await openNix(), parseStorePath(toplevel));
const narSource = sharedNarSource({ locate: (path) => join(root, path) });
const startedAt = performance.now();
const copies = await Promise.all(hosts.map((host) => copyTo(host)));
const report: CopyReport = {
  readClosureSeconds: (startedAt - began) / 1_000,
  seconds: (Math.max(...copies.map(({ endedAt }) => endedAt)) - startedAt) / 1_000,
  copySeconds: Math.max(...copies.map(({ loggedInAt, endedAt }) => endedAt - loggedInAt)) / 1_000,
  peakBytes: process.resourceUsage().maxRSS * 1024,
};
process.stdout.write(JSON.stringify(report));

interface Copy {
  readonly loggedInAt: number;
  readonly endedAt: number;
}

async function copyTo(host: string): Promise<Copy> {
  await using connection = await connect({ host }, { configFile });
  const loggedInAt = performance.now();
  await using store = await openNixHostStore({
    openChannel: (signal) => connection.open(serveCommand, { signal }),
    roundTripMs: connection.roundTripMs,
  });
  await copyClosure(closure, store, { narSource });
  // Taking leave is not counted: Nix's tools do not wait for the host's goodbye either.
  return { loggedInAt, endedAt: performance.now() };
}
