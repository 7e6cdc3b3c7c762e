import type { ChangeRow } from "../plan/change-rows.ts";
import type { ChangeGroup } from "../run/change-groups.ts";
import { changeGroups, changesTitle, countsText, untoldHosts } from "../run/change-groups.ts";
import type { RunState } from "../run/run-state.ts";
import { plainLine } from "../text/plain-text.ts";
import { counted } from "../text/words.ts";
import { ENDINGS, endingOf, markOf, wordOf } from "./endings.ts";
import { hostNames } from "./host-names.ts";
import type { Markup } from "./markup.ts";
import { markup } from "./markup.ts";

/** Of longer changes, sections of many rows are folded. */
const ROWS_AT_ONCE = 15;
const ROWS_IN_SECTION = 5;
const CARDS_AT_ONCE = 6;
const NAMES_AT_ONCE = 24;
/** Of the whole page: of changes beyond them only the counts are shown. */
const MOST_ROWS = 6_000;

/** What changed on the hosts, the same on several once; nothing of a run that does not tell. */
export function changesSection(state: RunState): Markup | undefined {
  const groups = changeGroups(state);
  if (groups.length === 0) return undefined;
  const untold = untoldHosts(state, groups);
  let left = MOST_ROWS;
  const cards = groups.map((group) => {
    left -= group.rows.length;
    return changeCard(group, { state, isTold: left >= 0 });
  });
  const folded = cards.slice(CARDS_AT_ONCE);
  return markup`<section class="changes" aria-labelledby="changes">
    <h2 id="changes">${changesTitle(state.goal)}</h2>
    ${cards.slice(0, CARDS_AT_ONCE)}
    ${
      folded.length === 0
        ? undefined
        : markup`<details class="folded">
            <summary>${counted(folded.length, "change")} more</summary>
            ${folded}
          </details>`
    }
    ${
      untold.length === 0
        ? undefined
        : markup`<article class="card note">
            <h3>${hostNames(untold)}</h3>
            <p>What changed there could not be found out.</p>
          </article>`
    }
  </section>`;
}

function changeCard(
  { rows, hosts }: ChangeGroup,
  { state, isTold }: { readonly state: RunState; readonly isTold: boolean },
): Markup {
  const endings = [...ENDINGS].reverse().flatMap((ending) => {
    const ended = hosts.filter((host) => endingOf(host) === ending).map(({ name }) => name);
    return ended.length === 0 ? [] : [{ ending, ended }];
  });
  return markup`<article class="card change">
    <h3>
      ${endings.map(
        ({ ending, ended }) =>
          markup`<span class="o-${ending}"
            >${hostNames(ended)}
            <span class="pill"><span aria-hidden="true">${markOf(ending)} </span>${wordOf(ending, state.goal)}</span></span
          > `,
      )}
    </h3>
    ${
      !isTold
        ? markup`<p class="counts">${countsText(rows)}: too much for this page, the run's journal has it</p>`
        : rows.length > ROWS_AT_ONCE
          ? bySection(rows).map(([, own]) => foldedTable(own))
          : changeTable(rows)
    }
  </article>`;
}

type Section = readonly [section: string, rows: readonly ChangeRow[]];

function bySection(rows: readonly ChangeRow[]): readonly Section[] {
  const sections = new Map<string, ChangeRow[]>();
  for (const row of rows) {
    const own = sections.get(row.section) ?? [];
    own.push(row);
    sections.set(row.section, own);
  }
  return [...sections];
}

function foldedTable(rows: readonly ChangeRow[]): Markup {
  if (rows.length <= ROWS_IN_SECTION) return changeTable(rows);
  return markup`<details>
    <summary>${countsText(rows)}</summary>
    ${changeTable(rows)}
  </details>`;
}

function changeTable(rows: readonly ChangeRow[]): Markup {
  return markup`<div class="rows"><table>
    <caption class="hidden">
      What changed
    </caption>
    <thead class="hidden">
      <tr>
        <th scope="col">Of</th>
        <th scope="col">How</th>
        <th scope="col">What</th>
        <th scope="col">Version</th>
        <th scope="col">Size</th>
      </tr>
    </thead>
    ${bySection(rows).map(
      ([section, own]) =>
        markup`<tbody>
          ${own.map((row, index) => changeRow(row, index === 0 ? { section, rows: own.length } : undefined))}
        </tbody>`,
    )}
  </table></div>`;
}

function changeRow(
  { verb, names, from, to, size, style }: ChangeRow,
  head: { readonly section: string; readonly rows: number } | undefined,
): Markup {
  const hasVersions = from !== undefined || to !== undefined;
  return markup`<tr>
    ${head === undefined ? undefined : markup`<th scope="rowgroup" rowspan="${head.rows}">${head.section}</th>`}
    <td class="verb s-${style}">${verb}</td>
    ${
      hasVersions
        ? markup`<td class="what">${plainLine(names[0] ?? "")}</td>
            <td>${versionText(from, to)}</td>`
        : markup`<td class="what" colspan="2">${nameList(names)}</td>`
    }
    <td class="number">${size}</td>
  </tr> `;
}

function versionText(from: string | undefined, to: string | undefined): string {
  return plainLine(from === undefined || to === undefined ? (from ?? to ?? "") : `${from} → ${to}`);
}

function nameList(names: readonly string[]): Markup {
  const text = plainLine(names.join(", "));
  if (names.length <= NAMES_AT_ONCE) return markup`${text}`;
  return markup`<details>
    <summary>${counted(names.length, "name")}</summary>
    ${text}
  </details>`;
}
