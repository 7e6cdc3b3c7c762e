import type { Result } from "./contestants.ts";
import { say } from "./print.ts";
import type { CaseResult, Samples } from "./rows.ts";

export interface RaceOptions<T> {
  readonly bench: string;
  readonly name: string;
  readonly runs: number;
  /** What comes before each attempt and is not measured. */
  readonly prepare: () => Promise<void>;
  readonly attempt: (contestant: T) => Promise<readonly Result[]>;
}

/** A contestant that has had so much time in a case is measured no more there, but for the first run. */
const ENOUGH_SECONDS = 120;

/** Lets contestants take turns, each time another one first, so that what disturbs the machine disturbs all alike. */
export async function race<T extends { readonly name: string }>(
  contestants: readonly T[],
  { bench, name, runs, prepare, attempt }: RaceOptions<T>,
): Promise<CaseResult> {
  const tools = new Map<string, Samples>();
  const spent = new Map<T, number>();
  for (let run = 0; run < runs; run += 1) {
    const turn = run % contestants.length;
    for (const contestant of [...contestants.slice(turn), ...contestants.slice(0, turn)]) {
      if ((spent.get(contestant) ?? 0) > ENOUGH_SECONDS) continue;
      await prepare();
      const results = await attempt(contestant);
      for (const { tool, seconds, cpuSeconds, peakBytes, logins } of results) {
        const samples = tools.get(tool) ?? { seconds: [], cpuSeconds: [], peakBytes: [], logins: [] };
        tools.set(tool, samples);
        samples.seconds.push(seconds);
        if (cpuSeconds !== undefined) samples.cpuSeconds.push(cpuSeconds);
        if (peakBytes !== undefined) samples.peakBytes.push(peakBytes);
        if (logins !== undefined) samples.logins.push(logins);
      }
      const seconds = results[0]?.seconds ?? 0;
      spent.set(contestant, (spent.get(contestant) ?? 0) + seconds);
      say(`${name}: run ${run + 1}, ${contestant.name}: ${seconds.toFixed(2)} s`);
    }
  }
  return { bench, name, tools };
}
