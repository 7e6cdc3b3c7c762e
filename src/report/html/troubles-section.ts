import type { RunState } from "../run/run-state.ts";
import type { Trouble } from "../run/troubles.ts";
import { troublesByWeight } from "../run/troubles.ts";
import { plainLine, plainLines } from "../text/plain-text.ts";
import { counted } from "../text/words.ts";
import { endingOf, markOf, wordOf } from "./endings.ts";
import { hostNames } from "./host-names.ts";
import type { Markup } from "./markup.ts";
import { markup } from "./markup.ts";

const CARDS_AT_ONCE = 12;

/** Everything that went wrong, in full, and why hosts were skipped; nothing of a run that went well. */
export function troublesSection(state: RunState): Markup | undefined {
  const troubles = troublesByWeight(state);
  const skipped = groupSkipped(state);
  const notices = state.notices.filter(({ host }) => host === undefined);
  if (troubles.length === 0 && skipped.size === 0 && notices.length === 0) return undefined;
  return markup`<section aria-labelledby="troubles">
    <h2 id="troubles">${troubles.length > 0 ? "What went wrong" : "What there is to know"}</h2>
    ${troubles.slice(0, CARDS_AT_ONCE).map((trouble) => troubleCard(trouble, state))}
    ${foldedCards(troubles.slice(CARDS_AT_ONCE), state)}
    ${Array.from(
      skipped,
      ([reason, hosts]) =>
        markup`<article class="card o-skipped">
          <h3>${hostNames(hosts)} <span class="pill">skipped</span></h3>
          <p>${reason}</p>
        </article>`,
    )}
    ${notices.map(({ message }) => markup`<article class="card note"><p>${plainLine(message)}</p></article>`)}
  </section>`;
}

function foldedCards(troubles: readonly Trouble[], state: RunState): Markup | undefined {
  if (troubles.length === 0) return undefined;
  return markup`<details class="folded">
    <summary>${counted(troubles.length, "error")} more</summary>
    ${troubles.map((trouble) => troubleCard(trouble, state))}
  </details>`;
}

function troubleCard({ hosts, error, log }: Trouble, state: RunState): Markup {
  const host = state.hosts.get(hosts[0] ?? "");
  const ending = host === undefined ? "failed" : endingOf(host);
  const [message = "", ...more] = plainLines(error.message);
  const cause = error.cause === undefined || error.message.includes(error.cause) ? [] : plainLines(error.cause);
  const output = [...more, ...cause, ...log];
  return markup`<article class="card o-${ending}">
    <h3>
      ${hostNames(hosts)}
      <span class="pill"><span aria-hidden="true">${markOf(ending)} </span>${wordOf(ending, state.goal)}</span>
    </h3>
    <p class="message">${message} <code class="code">${plainLine(error.code)}</code></p>
    ${output.length === 0 ? undefined : markup`<pre tabindex="0" aria-label="Last output">${output.join("\n")}</pre>`}
    ${error.hint === undefined ? undefined : markup`<p class="hint"><b>Hint</b> ${plainLine(error.hint)}</p>`}
  </article>`;
}

function groupSkipped({ hosts }: RunState): ReadonlyMap<string, readonly string[]> {
  const groups = new Map<string, string[]>();
  for (const { name, report } of hosts.values()) {
    if (report?.outcome !== "skipped") continue;
    const reason = plainLine(report.reason);
    const known = groups.get(reason) ?? [];
    known.push(name);
    groups.set(reason, known);
  }
  return groups;
}
