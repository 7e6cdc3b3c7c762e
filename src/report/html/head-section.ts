import { formatBytes, formatDuration } from "#core";
import type { HostState, RunState } from "../run/run-state.ts";
import { verdictOf } from "../run/verdict.ts";
import { runWord } from "../text/words.ts";
import { comb } from "./comb.ts";
import { ENDINGS, endingOf, markOf, wordOf } from "./endings.ts";
import type { Markup } from "./markup.ts";
import { markup } from "./markup.ts";
import type { RunOrigin } from "./origin.ts";

const SHOWN_REVISION = 12;

/** What the run was, how many hosts ended in which way, and the comb. */
export function headSection(state: RunState, origin: RunOrigin | undefined): Markup {
  const hosts = [...state.hosts.values()];
  const sorted = ENDINGS.flatMap((ending) => hosts.filter((host) => endingOf(host) === ending)).reverse();
  return markup`<header>
    <div class="title">
      <p class="brand">skep</p>
      <h1>${runWord(state)} of ${state.hive}</h1>
      <p class="verdict">${verdictOf(state)}</p>
      <ul class="tally">
        ${tally(hosts, state)}
      </ul>
    </div>
    ${comb(sorted, state.goal)}
    <dl class="facts">
      ${facts(state, origin).map(
        ([name, value]) =>
          markup`<div>
            <dt>${name}</dt>
            <dd>${value}</dd>
          </div>`,
      )}
    </dl>
  </header>`;
}

function tally(hosts: readonly HostState[], { goal }: RunState): readonly Markup[] {
  return [...ENDINGS].reverse().flatMap((ending) => {
    const count = hosts.filter((host) => endingOf(host) === ending).length;
    if (count === 0) return [];
    return [
      markup`<li class="o-${ending}">
        <span class="mark" aria-hidden="true">${markOf(ending)}</span> <b>${count}</b> ${wordOf(ending, goal)}
      </li>`,
    ];
  });
}

function facts(
  state: RunState,
  origin: RunOrigin | undefined,
): readonly (readonly [name: string, value: Markup | string])[] {
  const { run, startedAt, lastAt, report, hosts } = state;
  const copied = [...hosts.values()].reduce((sum, host) => sum + (host.report?.copiedBytes ?? 0), 0);
  const durationMs = report?.durationMs ?? (lastAt ?? 0) - (startedAt ?? 0);
  return [
    ["Run", markup`<code>${run}</code>`],
    ...(startedAt === undefined ? [] : [["Begun", time(startedAt)] as const]),
    ["Took", formatDuration(Math.max(0, durationMs))],
    ...(origin === undefined ? [] : [["By", origin.operator] as const, ...revisionFact(origin)]),
    ["Hosts", String(hosts.size)],
    ["Copied", copied === 0 ? "nothing" : formatBytes(copied)],
    ...(origin?.resumed ?? []).map(({ at, operator }) => ["Resumed", markup`${time(at)} by ${operator}`] as const),
    ...(report === undefined ? [["State", "did not come to its end"] as const] : []),
    ...(report?.interrupted === true ? [["State", "stopped by the operator"] as const] : []),
  ];
}

function revisionFact({ revision, dirty }: RunOrigin): readonly (readonly [string, Markup])[] {
  if (revision === null) return [];
  return [["Revision", markup`<code>${revision.slice(0, SHOWN_REVISION)}</code>${dirty ? ", changed" : ""}`]];
}

/** An instant in UTC: the page may be read anywhere. */
export function time(at: number): Markup {
  const iso = new Date(at).toISOString();
  return markup`<time datetime="${iso}">${iso.slice(0, 10)} ${iso.slice(11, 19)} UTC</time>`;
}
