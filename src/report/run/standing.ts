import { formatElapsed } from "../text/elapsed.ts";
import type { Span } from "../text/spans.ts";
import { OUTCOME_STYLES, outcomeWord, runWord } from "../text/words.ts";
import { isUnderWay } from "./interruption.ts";
import type { RunState } from "./run-state.ts";
import { countOutcomes, VERDICT_ORDER } from "./verdict.ts";

/**
 * How the run stands, in the words of the verdict it will end with: `switch: 1 deployed, 2 under way, 5 waiting, 42 s`.
 * In pieces, between which a line may be broken.
 */
export function standing(state: RunState, now: number): Span[] {
  const hosts = Array.from(state.hosts.values());
  const counts = countOutcomes(hosts.flatMap(({ report }) => (report === undefined ? [] : [report])));
  const underWay = hosts.filter(isUnderWay).length;
  const waiting = hosts.filter((host) => host.report === undefined && !isUnderWay(host)).length;
  const parts: Span[] = [
    ...VERDICT_ORDER.filter((outcome) => counts[outcome] > 0).map((outcome) => ({
      text: `${counts[outcome]} ${outcomeWord(outcome, state.goal)}`,
      style: OUTCOME_STYLES[outcome],
    })),
    ...(underWay > 0 ? [{ text: `${underWay} under way`, style: "cyan" as const }] : []),
    ...(waiting > 0 ? [{ text: `${waiting} waiting` }] : []),
    ...(state.waveCount > 1 && state.wave !== undefined ? [{ text: `wave ${state.wave} of ${state.waveCount}` }] : []),
    { text: formatElapsed(now - (state.startedAt ?? now)) },
  ];
  return [
    { text: `${runWord(state)}: `, style: "bold" },
    ...parts.map(({ text, style }, index) => ({ text: index < parts.length - 1 ? `${text}, ` : text, style })),
  ];
}
