import { formatBytes, formatDuration } from "#core";
import type { HostState, RunState } from "../run/run-state.ts";
import { counted } from "../text/words.ts";
import { endingClass, endingOf, endingWord, markOf } from "./endings.ts";
import { groupHosts } from "./group-hosts.ts";
import { groupDetails, hostDetails } from "./host-details.ts";
import type { LanesOptions } from "./lanes.ts";
import { lanes } from "./lanes.ts";
import type { Markup } from "./markup.ts";
import { markup } from "./markup.ts";
import type { RunOrigin } from "./origin.ts";
import { STEP_KINDS } from "./step-kinds.ts";
import type { TimeScale } from "./time-scale.ts";
import { timeScale } from "./time-scale.ts";

/** Every host along the time, and behind each what was done on it. */
export function hostsSection(state: RunState, origin: RunOrigin | undefined): Markup {
  const hosts = [...state.hosts.values()];
  const startedAt = state.startedAt ?? 0;
  const endedAt = Math.max(startedAt + (state.report?.durationMs ?? 0), lastInstant(hosts), state.lastAt ?? 0);
  const options: LanesOptions = { scale: timeScale(startedAt, endedAt), endedAt };
  const waveOf = waveFinder(state, origin);
  const groups = groupHosts(hosts, { waveOf });
  return markup`<section aria-labelledby="hosts">
    <h2 id="hosts">Hosts</h2>
    <div class="controls" hidden>
      <label>Find a host <input type="search" id="find" autocomplete="off" spellcheck="false" /></label>
      <span id="found" role="status"></span>
    </div>
    <ul class="legend" aria-label="Colours of the steps">
      ${Object.entries(STEP_KINDS).map(
        ([kind, steps]) =>
          markup`<li>
            <svg aria-hidden="true" width="14" height="10"><rect class="k-${kind}" width="14" height="10" rx="2" /></svg
            >${steps}
          </li>`,
      )}
      <li>
        <svg aria-hidden="true" width="14" height="14"><rect class="bad" width="14" height="14" rx="2" /></svg>failed
      </li>
    </ul>
    <div class="scroll">
      <table class="hosts">
        <thead>
          <tr>
            <th scope="col">Host</th>
            <th scope="col">Ended</th>
            <th scope="col" class="time">${axis(options.scale)}</th>
            <th scope="col" class="number">Copied</th>
            <th scope="col" class="number">Took</th>
          </tr>
        </thead>
        ${groups.map((group) => rowsOf(group, { state, options, waveOf }))}
      </table>
    </div>
  </section>`;
}

/** When the last step of any host ended. */
function lastInstant(hosts: readonly HostState[]): number {
  let last = 0;
  for (const { course } of hosts)
    for (const { startedAt, endedAt } of course) last = Math.max(last, endedAt ?? startedAt);
  return last;
}

type WaveFinder = (host: string) => string | undefined;

function waveFinder({ waves }: RunState, origin: RunOrigin | undefined): WaveFinder {
  const all = origin?.waves ?? waves;
  if (all.length < 2) return () => undefined;
  const found = new Map<string, string>();
  for (const { name, hosts } of all) for (const host of hosts) found.set(host, name);
  return (host) => found.get(host);
}

function axis({ ticks, tickMs }: TimeScale): Markup {
  const labels = Array.from(
    { length: ticks },
    (_, tick) => markup`<span>${tick === 0 ? "0" : formatTick(tick * tickMs)}</span>`,
  );
  return markup`<span class="hidden">Steps along the time</span><span class="axis" aria-hidden="true">${labels}</span>`;
}

/** Shorter than other times: there is little room. */
function formatTick(ms: number): string {
  if (ms < 60_000) return `${ms / 1_000} s`;
  const [hours, minutes, seconds] = [Math.floor(ms / 3_600_000), Math.floor(ms / 60_000) % 60, (ms / 1_000) % 60];
  if (hours > 0) return `${hours}:${String(minutes).padStart(2, "0")} h`;
  return seconds === 0 ? `${minutes} min` : `${minutes}:${String(seconds).padStart(2, "0")} min`;
}

interface RowOptions {
  readonly state: RunState;
  readonly options: LanesOptions;
  /** Undefined for runs of one wave. */
  readonly waveOf: WaveFinder;
}

function rowsOf(group: readonly HostState[], { state, options, waveOf }: RowOptions): Markup {
  const [first] = group;
  if (first === undefined) return markup``;
  const isOne = group.length === 1;
  const copied = sum(group.map(({ report }) => report?.copiedBytes ?? 0));
  const wave = waveOf(first.name);
  const name = isOne ? first.name : counted(group.length, "host");
  const details = isOne ? hostDetails(first, { state }) : groupDetails(group);
  return markup`<tbody class="${endingClass(first)}">
    <tr>
      <th scope="row">${name}${isOne || wave === undefined ? undefined : markup`<span class="of">wave ${wave}</span>`}</th>
      <td class="ended">
        <span class="mark" aria-hidden="true">${markOf(endingOf(first))}</span> ${endingWord(first, state.goal)}
      </td>
      <td class="time">${lanes(group, options)}</td>
      <td class="number">${copied === 0 ? "" : formatBytes(copied)}</td>
      <td class="number">${tookText(group)}</td>
    </tr>
    <tr class="more">
      <td colspan="5">${details}</td>
    </tr>
  </tbody> `;
}

function sum(values: readonly number[]): number {
  return values.reduce((total, value) => total + value, 0);
}

/** `12 s`, or of several `8.1 s to 20 s`. */
function tookText(group: readonly HostState[]): string {
  const times = group.flatMap(({ report }) =>
    report === undefined || report.outcome === "skipped" ? [] : report.durationMs,
  );
  if (times.length === 0) return "";
  const [least, most] = [Math.min(...times), Math.max(...times)].map(formatDuration);
  return least === most ? (least ?? "") : `${least ?? ""} to ${most ?? ""}`;
}
