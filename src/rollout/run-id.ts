import { randomBytes } from "node:crypto";

/** The name of one run: sorts by time, and is safe in file and systemd unit names. `20260131-142501-3f9a`. */
export function makeRunId(at: Date): string {
  const [day = "", time = ""] = at.toISOString().split("T");
  const digits = (text: string): string => text.replaceAll(/\D/g, "");
  return `${digits(day)}-${digits(time.slice(0, 8))}-${randomBytes(2).toString("hex")}`;
}

/** The name that a run has on a host while it takes that back: a deployment of its own there. */
export function revertRun(run: string): string {
  return `${run}-revert`;
}
