import type { ChangeRow } from "../plan/change-rows.ts";
import type { ChangeGroup } from "../run/change-groups.ts";
import { changeGroups, changesTitle, countsText } from "../run/change-groups.ts";
import type { RunState } from "../run/run-state.ts";
import { plainLine } from "../text/plain-text.ts";
import { cut } from "../text/width.ts";
import { counted, listNames, outcomeWord } from "../text/words.ts";
import { markdownTable } from "./markdown-table.ts";
import { codeSpan } from "./markdown-text.ts";

/** A summary stays short: the page and the journal have everything. */
const MOST_CHANGES = 5;
const MOST_ROWS = 15;
const MOST_OTHER_ROWS = 10;
const MOST_NAMES = 12;
const MOST_COLUMNS = 300;

/** What changed, the same on several hosts once; nothing of a run that does not tell. */
export function changesBlocks(state: RunState): readonly (readonly string[])[] {
  const groups = changeGroups(state);
  const left = groups.length - MOST_CHANGES;
  return [
    ...groups.slice(0, MOST_CHANGES).map((group) => changeLines(group, state)),
    ...(left > 0 ? [[`And ${counted(left, "change")} more, which \`skep report --html\` has.`]] : []),
  ];
}

function changeLines({ rows, hosts }: ChangeGroup, { goal }: RunState): readonly string[] {
  // Packages may be many: what happens to services is of more interest than the last of them.
  const others = Math.min(MOST_OTHER_ROWS, rows.filter(({ section }) => section !== "packages").length);
  const packages = rows.filter(({ section }) => section === "packages").slice(0, MOST_ROWS - others);
  const shown = [...packages, ...rows.filter(({ section }) => section !== "packages").slice(0, others)];
  const left = rows.filter((row) => !shown.includes(row));
  return [
    `### ${changesTitle(goal)}: ${codeSpan(namesOf(hosts))}${notKept(hosts, goal)}`,
    "",
    ...markdownTable(["Of", "How", "What", "Version", "Size"], shown.map(cellsOf)),
    ...(left.length === 0 ? [] : ["", `And ${countsText(left)} more.`]),
  ];
}

/** ` (of these rolled back: db-1)` */
function notKept(hosts: ChangeGroup["hosts"], goal: RunState["goal"]): string {
  const endings = new Map<string, string[]>();
  for (const { name, report } of hosts) {
    if (report?.outcome === "deployed") continue;
    const word = report === undefined ? "not ended" : outcomeWord(report.outcome, goal);
    endings.set(word, [...(endings.get(word) ?? []), name]);
  }
  const texts = Array.from(endings, ([word, names]) => `${word}: ${codeSpan(listNames(names, MOST_NAMES))}`);
  return texts.length === 0 ? "" : ` (${texts.join("; ")})`;
}

function namesOf(hosts: ChangeGroup["hosts"]): string {
  return listNames(
    hosts.map(({ name }) => name),
    MOST_NAMES,
  );
}

function cellsOf({ section, verb, names, from, to, size }: ChangeRow): readonly string[] {
  const versions = [from, to].flatMap((text) => (text === undefined ? [] : [short(text)]));
  return [section, verb, codeSpan(short(listNames(names, MOST_NAMES))), versions.map(codeSpan).join(" → "), size ?? ""];
}

function short(text: string): string {
  return cut(plainLine(text), MOST_COLUMNS);
}
