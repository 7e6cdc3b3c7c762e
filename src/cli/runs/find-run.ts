import { closest } from "#core";
import type { JournalRead } from "#rollout";
import { CliError } from "../errors.ts";

/** The run of that name. @throws CliError `cli/usage` with the name that was meant, as far as that can be told. */
export function findRun(name: string, runs: readonly JournalRead[]): JournalRead {
  const found = runs.find(({ header }) => header.run === name);
  if (found !== undefined) return found;
  const names = runs.map(({ header }) => header.run);
  const meant = names.find((other) => other.includes(name)) ?? closest(name, names);
  const hint = meant === undefined ? "skep runs lists them" : `did you mean "${meant}"?`;
  throw new CliError("cli/usage", `there is no run "${name}" of this hive`, { hint });
}

/** The run to resume: the named one, else the newest that did not end. @throws CliError `cli/usage`. */
export function findUnfinishedRun(
  name: string | undefined,
  { runs, hive, revert }: { readonly runs: readonly JournalRead[]; readonly hive: string; readonly revert: boolean },
): JournalRead {
  const newest = runs.find(({ state, header }) => state !== "ended" && state !== "running" && header.hive === hive);
  const run = name === undefined ? (newest ?? runs.find(({ state }) => state === "running")) : findRun(name, runs);
  if (run === undefined) {
    throw new CliError("cli/usage", "every run of this hive came to its end: there is nothing to resume", {
      hint: "skep runs lists them; skep resume --revert RUN takes one back",
    });
  }
  const { header, resumptions } = run;
  if (header.hive !== hive) {
    throw new CliError("cli/usage", `run ${header.run} is of the hive ${header.hive}, and this is ${hive}`, {
      hint: "name its hive file with --hive",
    });
  }
  if (run.state === "running") {
    const { pid, machine } = resumptions.at(-1)?.process ?? header.process;
    throw new CliError("cli/usage", `run ${header.run} goes on: process ${pid} on ${machine} carries it out`, {
      hint: "wait for it, or stop it there with Ctrl-C",
    });
  }
  if (run.state === "ended" && !revert) {
    throw new CliError("cli/usage", `run ${header.run} came to its end: there is nothing to resume`, {
      hint: `skep runs ${header.run} shows it; skep resume --revert ${header.run} takes it back`,
    });
  }
  return run;
}
