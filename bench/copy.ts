/** Copies closures with skep and with Nix's own tools; see README.md. */
import { join } from "node:path";
import type { Fleet } from "../tests/fleet/harness/index.ts";
import { startFleet } from "../tests/fleet/harness/index.ts";
import type { BenchArguments } from "./arguments.ts";
import { isWanted, readArguments } from "./arguments.ts";
import type { Contestant, CopyJob } from "./contestants.ts";
import { nixCopyClosure, nixCopySsh, nixCopySshNg, skep } from "./contestants.ts";
import type { Destination } from "./destination.ts";
import { openDestination } from "./destination.ts";
import { openLine } from "./line.ts";
import { print, say } from "./print.ts";
import { race } from "./race.ts";
import type { CaseResult } from "./rows.ts";
import type { SourceClosure } from "./source-store.ts";
import { importClosure } from "./source-store.ts";

interface CopyCase {
  readonly name: string;
  readonly closure: SourceClosure;
  readonly roundTripMs: number;
  /** Number of hosts copied to at once. */
  readonly hosts: number;
  /** Whether all of it is on the hosts before. */
  readonly isThere: boolean;
  readonly contestants: readonly Contestant[];
}

const KIB = 1024;
const MIB = 1024 * KIB;
const FULL = [
  { name: "2,000 small paths", closure: { name: "small", paths: 2_000, fileBytes: 2 * KIB } },
  { name: "500 MiB in 2,000 paths", closure: { name: "medium", paths: 2_000, fileBytes: 256 * KIB } },
  { name: "one path of 1 GiB", closure: { name: "large", paths: 1, fileBytes: 1_024 * MIB } },
] as const;
const QUICK = [
  { name: "200 small paths", closure: { name: "small", paths: 200, fileBytes: 2 * KIB } },
  { name: "50 MiB in 200 paths", closure: { name: "medium", paths: 200, fileBytes: 256 * KIB } },
  { name: "one path of 64 MiB", closure: { name: "large", paths: 1, fileBytes: 64 * MIB } },
] as const;
const ROUND_TRIPS_MS = [0, 100];
const CROWD = 8;
const EVERYONE = [skep, nixCopySshNg, nixCopySsh, nixCopyClosure];
/** In memory, so that the hosts' disks decide nothing. */
const DISK = "6G";

const args = readArguments();
const cases = casesOf(args).filter(({ name }) => isWanted(name, args));
const count = Math.max(0, ...cases.map(({ hosts }) => hosts));
say(`starting ${count} hosts (${args.suite})`);
await using fleet = await startFleet(
  Array.from({ length: count }, (_, index) => ({ name: `host-${index + 1}`, suite: args.suite, disk: DISK })),
);
const destinations = await Promise.all(fleet.hosts.map((host) => openDestination(host)));
const root = join(fleet.folder, "operator");
const toplevels = new Map<SourceClosure, string>();
for (const one of cases) print(await run(one), args.format);

function casesOf({ quick }: BenchArguments): CopyCase[] {
  const [small, medium, large] = quick ? QUICK : FULL;
  const each = ROUND_TRIPS_MS.flatMap((roundTripMs) => {
    const at = { roundTripMs, hosts: 1, isThere: false, contestants: EVERYONE };
    return [
      ...[small, medium, large].map(({ name, closure }) => ({ ...at, name: `${name}, ${roundTripMs} ms`, closure })),
      { ...at, name: `${small.name}, already there, ${roundTripMs} ms`, closure: small.closure, isThere: true },
    ];
  });
  const crowd = { roundTripMs: 0, hosts: CROWD, isThere: false, contestants: [skep, nixCopySshNg, nixCopySsh] };
  return [...each, { ...crowd, name: `${medium.name} to ${CROWD} hosts at once, 0 ms`, closure: medium.closure }];
}

async function run(one: CopyCase): Promise<CaseResult> {
  const { name, closure, roundTripMs, hosts, isThere, contestants } = one;
  const toplevel = toplevels.get(closure) ?? (await makeSource(fleet, closure));
  toplevels.set(closure, toplevel);
  await using line = await openLine(fleet, roundTripMs);
  const targets = destinations.slice(0, hosts);
  const job: CopyJob = {
    toplevel,
    hosts: targets.map(({ host }) => host.name),
    configFile: line.configFile,
    root,
    env: fleet.environment,
  };
  if (isThere) {
    await emptyAll(targets);
    await skep.copy({ ...job, configFile: fleet.client.configFile });
  }
  return await race(contestants, {
    bench: "copy",
    name,
    runs: args.runs,
    async prepare() {
      if (!isThere) await emptyAll(targets);
    },
    async attempt(contestant) {
      const results = await contestant.copy(job);
      await Promise.all(targets.map((target) => target.mustHave(toplevel)));
      return results;
    },
  });
}

async function makeSource({ environment: env }: Fleet, closure: SourceClosure): Promise<string> {
  say(`making ${closure.paths} paths of ${closure.fileBytes} bytes`);
  return importClosure(closure, { root, env });
}

async function emptyAll(targets: readonly Destination[]): Promise<void> {
  await Promise.all(targets.map((target) => target.empty()));
}
