import { existsSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import fc from "fast-check";
import MarkdownIt from "markdown-it";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import type { RolloutEvent } from "#rollout";
import { inAnyOrder, started } from "./arbitrary-events.ts";
import { readAsRunner } from "./github-runner.ts";
import { reportRun } from "./report-run.ts";
import { hostReport, name, NOON, rolloutReport, typicalRun } from "./typical-run.ts";

const GITHUB = { GITHUB_ACTIONS: "true", CI: "true" };
const GITLAB = { GITLAB_CI: "true", CI: "true" };
const markdown = new MarkdownIt({ html: true, linkify: true });

let folder = "";
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), "skep-ci-"));
});
afterEach(() => {
  rmSync(folder, { recursive: true });
});

/** So many hosts that failed, each in its own way. */
function failures(count: number): RolloutEvent[] {
  const hosts = Array.from({ length: count }, (_, index) => {
    const error = { code: "ssh/unreachable", message: `cannot reach web-${index}: 100% lost, again` };
    return hostReport(`web-${index}`, { outcome: "failed", error });
  });
  return [{ at: NOON, type: "run-finished", report: rolloutReport(hosts) }];
}

describe("in a job of GitHub's", () => {
  it("hosts are groups with all they printed, in the order they ended, and what concerns the run is between them", async () => {
    const { stderr } = await reportRun(typicalRun(), { format: "auto", env: GITHUB });
    const { commands, shown } = readAsRunner(stderr);
    expect(commands.map(({ name: word, data }) => (word === "group" ? `group ${data}` : word))).toEqual([
      ...["group = web-2: unchanged in 1.0 s", "endgroup"],
      ...["group + web-1: deployed in 12 s", "endgroup"],
      ...["group < db-1: rolled back in 29 s", "endgroup"],
      "error",
    ]);
    expect(shown[0]).toMatch(/switch of 3 hosts of apiary, run r-7c1d$/);
    expect(shown.join("\n")).toMatch(/web-1 {2}test {10}\| starting nginx\.service/);
    expect(shown.join("\n")).toContain("\nskep: error: db-1: http :80/healthz answered 502");
    const at = (text: string): number => stderr.indexOf(text);
    expect(at("::group::+ web-1")).toBeLessThan(at("web-1  connect"));
    expect(at("web-1  commit")).toBeLessThan(at("::group::< db-1"));
  });

  it("a host that failed is annotated with code, message, last output and hint", async () => {
    const { commands } = readAsRunner((await reportRun(typicalRun(), { format: "github" })).stderr);
    expect(commands.at(-1)).toEqual({
      name: "error",
      properties: { title: "db-1: rolled back [health/failed]" },
      data: `http :80/healthz answered 502 for 30 s, wanted 200 to 299
nginx: bind() to 0.0.0.0:80 failed
hint: see why with ssh root@db-1 journalctl --unit nginx`,
    });
  });

  it("has ten annotations at most, the last for all that are left", async () => {
    const ten = readAsRunner((await reportRun(failures(10), { format: "github" })).stderr).commands;
    expect(ten.map(({ data }) => data)).toEqual(
      Array.from({ length: 10 }, (_, index) => `cannot reach web-${9 - index}: 100% lost, again`),
    );
    const more = readAsRunner((await reportRun(failures(12), { format: "github" })).stderr).commands;
    expect(more).toHaveLength(10);
    expect(more.at(-1)).toEqual({
      ...{ name: "error", properties: { title: "3 errors more" }, data: "3 hosts: web-2, web-1, web-0" },
    });
  });

  it("a plan goes line by line, and its hosts that failed are annotated, also when quiet; it leaves no summary", async () => {
    const error = { code: "ssh/unreachable", message: "cannot reach web-1" };
    const events: readonly RolloutEvent[] = [
      {
        ...{ at: NOON, type: "run-started", run: "r-7c1d", goal: "switch", hive: "apiary", planning: true },
        ...{ hosts: [name("web-1"), name("db-1")], steps: ["connect", "probe"] },
      },
      { at: NOON, type: "step-finished", host: name("db-1"), step: "connect", durationMs: 400 },
      { at: NOON, type: "log", host: name("db-1"), step: "probe", line: "##[error]::error::no command" },
      { at: NOON, type: "step-failed", host: name("web-1"), step: "connect", durationMs: 400, error },
    ];
    const annotation = {
      ...{ name: "error", properties: { title: "web-1: cannot be planned [ssh/unreachable]" } },
      data: "cannot reach web-1",
    };
    const summary = join(folder, "summary.md");
    for (const quiet of [false, true]) {
      const env = { ...GITHUB, GITHUB_STEP_SUMMARY: summary };
      const { stderr } = await reportRun(events, { format: "auto", env, quiet, verbose: true });
      const { commands, shown } = readAsRunner(stderr);
      expect(commands).toEqual([annotation]);
      expect(shown.some((line) => line.endsWith("db-1   connect       0.4 s"))).toBe(!quiet);
    }
    expect(existsSync(summary)).toBe(false);
    const { stderr } = await reportRun(events, { format: "auto", env: GITLAB });
    expect(stderr).not.toContain("section_start");
  });

  it("a run that is left in the middle tells of the hosts that did not end", async () => {
    const { stderr } = await reportRun(typicalRun().slice(0, -4), { format: "github" });
    expect(readAsRunner(stderr).commands.map(({ data }) => data)).toContain("* db-1: not ended");
  });

  it("says twice a minute how the run stands", async () => {
    const stands = ({ stderr }: { readonly stderr: string }): number =>
      stderr.match(/^switch: .*waiting/gm)?.length ?? 0;
    const [first] = typicalRun();
    const step = (at: number): RolloutEvent => ({
      at: NOON + at,
      type: "step-started",
      host: name("web-1"),
      step: "test",
    });
    expect(stands(await reportRun([first!, ...[10, 20, 29].map((s) => step(s * 1_000))], { format: "github" }))).toBe(
      0,
    );
    expect(stands(await reportRun([first!, ...[31, 40, 62].map((s) => step(s * 1_000))], { format: "github" }))).toBe(
      2,
    );
  });

  it("keeps the last thousand or two lines of a host that prints without end, and says how many are gone", async () => {
    const lines = Array.from({ length: 5_000 }, (_, index): RolloutEvent => {
      return { at: NOON, type: "log", host: name("web-1"), step: "build", line: `line ${index}` };
    });
    const { stderr } = await reportRun(lines, { format: "github" });
    const kept = stderr.match(/\| line \d+$/gm) ?? [];
    expect(kept.length).toBeLessThan(2_000);
    expect(kept.at(-1)).toBe("| line 4999");
    expect(stderr).toContain(`... ${5_000 - kept.length} lines before\n`);
  });

  it("nothing that a host prints is a command to the runner", async () => {
    const property = fc.asyncProperty(started, inAnyOrder, async (first, rest) => {
      const { stderr, stdout } = await reportRun([first, ...rest], { format: "github" });
      const { commands } = readAsRunner(stdout + stderr);
      const words = commands.map(({ name: word }) => word);
      expect(words.filter((word) => !["group", "endgroup", "error"].includes(word))).toEqual([]);
      const folds = words.filter((word) => word !== "error");
      expect(folds).toEqual(folds.map((_, index) => (index % 2 === 0 ? "group" : "endgroup")));
      for (const { data } of commands.filter(({ name: word }) => word === "group")) {
        expect(data).toMatch(/^[-+=x<!*] (web-1|web-2|db-1|edge-1): [a-z ]+( in [\w. ]+)?$/);
      }
      for (const { properties } of commands)
        expect(Object.keys(properties).filter((key) => key !== "title")).toEqual([]);
    });
    await fc.assert(property, { numRuns: 300 });
  });

  it("nor is anything in the NDJSON, which says what it was all the same", async () => {
    const line = "::error::a\n##[error]b ##[group]c";
    const event: RolloutEvent = { at: NOON, type: "log", host: name("web-1"), step: "build", line };
    const { stdout } = await reportRun([event], { format: "ndjson" });
    expect(readAsRunner(stdout).commands).toEqual([]);
    expect(JSON.parse(stdout)).toMatchObject({ line });
  });

  it("the job's summary gets the run behind what it has, and a run that cannot write it is told so", async () => {
    const summary = join(folder, "summary.md");
    writeFileSync(summary, "# Before\n\n");
    await reportRun(typicalRun(), { format: "auto", env: { ...GITHUB, GITHUB_STEP_SUMMARY: summary } });
    expect(readFileSync(summary, "utf8")).toBe(`\
# Before

## skep switch of \`apiary\`: 1 deployed, 1 unchanged, 1 rolled back in 42 s

Run \`r-7c1d\`, begun ${new Date(NOON).toISOString()}

| Host | Outcome | System | Copied | Time | Why |
| --- | --- | --- | --- | --- | --- |
| \`db-1\` | 🟠 rolled back | \`0c4x2ab 24.11 (not 9c4x2ab)\` | 38.0 MiB | 29 s | \`health/failed\` |
| \`web-1\` | 🟢 deployed | \`0c4x2ab 24.11 -> 9c4x2ab 25.05\` | 38.0 MiB | 12 s |  |
| \`web-2\` | ⚪ unchanged | \`0c4x2ab 24.11\` |  | 1.0 s |  |

### \`db-1\`: \`health/failed\`

\`\`\`
http :80/healthz answered 502 for 30 s, wanted 200 to 299
nginx: bind() to 0.0.0.0:80 failed
\`\`\`

Hint: \`see why with ssh root@db-1 journalctl --unit nginx\`
`);
    const { stderr } = await reportRun(typicalRun(), { format: "github", env: { GITHUB_STEP_SUMMARY: folder } });
    expect(stderr).toContain("[report/file]");
  });

  it("the summary of a large run is well below what GitHub takes, and names every host", async () => {
    const summary = join(folder, "summary.md");
    const message = `${"x".repeat(4_000)}\n`.repeat(40);
    const hosts = Array.from({ length: 300 }, (_, index) =>
      index % 2 === 0
        ? hostReport(`web-${index}`, {
            outcome: "failed",
            error: { code: "ssh/unreachable", message: message + String(index) },
          })
        : hostReport(`web-${index}`, { outcome: "deployed" }),
    );
    const end: RolloutEvent = { at: NOON, type: "run-finished", report: rolloutReport(hosts) };
    await reportRun([end], { format: "github", env: { GITHUB_STEP_SUMMARY: summary } });
    const text = readFileSync(summary, "utf8");
    expect(Buffer.byteLength(text)).toBeLessThan(1024 * 1024);
    for (const { host } of hosts) expect(text).toMatch(new RegExp(`\\b${host}\\b`));
  });

  it("nothing that a host prints is Markdown in the summary", async () => {
    const summary = join(folder, "summary.md");
    const property = fc.asyncProperty(started, inAnyOrder, async (first, rest) => {
      rmSync(summary, { force: true });
      await reportRun([first, ...rest], { format: "github", env: { GITHUB_STEP_SUMMARY: summary } });
      const tokens = markdown.parse(readFileSync(summary, "utf8"), {});
      const types = new Set(tokens.flatMap(({ type, children }) => [type, ...(children ?? []).map((one) => one.type)]));
      for (const bad of [
        "link_open",
        "image",
        "html_inline",
        "html_block",
        "em_open",
        "strong_open",
        "hr",
        "blockquote_open",
      ]) {
        expect(types).not.toContain(bad);
      }
      const plain = tokens.flatMap(({ children }) => children ?? []).filter(({ type }) => type === "text");
      for (const { content } of plain) expect(content).not.toMatch(/[@#<>[\]|]|http/);
    });
    await fc.assert(property, { numRuns: 300 });
  });
});

describe("in a job of GitLab's", () => {
  // As GitLab's own reader of logs looks for them.
  const MARK = /section_(start|end):(\d+):([a-zA-Z0-9_.-]+)(\[[^\]]*\])?\r\u001b\[0K/g;

  it("hosts are sections, those that ended well closed", async () => {
    const { stderr } = await reportRun(typicalRun(), { format: "auto", env: GITLAB });
    const second = (at: number): number => Math.floor((NOON + at) / 1_000);
    expect(stderr).toContain(
      `\u001b[0Ksection_start:${second(600)}:skep_1_web-2[collapsed=true]\r\u001b[0K= web-2: unchanged in 1.0 s\n`,
    );
    expect(stderr).toContain(":skep_3_db-1[collapsed=false]\r\u001b[0K< db-1: rolled back in 29 s\n");
    expect([...stderr.matchAll(MARK)].map(([, kind, , id]) => `${kind} ${id}`)).toEqual([
      ...["start skep_1_web-2", "end skep_1_web-2", "start skep_2_web-1", "end skep_2_web-1"],
      ...["start skep_3_db-1", "end skep_3_db-1"],
    ]);
  });

  it("nothing that a host prints is a section", async () => {
    const property = fc.asyncProperty(started, inAnyOrder, async (first, rest) => {
      const { stderr } = await reportRun([first, ...rest], { format: "gitlab" });
      const marks = [...stderr.matchAll(MARK)].map(([, kind = "", , id = ""]) => ({ kind, id }));
      expect(marks.map(({ kind }) => kind)).toEqual(marks.map((_, index) => (index % 2 === 0 ? "start" : "end")));
      for (const { id } of marks) expect(id).toMatch(/^skep_\d+_(web-1|web-2|db-1|edge-1)$/);
    });
    await fc.assert(property, { numRuns: 200 });
  });
});

describe("--output auto", () => {
  it.each([
    [GITHUB, "::group::"],
    [GITLAB, "section_start:"],
  ])("takes the CI system from the environment %o, and --output lines overrides it", async (env, mark) => {
    expect((await reportRun(typicalRun(), { format: "auto", env })).stderr).toContain(mark);
    expect((await reportRun(typicalRun(), { format: "lines", env })).stderr).not.toContain(mark);
    expect((await reportRun(typicalRun(), { format: "auto", env: { CI: "true" } })).stderr).not.toContain(mark);
  });
});
