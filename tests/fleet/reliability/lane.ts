import { copyFile, mkdir, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { command, http, nixos } from "#hive";
import type { Outcome } from "#rollout";
import type { Fleet, FleetHost } from "../harness/index.ts";
import { waitUntil } from "../harness/index.ts";
import { sealWithAge } from "../poison.ts";
import { stateOf } from "../scene.ts";
import { skep, startSkep, writeHive } from "../skep.ts";
import type { RunningSkep } from "../skep.ts";
import type { Fault } from "./faults.ts";
import { strike } from "./faults.ts";
import type { Moment } from "./moments.ts";
import { holdAt, makeHoldable, PROOF } from "./moments.ts";

export interface Cell {
  readonly fault: Fault;
  readonly moment: Moment;
}

/** How a deployment ended in which something broke. */
export interface CellEnding {
  /** What the operator was told of the host; undefined when the operator was killed. */
  readonly told: Outcome | undefined;
  readonly exitCode: number | null;
  /** What the host runs, boots, serves and has the secrets of. */
  readonly system: "old" | "new";
  /** Whether the lease had to expire, with nobody left to give it back. */
  readonly leaseExpired: boolean;
  /** What the next deployment of the same hive said. */
  readonly next: Outcome;
}

/** One host and an operator of its own, who deploys to it again and again while things break. */
export interface Lane {
  readonly host: FleetHost;
  /** The versions after the first: two to alternate between, and one for each cell that breaks a copy. */
  play(cell: Cell): Promise<CellEnding>;
}

/** Toplevels by their versions. `bad` is the one whose service does not answer as it should. */
export type Toplevels = Readonly<Record<string, string>>;

const SETTLE_TIMEOUT_MS = 150_000;
/** Longer than an operator that still lives needs to give a lease back. */
const LEASE_GIVEN_BACK_MS = 10_000;
const DEFAULTS = {
  checks: [
    http({ port: 8080, period: "200ms", timeout: "2s", deadline: "8s" }),
    command([...PROOF], { name: "the proof", period: "200ms", timeout: "2s", deadline: "8s" }),
  ],
  activation: { timeout: "8s", confirmTimeout: "14s" },
};

export async function openLane(
  host: FleetHost,
  { fleet, toplevels, copies }: { readonly fleet: Fleet; readonly toplevels: Toplevels; readonly copies: () => string },
): Promise<Lane> {
  const folder = join(fleet.folder, `hive-of-${host.name}`);
  await makeHoldable(host);
  await writeSecrets(folder, host, { fleet, versions: Object.keys(toplevels) });
  let current = "a";
  let isWhole = true;

  const want = async (version: string): Promise<void> => {
    await copyFile(join(folder, `secrets/${version}.age`), join(folder, "secrets/token.age"));
    const system = nixos({ storePath: toplevels[version] ?? "" });
    await writeHive(folder, {
      name: "lane",
      defaults: DEFAULTS,
      hosts: { [host.name]: { system, secrets: { token: {} } } },
    });
  };
  const bringTo = async (version: string): Promise<Outcome> => {
    await want(version);
    const run = await skep(fleet, ["deploy", "--json"], { cwd: folder });
    const outcome = run.outcomes[host.name];
    if (run.exitCode !== 0 || outcome === undefined) {
      throw new Error(`the deployment of ${version} failed with exit code ${String(run.exitCode)}:\n${run.stderr}`);
    }
    await systemOn(host, { from: version, to: version });
    current = version;
    return outcome;
  };
  await bringTo(current);

  return {
    host,
    async play({ fault, moment }) {
      // A cell that failed may have left anything behind.
      if (!isWhole) await bringTo("a");
      isWhole = false;
      const good = moment === "copying" ? copies() : current === "a" ? "b" : "a";
      const change = { from: current, to: moment === "rolling back" ? "bad" : good };
      await want(change.to);
      const hold = await holdAt(moment, host, change);
      const running = startSkep(fleet, ["deploy", "--json"], { cwd: folder });
      await whileRunning(running, (signal) => hold.reached(signal));
      const end = await strike(fault, { host, moment, hold, skep: running });
      await hold.release();
      await settled(host, { running, moment });
      await end();
      const run = await running.ended;
      await agentsEnded(host);
      const leaseExpired = await leaseEnded(host);
      const system = await systemOn(host, change);
      const next = await bringTo(good);
      isWhole = true;
      const told = run.exitCode === null ? undefined : run.outcomes[host.name];
      return { told, exitCode: run.exitCode, system, leaseExpired, next };
    },
  };
}

async function writeSecrets(
  folder: string,
  host: FleetHost,
  { fleet, versions }: { readonly fleet: Fleet; readonly versions: readonly string[] },
): Promise<void> {
  const secrets = join(folder, "secrets");
  await mkdir(secrets, { recursive: true });
  const admin = fleet.client.publicKey;
  const rules = { admins: { admin }, hosts: { [host.name]: host.hostKeys.ed25519 }, rules: { token: [host.name] } };
  await writeFile(
    join(secrets, "secrets.ts"),
    `import { defineSecrets } from "skep";\n\nexport default defineSecrets(${JSON.stringify(rules)});\n`,
  );
  for (const version of versions) {
    await sealWithAge(`token of ${version}`, {
      recipients: [admin, host.hostKeys.ed25519],
      file: join(secrets, `${version}.age`),
    });
  }
}

/** @throws what `skep` printed when it ends before what is waited for. */
async function whileRunning(running: RunningSkep, wait: (signal: AbortSignal) => Promise<void>): Promise<void> {
  const ended = new AbortController();
  const early = running.ended.then((run) => {
    ended.abort();
    throw new Error(`skep ended with ${String(run.exitCode)} before it was where it should break:\n${run.stderr}`);
  });
  early.catch(() => undefined);
  await Promise.race([wait(ended.signal), early]);
}

/** Until the operator has ended, or where there is an agent that does its work alone, until that has. */
async function settled(
  host: FleetHost,
  { running, moment }: { readonly running: RunningSkep; readonly moment: Moment },
): Promise<void> {
  const over = new AbortController();
  const hasAgent = !["copying", "installing secrets"].includes(moment);
  const waits = [running.ended, ...(hasAgent ? [agentsEnded(host, over.signal)] : [])];
  try {
    await Promise.race(waits);
  } finally {
    over.abort();
    await Promise.allSettled(waits.slice(1));
  }
}

async function agentsEnded(host: FleetHost, signal?: AbortSignal): Promise<void> {
  await waitUntil(async () => (await stateOf(host)).agents.length === 0, {
    ...{ timeoutMs: SETTLE_TIMEOUT_MS, everyMs: 300, what: `the agent on ${host.name} to end`, signal },
  });
}

/** @returns whether it took so long that it must have expired. */
async function leaseEnded(host: FleetHost): Promise<boolean> {
  const left = `[ -e /run/skep/lease ] || { echo none; exit; }
expires=$(sed -n 's/^expires=//p' /run/skep/lease); read -r up _ </proc/uptime; echo $((expires - \${up%%.*}))`;
  const begin = performance.now();
  await waitUntil(
    async () => {
      const seconds = await host.read(["sh", "-c", left]);
      return seconds === "none" || Number(seconds) <= 0;
    },
    { timeoutMs: SETTLE_TIMEOUT_MS, everyMs: 300, what: `the lease of ${host.name} to end` },
  );
  return performance.now() - begin > LEASE_GIVEN_BACK_MS;
}

/** @throws with all that was found when the host is of two minds. */
async function systemOn(host: FleetHost, { from, to }: { readonly from: string; readonly to: string }) {
  const { answer, running, default: boots, bootDefault, agents } = await stateOf(host);
  const token = (await host.inside(["cat", "/run/skep/secrets/token"])).stdout;
  const version = running.replace(/^.*-/, "");
  const named = `skep-test-system-${version}-${version}`;
  const found = { answer, running, boots, bootDefault, token, agents };
  const whole = {
    answer: version,
    running: named,
    boots: named,
    bootDefault: named,
    token: `token of ${version}`,
    agents: [],
  };
  if (JSON.stringify(found) !== JSON.stringify(whole) || ![from, to].includes(version)) {
    throw new Error(`${host.name} is half on its way from ${from} to ${to}: ${JSON.stringify(found, null, 2)}`);
  }
  return version === to ? ("new" as const) : ("old" as const);
}
