import { mkdtempSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import fc from "fast-check";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { OUTCOMES } from "#rollout";
import type { HostReport, RolloutEvent } from "#rollout";
import { inAnyOrder, report, started } from "./arbitrary-events.ts";
import { readJunit } from "./junit-reader.ts";
import { reportRun } from "./report-run.ts";
import { NOON, rolloutReport } from "./typical-run.ts";

const ENDINGS = {
  unchanged: "passed",
  deployed: "passed",
  skipped: "skipped",
  failed: "failure",
  "rolled-back": "failure",
  stranded: "failure",
} as const;

/** Events of any kind, and an end in which every host of the run has its report. */
const wholeRun = fc
  .tuple(started, inAnyOrder, fc.uniqueArray(report, { minLength: 1, selector: ({ host }) => host }))
  .map(([first, rest, hosts]): readonly RolloutEvent[] => {
    const names = hosts.map(({ host }) => host);
    const among = rest.filter((event) => event.type !== "run-finished" && event.type !== "run-started");
    const ours = among.filter((event) => !("host" in event) || event.host === undefined || names.includes(event.host));
    return [{ ...first, hosts: names }, ...ours, { at: NOON, type: "run-finished", report: rolloutReport(hosts) }];
  });

describe("the outputs of one run", () => {
  let folder = "";
  beforeAll(() => {
    folder = mkdtempSync(join(tmpdir(), "skep-agree-"));
  });
  afterAll(() => {
    rmSync(folder, { recursive: true });
  });

  it("agree on every host, its ending and its code: the screen, the NDJSON, the JUnit and the job's summary", async () => {
    const junit = join(folder, "skep.xml");
    const property = fc.asyncProperty(
      wholeRun,
      fc.constantFrom("lines", "tty", "github", "gitlab"),
      async (events, format) => {
        const { stdout } = await reportRun(events, { format: "ndjson", junit });
        const last = JSON.parse(stdout.trimEnd().split("\n").at(-1) ?? "") as {
          report: { hosts: readonly HostReport[] };
        };
        const { hosts } = last.report;

        const { cases, counts } = readJunit(readFileSync(junit, "utf8"));
        const told = (one: HostReport): object => ({
          name: one.host,
          ending: ENDINGS[one.outcome],
          type: "error" in one ? one.error.code : undefined,
        });
        expect(cases.map(({ name, ending, type }) => ({ name, ending, type }))).toEqual(hosts.map(told));
        expect(counts).toEqual({
          tests: hosts.length,
          failures: cases.filter(({ ending }) => ending === "failure").length,
          skipped: cases.filter(({ ending }) => ending === "skipped").length,
          errors: 0,
        });

        const summary = join(folder, "summary.md");
        rmSync(summary, { force: true });
        const { stderr } = await reportRun(events, { format, env: { GITHUB_STEP_SUMMARY: summary } });
        const verdict =
          stderr
            .trimEnd()
            .split("\n")
            .findLast((line) => line.startsWith("switch: ")) ?? "";
        const said = verdictOf(hosts);
        expect(verdict).toBe(`switch: ${said} in 42 s`);
        const codes = new Set(
          [...stderr.matchAll(/^skep: error: .*\[([a-z-]+\/[a-z-]+)\]$/gm)].map(([, code]) => code),
        );
        expect(codes).toEqual(new Set(hosts.flatMap((one) => ("error" in one ? one.error.code : []))));
        if (format !== "github") return;
        const markdown = readFileSync(summary, "utf8");
        expect(markdown).toMatch(/^## skep switch of /);
        expect(markdown.split("\n", 1)[0]).toContain(`: ${said} in 42 s`);
        const rows = [...markdown.matchAll(/^\| `([a-z]+-\d)` \| \S+ ([a-z ]+?) \|/gm)].map(
          ([, host, word]) => `${host} ${word}`,
        );
        expect(rows.sort()).toEqual(hosts.map(({ host, outcome }) => `${host} ${outcome.replace("-", " ")}`).sort());
      },
    );
    await fc.assert(property, { numRuns: 200 });
  });
});

function verdictOf(hosts: readonly HostReport[]): string {
  const order = ["deployed", ...OUTCOMES.filter((outcome) => outcome !== "deployed")];
  return order
    .map((outcome) => [hosts.filter((host) => host.outcome === outcome).length, outcome.replace("-", " ")] as const)
    .flatMap(([count, word]) => (count > 0 ? `${count} ${word}` : []))
    .join(", ");
}
