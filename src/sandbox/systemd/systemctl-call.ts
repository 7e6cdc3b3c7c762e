import type { UnitStatus } from "./service-status.ts";
import type { UnitManager } from "./unit-manager.ts";

/** What a call of `systemctl` printed and how it ended. */
export interface CallResult {
  readonly exitCode: number;
  readonly stdout: string;
  readonly stderr: string;
}

export interface SystemctlPlace {
  readonly root: string;
  readonly manager: UnitManager;
  /** Called when the host is told to reboot. */
  readonly onReboot: () => void;
}

/** A command line of `systemctl`, taken apart. */
export interface Call {
  readonly verb: string;
  /** Full unit names. */
  readonly units: readonly string[];
  readonly flags: ReadonlySet<string>;
  readonly values: ReadonlyMap<string, string>;
}

/** Does what one word of systemctl says. */
export type Verb = (call: Call, place: SystemctlPlace) => Promise<CallResult> | CallResult;

/** Options that take a value, by what they are called here. */
const VALUED: Readonly<Record<string, string>> = {
  "-p": "property",
  "-P": "property",
  "--property": "property",
  "--state": "state",
  "-t": "type",
  "--type": "type",
  "-s": "signal",
  "--signal": "signal",
  "--kill-who": "whom",
  "--kill-whom": "whom",
  "-n": "lines",
  "--lines": "lines",
  "-o": "output",
  "--output": "output",
  "--job-mode": "mode",
};
const FLAGS: Readonly<Record<string, string>> = {
  "-q": "quiet",
  "--quiet": "quiet",
  "-a": "all",
  "--all": "all",
  "-f": "force",
  "--force": "force",
  "-l": "full",
  "--full": "full",
  "--now": "now",
  "--value": "value",
  "--plain": "plain",
  "--no-legend": "no-legend",
  "--legend=false": "no-legend",
  "--no-pager": "no-pager",
  "--no-block": "no-block",
  "--no-ask-password": "no-ask-password",
  "--no-reload": "no-reload",
  "--system": "system",
  "--runtime": "runtime",
  "--failed": "failed",
};

/** @returns what is wrong with it, when it cannot be taken apart. */
export function parseCall(args: readonly string[]): Call | string {
  const flags = new Set<string>();
  const values = new Map<string, string>();
  const words: string[] = [];
  for (let at = 0; at < args.length; at += 1) {
    const arg = args[at] ?? "";
    const [, name = arg, attached] = /^(--[^=]+)=(.*)$/s.exec(arg) ?? /^(-[pPtsno])(.+)$/s.exec(arg) ?? [];
    if (arg === "--") {
      words.push(...args.slice(at + 1));
      break;
    }
    const flag = FLAGS[arg];
    const valued = VALUED[name];
    if (flag !== undefined) flags.add(flag);
    else if (valued !== undefined) {
      if (attached === undefined) at += 1;
      if (name === "-P") flags.add("value");
      const value = attached ?? args[at] ?? "";
      values.set(valued, values.has(valued) ? `${values.get(valued) ?? ""},${value}` : value);
    } else if (arg.startsWith("-")) return `systemctl: unrecognized option '${arg}' on a sandbox host`;
    else words.push(arg);
  }
  const [verb = "list-units", ...units] = words;
  return { verb, units: units.map(fullName), flags, values };
}

function fullName(name: string): string {
  return /\.(service|target|timer|socket|path|mount|slice|scope|device|swap|automount)$/.test(name)
    ? name
    : `${name}.service`;
}

export function isUp({ activeState }: UnitStatus): boolean {
  return activeState === "active" || activeState === "reloading" || activeState === "activating";
}

export function success(stdout = ""): CallResult {
  return { exitCode: 0, stdout, stderr: "" };
}

export function failure(exitCode: number, message: string): CallResult {
  return { exitCode, stdout: "", stderr: `${message}\n` };
}
