import type { FleetPlan } from "#rollout";
import type { Paint } from "../text/paint.ts";
import { createPaint } from "../text/paint.ts";
import { plainLine } from "../text/plain-text.ts";
import { cut, padEnd, widthOf } from "../text/width.ts";
import { listNames } from "../text/words.ts";
import type { ChangeRow } from "./change-rows.ts";
import { changeRows } from "./change-rows.ts";
import {
  hasWaves,
  headline,
  HOST_HEADS,
  hostCells,
  hostsByChange,
  orderTexts,
  planVerdict,
  waveText,
} from "./plan-words.ts";

const GAP = "  ";
const MOST_NAMES = 12;

/** A plan for people: what changes, once for all hosts it is for, then a line a host. Ends with a line end. */
export function planText(
  plan: FleetPlan,
  { colors, columns }: { readonly colors: boolean; readonly columns: number },
): string {
  const paint = createPaint(colors);
  const blocks = [
    [paint("bold", headline(plan))],
    ...hostsByChange(plan).map((hosts, number) => {
      const change = plan.changes[number];
      const names = hosts.map(({ host }) => host);
      const title =
        names.length > MOST_NAMES ? `${names.length} hosts: ${listNames(names, MOST_NAMES)}` : names.join(", ");
      return [paint("bold", title), ...(change === undefined ? [] : rowLines(changeRows(change), { columns, paint }))];
    }),
    hostTable(plan, { columns, paint }),
    waveLines(plan, paint),
    noticeLines(plan, paint),
    [paint("bold", planVerdict(plan))],
  ];
  return blocks
    .filter((lines) => lines.length > 0)
    .map((lines) => `${lines.join("\n")}\n`)
    .join("\n");
}

interface Look {
  readonly columns: number;
  readonly paint: Paint;
}

function rowLines(rows: readonly ChangeRow[], { columns, paint }: Look): string[] {
  const sectionWidth = Math.max(...rows.map(({ section }) => widthOf(section)));
  const verbWidth = Math.max(...rows.map(({ verb }) => widthOf(verb)));
  const versioned = rows.filter(({ from, to }) => from !== undefined || to !== undefined);
  const nameWidth = Math.max(0, ...versioned.map(({ names }) => widthOf(names[0] ?? "")));
  const versionWidth = Math.max(0, ...versioned.map((row) => widthOf(versionText(row))));
  const left = GAP.length + sectionWidth + GAP.length + verbWidth + GAP.length;
  let last: string | undefined;
  return rows.flatMap((row) => {
    const section = row.section === last ? "" : row.section;
    last = row.section;
    const head = `${GAP}${paint("dim", padEnd(section, sectionWidth))}${GAP}${paint(row.style, padEnd(row.verb, verbWidth))}${GAP}`;
    const size = row.size === undefined ? "" : paint("dim", row.size);
    if (versioned.includes(row)) {
      const cells = [padEnd(row.names[0] ?? "", nameWidth), padEnd(versionText(row), versionWidth), size];
      return [`${head}${cells.join(GAP)}`.trimEnd()];
    }
    const lines = wrap(row.names, Math.max(20, columns - left));
    const told = size === "" ? lines : [...lines.slice(0, -1), `${lines.at(-1) ?? ""}${GAP}${size}`];
    return told.map((line, index) => (index === 0 ? head + line : " ".repeat(left) + line));
  });
}

function versionText({ from, to }: ChangeRow): string {
  if (from === undefined || to === undefined) return from ?? to ?? "";
  return `${from} -> ${to}`;
}

/** Names with commas between, over as many lines as it takes; none is broken. */
function wrap(names: readonly string[], width: number): string[] {
  const lines: string[] = [];
  for (const [index, name] of names.entries()) {
    const text = index === names.length - 1 ? name : `${name},`;
    const line = lines.at(-1);
    if (line !== undefined && widthOf(line) + 1 + widthOf(text) <= width) lines[lines.length - 1] = `${line} ${text}`;
    else lines.push(text);
  }
  return lines;
}

/** The hosts that change. Where columns are too few, the last ones go first. */
function hostTable(plan: FleetPlan, { columns, paint }: Look): string[] {
  const rows = plan.hosts.flatMap((host) => (host.status === "changes" ? [hostCells(host, plan)] : []));
  if (rows.length === 0) return [];
  let used = HOST_HEADS.map((head, at) => ({ head, at, width: Math.max(...rows.map((row) => widthOf(row[at] ?? ""))) }))
    .filter(({ at, width }) => width > 0 && (at !== WAVE || hasWaves(plan)))
    .map((column) => ({ ...column, width: Math.max(column.head.length, column.width) }));
  const total = (): number => used.reduce((sum, { width }) => sum + width + GAP.length, -GAP.length);
  while (used.length > 3 && total() > columns) used = used.slice(0, -1);
  const line = (cells: readonly string[]): string =>
    cut(
      used
        .map(({ at, width }) => padEnd(cells[at] ?? "", width))
        .join(GAP)
        .trimEnd(),
      columns,
    );
  return [paint("dim", line(HOST_HEADS)), ...rows.map(line)];
}

const WAVE = HOST_HEADS.indexOf("WAVE");

function waveLines(plan: FleetPlan, paint: Paint): string[] {
  const orders = orderTexts(plan).map((text) => `${paint("dim", "order")}${GAP}${text}`);
  if (!hasWaves(plan)) return orders;
  const nameWidth = Math.max(...plan.waves.map(({ name }) => widthOf(name)));
  return [
    ...plan.waves.map((wave, index) => {
      const names = listNames(wave.hosts, MOST_NAMES);
      const how = waveText(wave, { isLast: index === plan.waves.length - 1 });
      const told = how === "" ? names : `${names} (${how})`;
      return `${paint("dim", `wave ${index + 1}`)}${GAP}${padEnd(plainLine(wave.name), nameWidth)}${GAP}${told}`;
    }),
    ...orders,
  ];
}

function noticeLines({ hosts }: FleetPlan, paint: Paint): string[] {
  return hosts.flatMap((host) => {
    if (host.status === "failed") {
      const { message, code } = host.error;
      return [`${paint("red", "cannot be planned:")} ${host.host}: ${plainLine(message)} [${code}]`];
    }
    return host.notices.map((notice) => `${paint("yellow", "notice:")} ${host.host}: ${plainLine(notice)}`);
  });
}
