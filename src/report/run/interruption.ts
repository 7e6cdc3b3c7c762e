import { counted, listNames } from "../text/words.ts";
import type { HostState, RunState } from "./run-state.ts";

/** After Ctrl-C: what is being waited for, and what another one does. Nothing before. */
export function interruptionLines(state: RunState, mostNames: number): string[] {
  if (state.interruption === "none") return [];
  if (state.planning === true) return ["stopping: planning changed nothing"];
  const open = Array.from(state.hosts.values()).filter((host) => isUnderWay(host) && isBegun(host));
  if (open.length === 0) return ["stopping: no host is under way"];
  const names = listNames(open.map(nameWithStep), mostNames);
  if (state.interruption === "stopping") {
    return [
      `stopping: no new host is begun; waiting for ${names}`,
      "Ctrl-C again: leave now; their agents take back what is not committed",
    ];
  }
  return [
    `leaving ${counted(open.length, "host")} to ${open.length === 1 ? "its agent" : "their agents"}: ${names}`,
    "what is not committed goes back by itself",
  ];
}

/** Whether something was begun on a host and has not come to its end. */
export function isUnderWay(host: HostState): boolean {
  return host.report === undefined && (host.current !== undefined || host.ended !== undefined);
}

/** What was made for a host on this machine, while others were made, begins nothing there. */
function isBegun({ current, course }: HostState): boolean {
  return current !== undefined || course.some(({ step }) => step !== "evaluate" && step !== "build");
}

function nameWithStep(host: HostState): string {
  return host.current === undefined ? host.name : `${host.name} (${host.current.step})`;
}
