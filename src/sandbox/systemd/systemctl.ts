import { messageOf } from "#core";
import type { Call, CallResult, SystemctlPlace, Verb } from "./systemctl-call.ts";
import { failure, isUp, parseCall, success } from "./systemctl-call.ts";
import { disable, enable, enablement } from "./systemctl-install.ts";
import { cat, listUnits, show, status } from "./systemctl-show.ts";

/** Answers one call of `systemctl`, as far as a sandbox host knows the word. */
export async function systemctl(args: readonly string[], place: SystemctlPlace): Promise<CallResult> {
  const call = parseCall(args);
  if (typeof call === "string") return failure(1, call);
  const verb = Object.hasOwn(VERBS, call.verb) ? VERBS[call.verb] : undefined;
  if (verb === undefined) return failure(1, `Unknown command verb ${call.verb} on a sandbox host.`);
  try {
    const units = await expandPatterns(call.units, place);
    if (call.units.length > 0 && units.length === 0) return success();
    return await verb({ ...call, units }, place);
  } catch (error) {
    return failure(1, `Failed to ${call.verb}: ${messageOf(error)}`);
  }
}

const VERBS: Readonly<Record<string, Verb>> = {
  "daemon-reload": (_call, { manager }) => {
    manager.reloadFiles();
    return success();
  },
  "daemon-reexec": (_call, { manager }) => {
    manager.reloadFiles();
    return success();
  },
  start: (call, place) => eachJob(call, place, (name, { manager }) => manager.start(name)),
  restart: (call, place) => eachJob(call, place, (name, { manager }) => manager.restart(name)),
  "try-restart": (call, place) =>
    eachJob(call, place, (name, { manager }) => (isUp(manager.status(name)) ? manager.restart(name) : true)),
  "reload-or-restart": (call, place) => eachJob(call, place, reloadOrRestart),
  "try-reload-or-restart": (call, place) =>
    eachJob(call, place, (name, there) => (isUp(there.manager.status(name)) ? reloadOrRestart(name, there) : true)),
  reload,
  stop: (call, place) =>
    eachJob(
      call,
      place,
      async (name, { manager }) => {
        await manager.stop(name);
        return true;
      },
      { mayBeGone: true },
    ),
  kill: async ({ units, values }, { manager }) => {
    const signal = (values.get("signal") ?? "SIGTERM").replace(/^(?!SIG)/, "SIG") as NodeJS.Signals;
    for (const name of units) manager.kill(name, signal);
    return Promise.resolve(success());
  },
  "reset-failed": ({ units }, { manager }) => {
    if (units.length === 0) manager.reset();
    for (const name of units) manager.reset(name);
    return success();
  },
  "is-active": (call, { manager }) =>
    tellStates(call, {
      states: call.units.map((name) => manager.status(name).activeState),
      good: ["active", "reloading"],
    }),
  "is-failed": (call, { manager }) =>
    tellStates(call, { states: call.units.map((name) => manager.status(name).activeState), good: ["failed"], bad: 1 }),
  "is-enabled": async (call, place) => {
    const states: string[] = [];
    for (const name of call.units) states.push(await enablement(name, place));
    return tellStates(call, { states, good: ["enabled", "enabled-runtime", "static", "alias", "generated"], bad: 1 });
  },
  "is-system-running": async (call, { manager }) => {
    const names = await manager.list();
    const state = names.some((name) => manager.status(name).activeState === "failed") ? "degraded" : "running";
    return { exitCode: state === "running" ? 0 : 1, stdout: call.flags.has("quiet") ? "" : `${state}\n`, stderr: "" };
  },
  show,
  status,
  cat,
  "list-units": listUnits,
  enable,
  disable,
  reboot: (_call, { onReboot }) => {
    onReboot();
    return success();
  },
};

async function reload(call: Call, place: SystemctlPlace): Promise<CallResult> {
  for (const name of call.units) {
    const unit = await place.manager.load(name);
    if (unit === undefined || unit.settings.all("Service", "ExecReload").length > 0) continue;
    return failure(3, `Failed to reload ${name}: Job type reload is not applicable for unit ${name}.`);
  }
  return eachJob(call, place, (name, { manager }) => manager.reload(name));
}

async function reloadOrRestart(name: string, { manager }: SystemctlPlace): Promise<boolean> {
  const unit = await manager.load(name);
  const canReload = unit !== undefined && unit.settings.all("Service", "ExecReload").length > 0;
  return canReload && manager.status(name).activeState === "active" ? manager.reload(name) : manager.restart(name);
}

/** Does something with each unit; all at once, as systemd's jobs are. */
async function eachJob(
  { units, flags, verb }: Call,
  place: SystemctlPlace,
  work: (name: string, place: SystemctlPlace) => Promise<boolean> | boolean,
  { mayBeGone = false }: { readonly mayBeGone?: boolean } = {},
): Promise<CallResult> {
  if (units.length === 0) return failure(1, "Too few arguments.");
  const jobs = units.map(async (name): Promise<CallResult> => {
    const unit = await place.manager.load(name);
    const isKnown = unit !== undefined || (mayBeGone && place.manager.status(name).activeState !== "inactive");
    if (!isKnown) return failure(5, `Failed to ${verb} ${name}: Unit ${name} not found.`);
    if (unit?.isMasked === true && !mayBeGone) return failure(1, `Failed to ${verb} ${name}: Unit ${name} is masked.`);
    if (await work(name, place)) return success();
    const why = `See "systemctl status ${name}" and /var/log/${name}.log for details.`;
    return failure(1, `Job for ${name} failed: ${place.manager.status(name).result}.\n${why}`);
  });
  if (flags.has("no-block")) return success();
  const results = await Promise.all(jobs);
  return {
    exitCode: Math.max(...results.map(({ exitCode }) => exitCode)),
    stdout: "",
    stderr: flags.has("quiet") ? "" : results.map(({ stderr }) => stderr).join(""),
  };
}

/** One word a unit; good when any of them is. */
function tellStates(
  { flags, units }: Call,
  {
    states,
    good,
    bad = 3,
  }: { readonly states: readonly string[]; readonly good: readonly string[]; readonly bad?: number },
): CallResult {
  if (units.length === 0) return failure(1, "Too few arguments.");
  const stdout = flags.has("quiet") ? "" : states.map((state) => `${state}\n`).join("");
  return { exitCode: states.some((state) => good.includes(state)) ? 0 : bad, stdout, stderr: "" };
}

/** Units that are up, in the place of a pattern such as `web@*.service`; patterns are never about others. */
async function expandPatterns(names: readonly string[], { manager }: SystemctlPlace): Promise<string[]> {
  const expanded: string[] = [];
  for (const name of names) {
    if (/[*?[]/.test(name)) {
      const up = (await manager.list()).filter((unit) => manager.status(unit).activeState !== "inactive");
      expanded.push(...up.filter((unit) => matchesGlob(unit, name)));
    } else expanded.push(name);
  }
  return expanded;
}

function matchesGlob(name: string, pattern: string): boolean {
  const source = pattern
    .replace(/[.+^${}()|\\]/g, "\\$&")
    .replaceAll("*", ".*")
    .replaceAll("?", ".");
  return new RegExp(`^${source}$`).test(name);
}
