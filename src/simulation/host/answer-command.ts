/** What a simulated host answers to the commands of a rollout: each script is known by its text. */
import type { HostScript } from "#activation";
import { hostScripts } from "#activation";
import type { Argv, CommandResult } from "#core";
import { BEGUN_SCRIPT } from "#rollout";
import { parseStorePath } from "#store";
import { startSimulatedAgent } from "./simulated-agent.ts";
import type { SimulatedHost } from "./simulated-host.ts";
import { acquireLease, releaseLease, renewLease, sayHolder } from "./simulated-lease.ts";
import type { SimulatedOrder, SimulatedRun } from "./simulated-run.ts";
import { checkNameIn } from "./stand-in-checks.ts";

/** What a command came to. */
export type Answer = Pick<CommandResult, "stdout" | "stderr"> & { readonly exitCode: number };

export interface CommandOptions {
  readonly argv: Argv;
  readonly stdin: string | Uint8Array | undefined;
  /** Each line of standard output as it is printed; only of what runs for long. */
  readonly onLine: (line: string) => void;
}

/** Carries a command out on a host. Rejects when the host goes down under it. */
export async function answerCommand(host: SimulatedHost, { argv, stdin, onLine }: CommandOptions): Promise<Answer> {
  const { power } = host;
  const script = typeof stdin === "string" ? SCRIPTS.get(stdin) : undefined;
  if (script !== undefined) {
    const answer = ANSWERS[script](argv.slice(4), { host, onLine, power });
    return answer;
  }
  if (stdin === BEGUN_SCRIPT) return said(sayBegun(host, argv.at(-1) ?? ""));
  const [program, ...args] = argv;
  const check = checkNameIn(argv);
  if (check !== undefined) return answerCheck(host);
  // installSecrets: sh -c <loader> skep-secrets <root> <mode> <set> <toplevel>
  if (program === "sh" && args[2] === "skep-secrets") return installSecrets(host, args.slice(4));
  if (program === "env" && args.at(-1) === "dry-activate") return said("would activate it\n");
  if (program === "systemctl" || program === "journalctl") return said("");
  return { stdout: "", stderr: `${program}: a simulated host does not know it\n`, exitCode: 127 };
}

const SCRIPTS = new Map<string, HostScript>(
  (Object.entries(hostScripts) as [HostScript, string][]).map(([name, text]) => [text, name]),
);

interface Scene {
  readonly host: SimulatedHost;
  readonly onLine: (line: string) => void;
  /** Of the boot in which it was begun. */
  readonly power: AbortSignal;
}

const LEASE_HELD = 75;
const NO_SWITCH = 71;
const NO_ROOM_TO_RELOAD = 73;
const BUSY = 74;
const AT_WORK = 77;
const OTHER_SYSTEM = 76;
const ASK_MS = 1_000;
/** How often FOLLOW_SCRIPT looks whether the agent is alive. */
const ALIVE_EVERY_MS = 2_000;

const ANSWERS: Readonly<Record<HostScript, (args: readonly string[], scene: Scene) => Answer | Promise<Answer>>> = {
  probe: (_args, { host }) => said(probe(host)),
  readPlanFacts: (_args, { host }) => {
    const newest = Math.max(0, ...host.generations.keys());
    const system = host.generations.get(newest) ?? "";
    return said(`${newest === 0 ? "" : `newest\t${newest}\t${system}\n`}complete\n`);
  },
  acquireLease: ([run = "", owner = "", reason = "", seconds = "", mode], { host }) => {
    const held = host.lease?.run === run ? "" : sayHolder(host);
    const got = acquireLease(host, { run, owner, reason, ttlMs: Number(seconds) * 1000, steal: mode === "steal" });
    if (got === "no-room") return failed(1, NO_ROOM);
    return { stdout: held, stderr: "", exitCode: got === "held" ? LEASE_HELD : 0 };
  },
  renewLease: ([run = "", seconds = ""], { host }) => {
    const isOurs = renewLease(host, { run, ttlMs: Number(seconds) * 1000 });
    return isOurs ? said("") : { stdout: sayHolder(host), stderr: "", exitCode: LEASE_HELD };
  },
  releaseLease: ([run = "", how], { host }) => {
    if (how === "settled" || host.runs.get(run)?.isOver !== false) releaseLease(host, run);
    return said("");
  },
  protectClosure: (_args, { host }) => (host.isDiskFull ? failed(1, NO_ROOM) : said("")),
  startAgent: (args, { host }) => startAgent(host, args),
  readAgent: ([run = ""], { host }) => said(sayStatus(host.runs.get(run))),
  followAgent: ([run = "", until = "", seen = ""], scene) =>
    followAgent(scene, { run, until: new Set(until.trim().split(" ")), seen: Number(seen) }),
  decideAgent: ([run = "", verdict], { host }) => {
    const found = host.runs.get(run);
    if (found === undefined) return said("");
    if (verdict === "confirmed" && host.lease?.run !== run) return failed(LEASE_HELD, "");
    if (verdict === "confirmed" || verdict === "refused" || verdict === "stolen") found.decide(verdict);
    return said(`verdict=${found.verdict ?? ""}\n`);
  },
  readRebootNeed: ([toplevel = ""], { host }) => {
    const isOther = host.needsReboot && host.booted !== toplevel;
    return said(`${isOther ? "part=kernel\n" : ""}need=complete\n`);
  },
  requestReboot: ([run = "", toplevel], { host }) => requestReboot(host, { run, toplevel }),
  readBootState: (_args, { host }) => said(`boot_id=${host.bootId}\nrunning=${host.running ?? ""}\nstate=running\n`),
};

const NO_ROOM = "No space left on device\n";

function said(stdout: string): Answer {
  return { stdout, stderr: "", exitCode: 0 };
}

function failed(exitCode: number, stderr: string): Answer {
  return { stdout: "", stderr, exitCode };
}

function probe(host: SimulatedHost): string {
  const { nixos, running, booted, generation, profileSystem, secretsInUse, commit } = host;
  const isCut = commit !== undefined && host.runs.get(commit.run)?.state !== "committing";
  const bootSet = profileSystem === undefined ? undefined : host.keptSecrets.get(profileSystem);
  const lines: readonly (readonly [string, string | number | undefined])[] = [
    ["uid", 0],
    ["nixos", nixos ? "yes" : undefined],
    ["systemd", "yes"],
    ["nix", "nix-store (Nix) 2.18.1"],
    ["running", running],
    ["booted", booted],
    ["profile_link", generation === undefined ? undefined : `system-${generation}-link`],
    ["profile_system", profileSystem],
    ["secrets_generation", secretsInUse],
    ["secrets_set", secretsInUse === undefined ? undefined : host.secretSets.get(secretsInUse)],
    ["secrets_boot_set", bootSet],
    ...(isCut
      ? ([
          ["cut_run", commit.run],
          ["cut_system", commit.system],
        ] as const)
      : []),
    ["boot_id", host.bootId],
    ["free_kib", host.isDiskFull ? 0 : 50_000_000],
    ["probe", "complete"],
  ];
  return sayHolder(host) + lines.flatMap(([key, value]) => (value === undefined ? [] : [`${key}=${value}\n`])).join("");
}

function startAgent(host: SimulatedHost, args: readonly string[]): Answer {
  const [run = "", goal, toplevel = "", previous = "", , switchSeconds, confirmSeconds, longest] = args;
  const [record = "", secrets = "", reboot = ""] = args.slice(11);
  const wanted = parseStorePath(toplevel);
  if (!host.store.has(wanted)) return failed(NO_SWITCH, "");
  if (host.isRunFull) return { stdout: "free=0\n", stderr: "", exitCode: NO_ROOM_TO_RELOAD };
  if (host.lease?.run !== run) return failed(LEASE_HELD, "");
  for (const [id, old] of host.runs) if (old.isOver) host.runs.delete(id);
  const atWork = host.runs.get(run);
  if (atWork !== undefined) return { stdout: `${atWork.state}\n`, stderr: "", exitCode: AT_WORK };
  if (!renewLease(host, { run, ttlMs: Number(longest) * 1000 })) return failed(LEASE_HELD, "");
  startSimulatedAgent(host, {
    run,
    goal: goal as SimulatedOrder["goal"],
    toplevel: wanted,
    previous: previous === "" ? undefined : parseStorePath(previous),
    switchTimeoutMs: Number(switchSeconds) * 1000,
    confirmTimeoutMs: Number(confirmSeconds) * 1000,
    ...{ longestMs: Number(longest) * 1000, record, mayReboot: reboot !== "" },
    secrets: secrets === "" ? undefined : secrets === "none" ? "none" : Number(secrets),
  });
  return said("");
}

/** As BEGUN_SCRIPT does. */
function sayBegun({ runs, records }: SimulatedHost, id: string): string {
  const run = runs.get(id);
  const record = run?.order.record ?? records.get(id);
  if (record === undefined) return "";
  const before = run?.secretsBefore === undefined ? "" : (run.secretsBefore.generation ?? "none");
  return `${run === undefined ? "kept=yes\n" : ""}record=${record}\nsecrets=${run?.order.secrets ?? ""}\nsecrets-before=${before}\n`;
}

function sayStatus(run: SimulatedRun | undefined): string {
  if (run === undefined) return "";
  const cause = run.cause === undefined ? "" : `cause=${run.cause}\n`;
  const generation = run.generation === undefined ? "" : `generation=${run.generation}\n`;
  return `state=${run.state}\n${cause}${generation}${run.byReboot ? "by_reboot=yes\n" : ""}`;
}

async function followAgent(
  { host, onLine, power }: Scene,
  { run: id, until, seen }: { readonly run: string; readonly until: ReadonlySet<string>; readonly seen: number },
): Promise<Answer> {
  const run = host.runs.get(id);
  if (run === undefined) return said("");
  let shown = seen;
  await new Promise<void>((resolve, reject) => {
    let grace: { cancel(): void } | undefined;
    const end = (settle: () => void): void => {
      grace?.cancel();
      unwatch();
      power.removeEventListener("abort", stop);
      settle();
    };
    const stop = (): void => {
      end(() => {
        reject(power.reason as Error);
      });
    };
    const look = (): void => {
      const told = until.has("rolling-back") ? (run.backFrom ?? run.log.length) : run.log.length;
      for (const line of run.log.slice(shown, told)) onLine(`log ${line}`);
      shown = Math.max(shown, told);
      if (until.has(run.state) || host.runs.get(id) !== run) end(resolve);
      else if (run.kill !== undefined) {
        grace?.cancel();
        grace = undefined;
      } else {
        grace ??= host.clock.after(ALIVE_EVERY_MS, () => {
          end(resolve);
        });
      }
    };
    const unwatch = run.watch(look);
    power.addEventListener("abort", stop, { once: true });
    look();
  });
  return said(sayStatus(host.runs.get(id)));
}

function requestReboot(
  host: SimulatedHost,
  { run, toplevel }: { readonly run: string; readonly toplevel: string | undefined },
): Answer {
  const agent = host.runs.get(run);
  if (agent?.isOver === false) return { stdout: `agent=${agent.state}\n`, stderr: "", exitCode: BUSY };
  const boots = host.profileSystem ?? "";
  if (boots !== toplevel) return { stdout: `boots=${boots}\n`, stderr: "", exitCode: OTHER_SYSTEM };
  const { power } = host;
  host.clock.after(ASK_MS, () => {
    if (power.aborted) return;
    host.isRebootingForRun = true;
    host.reboot();
  });
  return said(`boot_id=${host.bootId}\n`);
}

function installSecrets(host: SimulatedHost, [mode, set = ""]: readonly string[]): Answer {
  if (mode !== "install") return said("");
  if (host.hasFault("cannot-open-secrets")) return said(`problem\tcannot-open\tweb/token\tno identity matched\n`);
  if (host.isRunFull) return said(`problem\treceive\t-\tno room in memory\n`);
  if (host.isDiskFull) return said(`problem\tkeep\t-\tthe disk is full\n`);
  const generation = Math.max(0, ...host.secretSets.keys()) + 1;
  host.secretSets.set(generation, set);
  return said(`generation\t${generation}\n`);
}

/** The old system is well; the new one is as its faults let it. */
function answerCheck(host: SimulatedHost): Answer | Promise<Answer> {
  if (host.running === undefined) return failed(1, "nothing runs\n");
  if (!host.isOnWanted) return said("well\n");
  if (host.hasFault("checks-hang")) return new Promise(() => undefined);
  const age = host.clock.monotonic() - host.activatedAt;
  const isIll = host.faults.some((fault) => {
    if (fault.kind === "unhealthy") return age >= (fault.afterMs ?? 0);
    return fault.kind === "flapping" && host.random.next() < fault.share;
  });
  return isIll ? failed(1, "not well\n") : said("well\n");
}
