/** Deploys to many hosts, beside what a shell does with `xargs` and `ssh`; see README.md. */
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import process from "node:process";
import { isWanted, readArguments } from "./arguments.ts";
import type { GrowthCase } from "./growth.ts";
import { growthMarkdown } from "./growth.ts";
import type { RaceOptions } from "./race.ts";
import { print, say } from "./print.ts";
import { race } from "./race.ts";
import { plainSsh2, skepConnected, skepDeploying } from "./scale-connected.ts";
import { makeParcel, skep, skepAtFifty, xargsSsh } from "./scale-contestants.ts";
import type { ScaleFleet } from "./scale-fleet.ts";
import { makeScaleFleet } from "./scale-fleet.ts";
import { startScaleHosts } from "./scale-hosts.ts";
import { simulate } from "./scale-simulated.ts";

const args = readArguments();
const SIZES = args.quick
  ? { same: [1, 2], changed: [1, 2], simulated: [10, 100], connected: [1, 2], deploying: 2 }
  : {
      same: [10, 100, 1_000],
      changed: [10, 100],
      simulated: [10, 100, 1_000, 10_000],
      connected: [10, 100, 1_000],
      deploying: 100,
    };
const TITLES = {
  same: "up to date",
  changed: "with a change",
  connected: "connected at one time",
  simulatedSame: "simulated, up to date",
  simulatedChanged: "simulated, with a change",
};

const folder = await mkdtemp(join(tmpdir(), "skep-bench-"));
try {
  await runSimulated(TITLES.simulatedSame, { isUpToDate: true });
  await runSimulated(TITLES.simulatedChanged, { isUpToDate: false });
  const most = Math.max(
    ...sizesOf(TITLES.same, SIZES.same),
    ...sizesOf(TITLES.changed, SIZES.changed),
    ...sizesOf(TITLES.connected, SIZES.connected),
    0,
  );
  if (most > 0) await runOnHosts(most);
} finally {
  await rm(folder, { recursive: true, force: true });
}

async function runOnHosts(most: number): Promise<void> {
  say(`starting ${most} hosts and one for parcels`);
  await using started = await startScaleHosts(most + 1);
  const seed = await makeScaleFleet(join(folder, "seed"), started.hosts.slice(most));
  let parcel = await makeParcel(seed, "release-0");
  let release = 0;
  const fleetOf = (hosts: number): Promise<ScaleFleet> =>
    makeScaleFleet(join(folder, `of-${hosts}`), started.hosts.slice(0, hosts));
  const change = async (fleet: ScaleFleet): Promise<void> => {
    release += 1;
    await fleet.release(`release-${release}`);
    parcel = await makeParcel(seed, `release-${release}`);
  };

  await compare(TITLES.changed, sizesOf(TITLES.changed, SIZES.changed), async (hosts, name) => {
    const fleet = await fleetOf(hosts);
    return race([skep, skepAtFifty, xargsSsh], {
      ...optionsOf(name),
      prepare: () => change(fleet),
      attempt: (deployer) => deployer.deploy({ fleet, isUpToDate: false, parcel }),
    });
  });
  await compare(TITLES.connected, sizesOf(TITLES.connected, SIZES.connected), async (hosts, name) => {
    const fleet = await fleetOf(hosts);
    const holders = hosts > SIZES.deploying ? [plainSsh2, skepConnected] : [skepDeploying, plainSsh2, skepConnected];
    return race(holders, {
      ...optionsOf(name),
      prepare: async () => {
        release += 1;
        await fleet.release(`release-${release}`);
      },
      attempt: (holder) => holder.hold(fleet),
    });
  });
  await compare(TITLES.same, sizesOf(TITLES.same, SIZES.same), async (hosts, name) => {
    const fleet = await fleetOf(hosts);
    await fleet.release("release-0");
    await fleet.settle();
    return race([skep, skepAtFifty, xargsSsh], {
      ...optionsOf(name),
      prepare: () => Promise.resolve(),
      attempt: (deployer) => deployer.deploy({ fleet, isUpToDate: true, parcel }),
    });
  });
}

async function runSimulated(title: string, { isUpToDate }: { readonly isUpToDate: boolean }): Promise<void> {
  await compare(title, sizesOf(title, SIZES.simulated), (hosts, name) =>
    race([{ name: "skep" }], {
      ...optionsOf(name),
      prepare: () => Promise.resolve(),
      attempt: () => simulate(hosts, { isUpToDate }),
    }),
  );
}

/** Runs the cases of one kind, from few hosts to many, and shows how they grow. */
async function compare(
  title: string,
  sizes: readonly number[],
  run: (hosts: number, name: string) => Promise<GrowthCase["result"]>,
): Promise<void> {
  const cases: GrowthCase[] = [];
  for (const hosts of sizes) {
    const result = await run(hosts, nameOf(hosts, title));
    cases.push({ hosts, result });
    if (args.format !== "markdown") print(result, args.format);
  }
  if (args.format === "markdown" && cases.length > 0) process.stdout.write(`${growthMarkdown(title, cases)}\n`);
}

function nameOf(hosts: number, title: string): string {
  return `${hosts.toLocaleString("en")} ${hosts === 1 ? "host" : "hosts"} ${title}`;
}

function sizesOf(title: string, sizes: readonly number[]): readonly number[] {
  return sizes.filter((hosts) => isWanted(nameOf(hosts, title), args));
}

function optionsOf(name: string): Pick<RaceOptions<never>, "bench" | "name" | "runs"> {
  return { bench: "scale", name, runs: args.runs };
}
