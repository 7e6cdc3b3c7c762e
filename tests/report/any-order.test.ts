import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { createReporter } from "#report";
import type { OutputFormat } from "#report";
import { OUTCOMES } from "#rollout";
import type { Outcome, RolloutEvent } from "#rollout";
import { inAnyOrder, started } from "./arbitrary-events.ts";
import { captureStream } from "./streams.ts";
import { NOON } from "./typical-run.ts";
import { playTerminal } from "./virtual-terminal.ts";

const SIZE = { columns: 200, rows: 60 };
const WORDS: Record<string, Outcome> = {
  ...Object.fromEntries(OUTCOMES.map((o) => [o, o])),
  "rolled back": "rolled-back",
};

async function write(
  events: readonly RolloutEvent[],
  { format, verbose }: { readonly format: OutputFormat; readonly verbose: boolean },
): Promise<{ readonly stdout: string; readonly stderr: string }> {
  const stdout = captureStream();
  const stderr = captureStream(SIZE);
  const common = { format, verbose, colors: true, quiet: false, now: () => NOON };
  const reporter = createReporter({ ...common, stdout, stderr });
  for (const each of events) reporter.handle(each);
  await reporter[Symbol.asyncDispose]();
  return { stdout: stdout.text, stderr: stderr.text };
}

/** What a reader of the NDJSON takes the hosts' ends to be. */
function readOutcomes(ndjson: readonly RolloutEvent[]): Map<string, string> {
  const outcomes = new Map<string, string>();
  for (const each of ndjson) {
    if (each.type === "host-finished") outcomes.set(each.host, each.report.outcome);
    if (each.type === "run-finished") for (const its of each.report.hosts) outcomes.set(its.host, its.outcome);
  }
  return outcomes;
}

/** What somebody who looks at the lines takes them to be: the last that is said of each host. */
function seeOutcomes(lines: readonly string[]): Map<string, string> {
  const said =
    /^(?:[\d:]{8} |[-+=x<!*.] )?(web-1|web-2|db-1|edge-1) +(unchanged|deployed|skipped|failed|rolled back|stranded)/;
  const outcomes = new Map<string, string>();
  for (const line of lines) {
    const [, its, word] = said.exec(line) ?? [];
    if (its !== undefined && word !== undefined) outcomes.set(its, WORDS[word] ?? word);
  }
  return outcomes;
}

describe("Reporter", () => {
  it("takes events in any order and agrees with itself in all formats on how each host ended", async () => {
    const property = fc.asyncProperty(started, inAnyOrder, fc.boolean(), async (first, rest, verbose) => {
      const events = [first, ...rest];
      const ndjson = (await write(events, { format: "ndjson", verbose })).stdout.split("\n").slice(0, -1);
      const read = ndjson.map((line) => JSON.parse(line) as Record<string, unknown>);
      const end = events.findIndex((each) => each.type === "run-finished");
      expect(read.map(restoreEvent)).toEqual(events.slice(0, end === -1 ? undefined : end + 1));

      const expected = readOutcomes(read.map(restoreEvent));
      const lines = await write(events, { format: "lines", verbose });
      expect(seeOutcomes(playTerminal(lines.stderr, SIZE).lines)).toEqual(expected);
      const tty = playTerminal((await write(events, { format: "tty", verbose })).stderr, SIZE);
      expect(seeOutcomes(tty.lines)).toEqual(end === -1 ? expected : readOutcomes(read.map(restoreEvent).slice(-1)));
      expect(tty.cursorShown).toBe(true);
    });
    await fc.assert(property, { numRuns: 300 });
  });

  it("takes events without a beginning", async () => {
    const property = fc.asyncProperty(inAnyOrder, fc.constantFrom("tty", "lines", "ndjson"), async (events, format) => {
      const { stderr } = await write(events, { format, verbose: true });
      expect(playTerminal(stderr, SIZE).cursorShown).toBe(true);
      expect(stderr).not.toContain("[report/internal]");
    });
    await fc.assert(property, { numRuns: 200 });
  });
});

/** An event as it was before it was written. */
function restoreEvent({ v: _version, ...fields }: Record<string, unknown>): RolloutEvent {
  const { report: its } = fields as { report?: { startedAt?: string } };
  const whole = its?.startedAt === undefined ? {} : { report: { ...its, startedAt: Date.parse(its.startedAt) } };
  return { ...fields, ...whole, at: Date.parse(String(fields.at)) } as RolloutEvent;
}
