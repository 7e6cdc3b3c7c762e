import { formatDuration, didYouMean } from "#core";
import type { Host, Limits } from "#hive";
import { parseHive, selectHosts } from "#hive";
import { summary, useColors } from "#report";
import type { RolloutReport } from "#rollout";
import type { Fault, SimulatedRollout } from "#simulation";
import { createRandom, madeUpHive, RANDOM_FAULTS, randomFaults, SimulatedFleet } from "#simulation";
import { CliError } from "../errors.ts";
import type { Selection } from "../options/hive-options.ts";
import { loadSelection } from "../options/hive-options.ts";
import { refuseIdleWaves } from "../options/refuse-idle-waves.ts";
import { policyOf } from "../options/rollout-options.ts";
import type { Terminal } from "../terminal/terminal.ts";
import type { SimulateArguments } from "./simulate-command.ts";
import type { FaultStory } from "./simulate-faults.ts";
import { faultLines, inShort, tellFaults } from "./simulate-faults.ts";

const MOST_HOSTS = 100_000;
/** More rows than that tell less. */
const ROWS = 25;
/** More names than that tell less, in one line. */
const NAMES = 5;

/** Simulates a deployment, tells what the policy made of it, and returns 0: nothing real can have failed. */
export async function simulate(args: SimulateArguments, terminal: Terminal): Promise<number> {
  const { hive, hosts } = args.hosts === undefined ? await loadSelection(args, terminal) : makeUp(args, args.hosts);
  const policy = policyOf(hive, { ...args, confirm: false }, terminal);
  refuseIdleWaves(args.wave, { waves: policy.waves, hive, hosts });
  const faults = faultsOf(args, hosts);
  const startedAt = performance.now();
  const fleet = new SimulatedFleet(hosts, { seed: args.seed, hive: hive.hosts });
  const limits = limitsOf(hive.limits, args.parallel);
  const rollout = await fleet.deploy({ release: "v2", goal: "switch", policy, limits, faults });
  const tookMs = performance.now() - startedAt;
  if (rollout.report === undefined) return 0;
  const story = tellStory(rollout, rollout.report);
  const { stdout, env } = terminal;
  if (args.json) {
    stdout.write(`${JSON.stringify({ ...story, tookMs: Math.round(tookMs), hosts: rollout.report.hosts })}\n`);
    return 0;
  }
  const look = { colors: useColors(stdout, env), columns: stdout.columns ?? 120 };
  stdout.write(`${closing(rollout.report, look)}\n${lines(story).join("\n")}\n`);
  stdout.write(`simulated in ${formatDuration(tookMs)}, seed ${args.seed}\n`);
  return 0;
}

function makeUp({ on }: SimulateArguments, count: number): Selection {
  if (!Number.isInteger(count) || count < 1 || count > MOST_HOSTS) {
    throw wrong(`--hosts takes a whole number from 1 to ${MOST_HOSTS}`);
  }
  const hive = parseHive(madeUpHive(count), { directory: "/simulated" });
  return { hive, hosts: selectHosts(hive, on) };
}

function limitsOf(limits: Limits, parallel: number | undefined): Limits {
  if (parallel === undefined) return limits;
  if (!Number.isInteger(parallel) || parallel < 1) throw wrong("--parallel takes a whole number from 1 up");
  // More at once is asked for to see what the policy bounds.
  return { ...limits, parallel, copy: parallel, activate: parallel };
}

function faultsOf({ fail, fault = [], seed }: SimulateArguments, hosts: readonly Host[]): readonly Fault[] {
  const random = createRandom(seed);
  const wanted = [...(fail === undefined ? [] : [`bad-system=${fail}`]), ...fault];
  return wanted.flatMap((text) => {
    const [word = "", amount = ""] = text.split("=");
    const kind = RANDOM_FAULTS.find((one) => one === word);
    if (kind === undefined) {
      throw new CliError("cli/usage", `--fault knows no ${word}`, {
        hint: didYouMean(word, RANDOM_FAULTS) ?? `it knows ${RANDOM_FAULTS.join(", ")}`,
      });
    }
    return randomFaults(kind, { hosts, count: countOf(amount, { of: hosts.length, word }), random });
  });
}

function countOf(text: string, { of, word }: { readonly of: number; readonly word: string }): number {
  const [, number, percent] = /^(\d+(?:\.\d+)?)(%?)$/.exec(text) ?? [];
  const value = Number(number);
  if (percent === "%" && value <= 100) return Math.round((value * of) / 100);
  if (percent === "" && Number.isInteger(value)) return Math.min(value, of);
  const option = word === "bad-system" ? "--fail" : `--fault ${word}=`;
  throw wrong(`${option} takes a number of hosts, or a share such as 1%, not "${text}"`);
}

/** What the policy made of the run. Milliseconds since its beginning. */
interface Story {
  readonly durationMs: number;
  readonly waves: readonly {
    readonly name: string;
    readonly hosts: number;
    readonly names: readonly string[];
    readonly fromMs: number;
    readonly toMs: number;
  }[];
  /** Why it stopped, if it did. */
  readonly stopped: { readonly atMs: number; readonly why: string } | undefined;
  /** Hosts on which a new system was tried. */
  readonly touched: number;
  readonly total: number;
  readonly faults: readonly FaultStory[];
  readonly mostUnavailable: number;
  readonly longestOutage: { readonly host: string; readonly ms: number } | undefined;
}

function tellStory(rollout: SimulatedRollout, report: RolloutReport): Story {
  const { events, hosts, outages, mostUnavailable } = rollout;
  const { startedAt } = report;
  const ends = new Map(events.flatMap((event) => (event.type === "wave-finished" ? [[event.wave, event]] : [])));
  const stop = [...ends.values()].find(({ stopped }) => stopped !== undefined);
  const longest = outages.reduce<{ readonly host: string; readonly ms: number } | undefined>((worst, outage) => {
    const ms = outage.toMs - outage.fromMs;
    return worst !== undefined && worst.ms >= ms ? worst : { host: outage.host, ms };
  }, undefined);
  return {
    durationMs: report.durationMs,
    waves: events.flatMap((event) => {
      if (event.type !== "wave-started") return [];
      const toMs = (ends.get(event.wave)?.at ?? event.at) - startedAt;
      const names = event.hosts;
      return [{ name: event.wave, hosts: names.length, names, fromMs: event.at - startedAt, toMs }];
    }),
    stopped: stop === undefined ? skippedIn(report) : { atMs: stop.at - startedAt, why: stop.stopped ?? "" },
    touched: [...hosts.values()].filter(({ wasActivated }) => wasActivated).length,
    total: hosts.size,
    faults: tellFaults(rollout, report.durationMs),
    mostUnavailable,
    longestOutage: longest,
  };
}

/** A run of one wave tells of no waves: that it stopped is seen by those it did not begin. */
function skippedIn({ hosts, durationMs }: RolloutReport): Story["stopped"] {
  const skipped = hosts.find((host) => host.outcome === "skipped");
  return skipped?.outcome === "skipped" ? { atMs: durationMs, why: skipped.reason } : undefined;
}

function lines({
  waves,
  stopped,
  touched,
  total,
  faults,
  mostUnavailable,
  longestOutage,
  durationMs,
}: Story): readonly string[] {
  const width = Math.max(0, ...waves.map(({ name }) => name.length));
  const most = total <= ROWS ? ROWS : NAMES;
  return [
    ...waves.map(({ name, hosts, names, fromMs, toMs }) => {
      const count = hosts === 1 ? "1 host" : `${hosts} hosts`;
      const time = `from ${formatDuration(fromMs)} to ${formatDuration(toMs)}`;
      return `wave ${name.padEnd(width)}  ${count}, ${time}: ${inShort(names, most)}`;
    }),
    ...faultLines(faults, { most }),
    stopped === undefined
      ? `went through in ${formatDuration(durationMs)}`
      : `stopped after ${formatDuration(stopped.atMs)}: ${stopped.why}`,
    `touched ${touched} of ${total} hosts; at most ${mostUnavailable} were unavailable at one time`,
    ...(longestOutage === undefined
      ? []
      : [`longest unavailable: ${longestOutage.host}, ${formatDuration(longestOutage.ms)}`]),
  ];
}

/** As a deployment closes; of many hosts only those that did not end well. */
function closing(report: RolloutReport, look: { readonly colors: boolean; readonly columns: number }): string {
  if (report.hosts.length <= ROWS) return summary(report, look);
  const bad = report.hosts.filter((host) => "error" in host);
  const table = summary({ ...report, hosts: bad.slice(-ROWS) }, look)
    .trimEnd()
    .split("\n")
    .slice(0, -1);
  const more = bad.length > ROWS ? [`and ${bad.length - ROWS} more that did not end well`, ""] : [];
  const verdict =
    summary({ ...report }, look)
      .trimEnd()
      .split("\n")
      .at(-1) ?? "";
  return [...table, ...more, verdict, ""].join("\n");
}

function wrong(message: string): CliError {
  return new CliError("cli/usage", message, { hint: "see skep simulate --help" });
}
