import { once } from "node:events";
import { expect } from "vitest";
import type { JournalRead, RollOutOptions } from "#rollout";
import { listRuns, runsFolder } from "#rollout";
import { startTypeScript } from "../sandbox/typescript-process.ts";

export interface OperatorOrder {
  /** What makes the hive: a module beside this one, and its function. */
  readonly maker: readonly [file: string, name: string];
  /** What it makes it from. */
  readonly words: object;
  readonly options?: Partial<Pick<RollOutOptions, "goal" | "reboot">> | undefined;
  /** What an event is like that kills the operator, and which of those; without it none does. */
  readonly dies?: Readonly<Record<string, string | number>> | undefined;
}

/** An operator in a process of their own, who is gone at once, in the middle of what they do, when something happens. */
const OPERATOR = `
const { rollOut } = await load("#rollout");
const { operatorSecrets } = await load(process.cwd() + "/tests/rollout/operator-secrets.ts");
const { maker: [file, name], words, options, dies } = JSON.parse(process.argv[1]);
const { [name]: makeHive } = await load(process.cwd() + "/tests/rollout/" + file);
let { times = 1, ...last } = dies ?? { type: "none" };
const hive = makeHive(words);
const never = new AbortController().signal;
const report = await rollOut(hive, {
  goal: "switch", ...options, hosts: hive.hosts, journal: true, stop: never, leave: never, secrets: operatorSecrets,
  onEvent(event) {
    if (Object.entries(last).every(([key, value]) => event[key] === value) && --times === 0) {
      process.kill(process.pid, "SIGKILL");
    }
  },
});
process.stderr.write(JSON.stringify(report.hosts));
`;

/** Starts them; whoever does ends them. */
export function startOperator(order: OperatorOrder): ReturnType<typeof startTypeScript> {
  return startTypeScript(OPERATOR, [JSON.stringify(order)]);
}

/** Has an operator deploy until something happens, who is killed then. */
export async function killOperator(dies: NonNullable<OperatorOrder["dies"]>, order: OperatorOrder): Promise<void> {
  const operator = startOperator({ ...order, dies });
  let said = "";
  operator.stderr.on("data", (chunk: Buffer) => (said += String(chunk)));
  const [, signal] = (await once(operator, "close")) as [number | null, string | null];
  expect({ signal, said }).toEqual({ signal: "SIGKILL", said: "" });
}

/** What the operator left of the newest run. */
export async function readJournal(directory: string): Promise<JournalRead> {
  const [run] = await listRuns(runsFolder({ directory }));
  if (run === undefined) throw new Error("the operator left no journal");
  return run;
}
