import type { RunState } from "../run/run-state.ts";
import type { Trouble } from "../run/troubles.ts";
import { troublesByWeight } from "../run/troubles.ts";
import { plainLine, plainLines } from "../text/plain-text.ts";
import { counted, listNames, outcomeWord } from "../text/words.ts";
import { githubCommand } from "./github-text.ts";

/** GitHub shows so many of one kind for a step, and drops the others. */
const MOST = 10;
const NAMES_IN_TITLE = 3;

/** An `::error` for everything that went wrong, the worst first; what is the same on several hosts is one. */
export function githubAnnotations(state: RunState): readonly string[] {
  const troubles = troublesByWeight(state);
  const shown = troubles.length > MOST ? troubles.slice(0, MOST - 1) : troubles;
  const left = troubles.slice(shown.length);
  return [
    ...shown.map((trouble) => annotation(trouble, state)),
    ...(left.length === 0 ? [] : [githubCommand("error", namesOf(left), { title: `${left.length} errors more` })]),
  ];
}

function annotation({ hosts, error, log }: Trouble, state: RunState): string {
  const report = state.hosts.get(hosts[0] ?? "")?.report;
  const unended = state.planning === true ? "cannot be planned" : "failed";
  const ended = report === undefined ? unended : outcomeWord(report.outcome, state.goal);
  const title = `${listNames(hosts, NAMES_IN_TITLE)}: ${ended} [${plainLine(error.code)}]`;
  const cause = error.cause === undefined || error.message.includes(error.cause) ? [] : plainLines(error.cause);
  const hint = error.hint === undefined ? [] : [`hint: ${plainLine(error.hint)}`];
  const on = hosts.length > NAMES_IN_TITLE ? [`on ${hosts.join(", ")}`] : [];
  return githubCommand("error", [...plainLines(error.message), ...cause, ...log, ...hint, ...on].join("\n"), { title });
}

function namesOf(troubles: readonly Trouble[]): string {
  const names = troubles.flatMap(({ hosts }) => hosts);
  return `${counted(names.length, "host")}: ${names.join(", ")}`;
}
