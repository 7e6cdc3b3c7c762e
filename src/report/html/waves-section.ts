import { formatDuration } from "#core";
import type { RunState, WaveState } from "../run/run-state.ts";
import { plainLine } from "../text/plain-text.ts";
import { ENDINGS, endingOf, markOf, wordOf } from "./endings.ts";
import type { Markup } from "./markup.ts";
import { markup } from "./markup.ts";
import type { RunOrigin } from "./origin.ts";

interface ShownWave extends Pick<WaveState, "name" | "hosts"> {
  readonly begun: WaveState | undefined;
}

/** The waves in their order, with how their hosts ended; nothing of a run of one wave. */
export function wavesSection(state: RunState, origin: RunOrigin | undefined): Markup | undefined {
  const waves = wavesOf(state, origin);
  if (waves.length < 2) return undefined;
  return markup`<section aria-labelledby="waves">
    <h2 id="waves">Waves</h2>
    <div class="scroll">
      <table class="waves">
        <thead>
          <tr>
            <th scope="col">Wave</th>
            <th scope="col" class="number">Hosts</th>
            <th scope="col">Ended</th>
            <th scope="col" class="number">From</th>
            <th scope="col" class="number">Took</th>
          </tr>
        </thead>
        <tbody>
          ${waves.map((wave) => waveRow(wave, state))}
        </tbody>
      </table>
    </div>
  </section>`;
}

function wavesOf({ waves }: RunState, origin: RunOrigin | undefined): readonly ShownWave[] {
  if (origin === undefined) return waves.map((wave) => ({ ...wave, begun: wave }));
  return origin.waves.map(({ name, hosts }) => ({
    ...{ name, hosts },
    begun: waves.findLast((wave) => wave.name === name),
  }));
}

function waveRow({ name, hosts, begun }: ShownWave, state: RunState): Markup {
  const endings = hosts.map((host) => {
    const known = state.hosts.get(host);
    return known === undefined ? "not-ended" : endingOf(known);
  });
  const counts = ENDINGS.flatMap((ending) => {
    const count = endings.filter((one) => one === ending).length;
    if (count === 0) return [];
    return [
      markup`<li class="o-${ending}">
        <span class="mark" aria-hidden="true">${markOf(ending)}</span> <b>${count}</b> ${wordOf(ending, state.goal)}
      </li>`,
    ];
  });
  const from = begun === undefined ? "not begun" : `+${formatDuration(begun.startedAt - (state.startedAt ?? 0))}`;
  const took = begun?.endedAt === undefined ? "" : formatDuration(begun.endedAt - begun.startedAt);
  const stopped = begun?.stopped === undefined ? undefined : markup`<p class="stopped">${plainLine(begun.stopped)}</p>`;
  return markup`<tr>
    <th scope="row">${name}</th>
    <td class="number">${hosts.length}</td>
    <td>
      <ul class="tally small">
        ${counts}
      </ul>
      ${stopped}
    </td>
    <td class="number">${from}</td>
    <td class="number">${took}</td>
  </tr> `;
}
