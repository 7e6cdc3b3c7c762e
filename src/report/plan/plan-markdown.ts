import type { FleetPlan } from "#rollout";
import { codeSpan } from "../markdown/markdown-text.ts";
import { plainLine } from "../text/plain-text.ts";
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

/** Longer lists are folded, so that a pull request stays readable. */
const FOLDED_FROM = 15;

/** A plan as Markdown for a pull request, as GitHub and GitLab show it. Ends with a line end. */
export function planMarkdown(plan: FleetPlan): string {
  const changing = plan.hosts.flatMap((host) => (host.status === "changes" ? [hostCells(host, plan)] : []));
  const blocks = [
    `### ${escape(planVerdict(plan))}`,
    escape(headline(plan)),
    ...hostsByChange(plan).map((hosts, number) => {
      const change = plan.changes[number];
      const title = `#### ${hosts.map(({ host }) => escape(host)).join(", ")}`;
      return change === undefined ? title : `${title}\n\n${changeTable(changeRows(change))}`;
    }),
    ...(changing.length === 0 ? [] : [hostTable(changing)]),
    ...(hasWaves(plan) ? [waveTable(plan)] : []),
    ...orderTexts(plan).map((text) => `Order: ${escape(text)}`),
    ...noticeBlock(plan),
  ];
  return `${blocks.join("\n\n")}\n`;
}

function changeTable(rows: readonly ChangeRow[]): string {
  const cells = rows.map(({ section, verb, names, from, to, size }): readonly string[] => [
    section,
    verb,
    from === undefined && to === undefined ? names.map(code).join(", ") : code(names[0] ?? ""),
    [from, to].flatMap((versions) => (versions === undefined ? [] : [code(versions)])).join(" → "),
    size ?? "",
  ]);
  const text = rawTable(["", "", "what", "version", "size"], cells);
  if (rows.length < FOLDED_FROM) return text;
  return `<details><summary>${rows.length} changes</summary>\n\n${text}\n\n</details>`;
}

/** Numbers are as they are; host, wave and system are names. */
function hostTable(rows: readonly (readonly string[])[]): string {
  return rawTable(
    HOST_HEADS,
    rows.map((cells) => cells.map((cell, column) => (column < 3 ? code(cell) : escape(cell)))),
  );
}

function waveTable({ waves }: FleetPlan): string {
  const rows = waves.map((wave, index) => [
    String(index + 1),
    code(wave.name),
    escape(wave.hosts.join(", ")),
    waveText(wave, { isLast: index === waves.length - 1 }),
  ]);
  return rawTable(["", "WAVE", "HOSTS", ""], rows);
}

function noticeBlock({ hosts }: FleetPlan): readonly string[] {
  const lines = hosts.flatMap((host) =>
    host.status === "failed"
      ? [`- **${escape(host.host)} cannot be planned**: ${code(host.error.message)} ${code(host.error.code)}`]
      : host.notices.map((notice) => `- ${escape(host.host)}: ${code(notice)}`),
  );
  return lines.length === 0 ? [] : [lines.join("\n")];
}

function rawTable(heads: readonly string[], rows: readonly (readonly string[])[]): string {
  const line = (cells: readonly string[]): string => `| ${cells.join(" | ")} |`;
  return [line(heads), line(heads.map(() => "---")), ...rows.map(line)].join("\n");
}

/** Names of the hive are text, and nothing that Markdown or HTML takes for its own. */
function escape(text: string): string {
  return plainLine(text).replaceAll(/[\\`*_{}[\]<>|#&~@]/g, (character) => `&#${character.charCodeAt(0)};`);
}

/**
 * What hosts say, and selections, as code: GitHub finds links and mentions of people in what text has become, after
 * references such as `&#64;` were read.
 */
function code(text: string): string {
  return codeSpan(plainLine(text));
}
