import type { HostState, LeaseHolder } from "#activation";
import { formatDuration, localTime } from "#core";
import type { Paint, Style } from "#report";
import { plainLine } from "#report";
import type { Visit } from "#rollout";
import { describeSystem } from "#rollout";
import { table } from "../terminal/table.ts";
import type { HostStatus } from "./host-status.ts";
import { shortRevision } from "./revision.ts";

/** What was found on one host, or why it could not be asked. */
export type SeenHost = Visit<HostStatus>;

/** What is said of hosts: a row each, and below it what is to be known of it. */
export interface StatusText {
  /** The line above the rows. */
  readonly heading: string;
  /** Of each host its lines, in the order of the hosts. */
  readonly blocks: readonly (readonly string[])[];
}

const HEADS = ["HOST", "STATE", "RUNS", "GENERATION", "DEPLOYED", "BY", "REVISION"] as const;

/** Which columns are shown, the fullest choice first: host and state always are. */
const LAYOUTS = [
  [0, 1, 2, 3, 4, 5, 6],
  [0, 1, 2, 3, 4, 6],
  [0, 1, 2, 3, 4],
  [0, 1, 2, 3],
  [0, 1, 2],
  [0, 1],
] as const;

/** @param options.columns how wide the lines may be. Default: as they come. */
export function statusText(
  seen: readonly SeenHost[],
  { paint, columns = Number.POSITIVE_INFINITY }: { readonly paint: Paint; readonly columns?: number | undefined },
): StatusText {
  const [heading = "", ...rows] = fittingTable([HEADS, ...seen.map(cellsOf)], columns);
  const width = Math.max(HEADS[0].length, ...seen.map(({ host }) => host.name.length));
  return {
    heading: paint("dim", heading),
    blocks: seen.map((one, index) => [
      paintState(rows[index] ?? "", { at: width + 2, state: stateOf(one), paint }),
      ...notesOf(one).flatMap(({ text, style }) =>
        wrapWords(text, columns - width - 2).map((line) => `${" ".repeat(width + 2)}${paint(style, line)}`),
      ),
    ]),
  };
}

function fittingTable(rows: readonly (readonly string[])[], columns: number): readonly string[] {
  const tables = LAYOUTS.map((layout) =>
    table(rows.map((cells) => layout.map((column) => cells[column] ?? "")))
      .trimEnd()
      .split("\n"),
  );
  return tables.find((lines) => lines.every(({ length }) => length <= columns)) ?? tables.at(-1) ?? [];
}

/** Lines of at most so many columns, if no word is longer; where there is hardly room, the text as it is. */
function wrapWords(text: string, columns: number): readonly string[] {
  if (text.length <= columns || columns < NARROWEST_NOTE) return [text];
  const lines: string[] = [];
  for (const word of text.split(" ")) {
    const last = lines.at(-1);
    if (last === undefined || last.length + 1 + word.length > columns) lines.push(word);
    else lines[lines.length - 1] = `${last} ${word}`;
  }
  return lines;
}

const NARROWEST_NOTE = 12;

/** `3 hosts: 1 ok, 1 drift, 1 unreachable`. */
export function statusVerdict(seen: readonly SeenHost[], { evaluated }: { readonly evaluated: boolean }): string {
  const counts = STATES.flatMap((state) => {
    const count = seen.filter((one) => stateOf(one) === state).length;
    return count === 0 ? [] : [`${count} ${state}`];
  });
  const hosts = seen.length === 1 ? "1 host" : `${seen.length} hosts`;
  return `${hosts}: ${counts.join(", ")}${evaluated ? "" : "; what the hive wants was not asked (--no-eval)"}`;
}

const STATES = ["ok", "deploying", "unwell", "unknown", "drift", "unreachable"] as const;
type State = (typeof STATES)[number];
const STYLES = {
  ok: "green",
  deploying: "cyan",
  unwell: "red",
  unknown: "yellow",
  drift: "yellow",
  unreachable: "red",
} as const satisfies Readonly<Record<State, Style>>;

function stateOf(seen: SeenHost): State {
  return "error" in seen ? "unreachable" : seen.result.state;
}

function paintState(
  row: string,
  { at, state, paint }: { readonly at: number; readonly state: State; readonly paint: Paint },
): string {
  return row.slice(0, at) + paint(STYLES[state], state) + row.slice(at + state.length);
}

function cellsOf(seen: SeenHost): readonly string[] {
  const { name } = seen.host;
  if ("error" in seen) return [name, stateOf(seen), "", "", "", "", ""];
  const { found, deployment } = seen.result;
  const { running, profile } = found.facts;
  const by = deployment?.record;
  return [
    name,
    stateOf(seen),
    running === undefined ? "nothing of ours" : describeSystem(running),
    String(profile.generation ?? ""),
    by === undefined ? "" : localTime(Date.parse(by.at)),
    by === undefined ? "" : plainLine(by.who),
    deployment === undefined ? "" : shortRevision(deployment.hive),
  ];
}

interface Note {
  readonly text: string;
  readonly style?: Style | undefined;
}

function notesOf(seen: SeenHost): readonly Note[] {
  if ("error" in seen) return [{ text: plainLine(seen.error.message), style: "red" }];
  const { state, found, drift, rebootNeed, problems, secrets, deployment } = seen.result;
  const { facts } = found;
  const { lease } = facts;
  return [
    ...drift.map(({ message }): Note => ({ text: plainLine(message), style: "yellow" })),
    ...problems.map(({ message }): Note => ({
      text: `what the hive wants is not known: ${plainLine(message)}`,
      style: "yellow",
    })),
    ...(deployment === undefined && facts.running !== undefined && state !== "deploying"
      ? [{ text: "nobody wrote down who brought what it runs" }]
      : []),
    ...(facts.booted === undefined || facts.booted === facts.running
      ? []
      : [{ text: `it booted ${describeSystem(facts.booted)}` }]),
    ...(rebootNeed === undefined
      ? []
      : [{ text: `it needs a reboot: ${plainLine(rebootNeed)}`, style: "yellow" as const }]),
    ...(facts.failedUnits.length === 0
      ? []
      : [{ text: `failed: ${facts.failedUnits.map((unit) => plainLine(unit)).join(", ")}`, style: "red" as const }]),
    ...(lease === undefined ? [] : [{ text: leaseText(lease) }]),
    ...secretsNotes(found, secrets),
  ];
}

/** Who holds a host, for people. */
export function leaseText({ owner, run, reason, takenAt, expiresInMs }: LeaseHolder): string {
  const left = expiresInMs > 0 ? `for ${formatDuration(expiresInMs)} more` : "and left it to expire";
  const why = `run ${plainLine(run)}, ${plainLine(reason)}`;
  return `held by ${plainLine(owner)} (${why}) since ${localTime(takenAt)}, ${left}`;
}

function secretsNotes({ facts }: HostState, state: HostStatus["secrets"]): readonly Note[] {
  const { generation } = facts.secrets;
  if (generation === undefined || state === "waiting" || state === "stale") return [];
  return [{ text: `secrets: generation ${generation}${state === "ok" ? ", as the hive wants" : ""}`, style: "dim" }];
}
