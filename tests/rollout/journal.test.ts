import { spawnSync } from "node:child_process";
import { mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, statSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import fc from "fast-check";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import type { HostName } from "#hive";
import type { JournalHeader, RolloutEvent } from "#rollout";
import { continueJournal, listRuns, openJournal, readJournal } from "#rollout";
import { thisProcess } from "../../src/rollout/journal/running-process.ts";
import { parseJournal } from "../../src/rollout/journal/read-journal.ts";

const RUN = "20260131-142501-3f9a";
const GONE = { pid: 2 ** 22 + 1, machine: thisProcess().machine, started: "another boot" };
const [WEB, DB] = ["web-1", "db-1"] as HostName[] as [HostName, HostName];

function header(change: Partial<JournalHeader> = {}): JournalHeader {
  const target = { ...{ host: "10.0.0.1", user: "root", port: 22, root: "" }, ...NOTHING };
  return {
    ...{ v: 1, run: RUN, goal: "switch", hive: "fleet", operator: "ann@laptop", startedAt: 1_000 },
    revision: { name: "fleet", revision: null, dirty: false },
    hosts: [WEB, DB].map((name) => ({ name, wave: "rest", target })),
    policy: {} as JournalHeader["policy"],
    process: GONE,
    ...change,
  };
}
const NOTHING = { identityFile: undefined, proxyJump: undefined, hostKey: undefined };

const history = { from: undefined, to: undefined, generation: 3, durationMs: 9, logins: 2, copiedPaths: 0 };
const REPORT = { ...history, copiedBytes: 0, notices: [], outcome: "deployed" };
const EVENTS = [
  { at: 1_000, type: "run-started", run: RUN, goal: "switch", hive: "fleet", hosts: [WEB, DB], steps: ["connect"] },
  { at: 1_001, type: "step-started", host: WEB, step: "connect" },
  { at: 1_002, type: "step-finished", host: WEB, step: "connect", durationMs: 1 },
  { at: 1_003, type: "step-started", host: WEB, step: "test" },
  { at: 1_003, type: "log", host: WEB, step: "test", line: "starting nginx.service — ✓\u2028" },
  { at: 1_004, type: "step-started", host: DB, step: "connect" },
  { at: 1_009, type: "host-finished", host: WEB, report: { ...REPORT, host: WEB } },
] as unknown as RolloutEvent[];
const FINISHED = {
  ...{ at: 1_010, type: "run-finished" },
  report: { run: RUN, goal: "switch", startedAt: 1_000, durationMs: 10, hosts: [], interrupted: false },
} as unknown as RolloutEvent;

let folder = "";
let runs = "";
const troubles: string[] = [];
const onTrouble = (message: string): void => void troubles.push(message);
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), "skep-journal-"));
  runs = join(folder, ".skep/runs");
  troubles.length = 0;
});
afterEach(() => {
  rmSync(folder, { recursive: true });
});

const fileOf = (run = RUN): string => join(runs, `${run}.ndjson`);
async function writeJournal(events: readonly RolloutEvent[], change?: Partial<JournalHeader>): Promise<string> {
  await using journal = await openJournal(runs, header(change), { onTrouble });
  for (const event of events) journal.append(event);
  return fileOf(change?.run);
}

describe("openJournal()", () => {
  it("writes what happens, for the user's eyes only", async () => {
    const file = await writeJournal(EVENTS);
    expect(await readJournal(file)).toMatchObject({ header: JSON.parse(JSON.stringify(header())) as object });
    expect((await readJournal(file)).events).toEqual(JSON.parse(JSON.stringify(EVENTS)));
    expect(statSync(file).mode & 0o777).toBe(0o600);
    expect(statSync(runs).mode & 0o777).toBe(0o700);
    expect(readdirSync(runs)).toEqual([`${RUN}.ndjson`]);
  });

  it("has a decision in the file before append() returns, and what came before it", async () => {
    await using journal = await openJournal(runs, header(), { onTrouble });
    const [started, connect, connected, test] = EVENTS as [RolloutEvent, RolloutEvent, RolloutEvent, RolloutEvent];
    for (const event of [started, connect, connected]) journal.append(event);
    journal.append(test);
    expect(readFileSync(fileOf(), "utf8").split("\n")).toHaveLength(1 + 4 + 1);
  });

  it("has everything in the file once decided() settles", async () => {
    await using journal = await openJournal(runs, header(), { onTrouble });
    for (const event of EVENTS.slice(0, 2)) journal.append(event);
    await journal.decided();
    expect((await readJournal(fileOf())).events).toHaveLength(2);
  });

  it("leaves out how far copies are", async () => {
    const copy = { paths: 1, pathsTotal: 2, bytes: 1, bytesTotal: 2 };
    const file = await writeJournal([{ at: 1, type: "step-progress", host: WEB, step: "copy", copy }]);
    expect((await readJournal(file)).events).toEqual([]);
  });

  it("keeps the newest hundred runs", async () => {
    mkdirSync(runs, { recursive: true });
    const old = Array.from({ length: 105 }, (_, index) => `20250101-000000-${String(index).padStart(4, "0")}`);
    for (const run of old) writeFileSync(fileOf(run), "");
    writeFileSync(join(runs, "notes.txt"), "not ours");
    await writeJournal([]);
    expect(readdirSync(runs).sort()).toEqual([...old.slice(6), RUN].map((run) => `${run}.ndjson`).concat("notes.txt"));
  });

  it("tells once that it cannot write, and stops no run", async () => {
    writeFileSync(join(folder, ".skep"), "a file where the folder is to be");
    await writeJournal(EVENTS);
    expect(troubles).toEqual([expect.stringMatching(/^cannot write the run's journal .*ndjson, so skep resume/)]);
  });

  it("tells once that the disk is full, and what was written can be read", async (context) => {
    mkdirSync(runs, { recursive: true });
    const mounted = spawnSync("mount", ["-t", "tmpfs", "-o", "size=16k", "none", runs]);
    if (mounted.status !== 0) context.skip("this user cannot make a small disk");
    try {
      const journal = await openJournal(runs, header(), { onTrouble });
      const log = { at: 1, type: "log", step: "build", line: "x".repeat(1000) } as const;
      for (let count = 0; count < 40; count += 1) {
        journal.append(log);
        await journal.decided();
      }
      await journal[Symbol.asyncDispose]();
      expect(troubles).toEqual([expect.stringContaining("ENOSPC")]);
      expect((await readJournal(fileOf())).events.length).toBeGreaterThan(5);
    } finally {
      spawnSync("umount", [runs]);
    }
  });
});

describe("readJournal()", () => {
  it("knows how far each host has come", async () => {
    const file = await writeJournal(EVENTS);
    expect(await readJournal(file)).toMatchObject({
      state: "broken-off",
      hosts: [
        { name: WEB, begun: true, step: "test", report: { outcome: "deployed", generation: 3 } },
        { name: DB, begun: true, step: "connect", report: undefined },
      ],
    });
  });

  it("knows a run that is being carried out from one that was broken off", async () => {
    expect((await readJournal(await writeJournal(EVENTS, { process: thisProcess() }))).state).toBe("running");
    const otherStart = { ...thisProcess(), started: "another boot:1" };
    expect((await readJournal(await writeJournal(EVENTS, { process: otherStart }))).state).toBe("broken-off");
    expect((await readJournal(await writeJournal([...EVENTS, FINISHED]))).state).toBe("ended");
  });

  it("is readable at every byte it is cut at, and goes on from there", { timeout: 120_000 }, async () => {
    const file = await writeJournal([...EVENTS, FINISHED]);
    const bytes = readFileSync(file);
    const firstEnd = bytes.indexOf(0x0a) + 1;
    const whole = (await readJournal(file)).events;
    for (let cut = 0; cut <= bytes.length; cut += 1) {
      const text = bytes.subarray(0, cut).toString("utf8");
      if (cut < firstEnd) {
        expect(() => parseJournal(text, file)).toThrow(/does not begin as a journal/);
        continue;
      }
      const lines = text.split("\n").length - 2;
      expect(parseJournal(text, file).events).toEqual(whole.slice(0, lines));
    }
    for (const cut of [firstEnd, firstEnd + 1, bytes.length - 1, bytes.length]) {
      writeFileSync(file, bytes.subarray(0, cut));
      const before = (await readJournal(file)).events;
      const resumption = { type: "resumed", at: 5, operator: "ben@desk", process: GONE } as const;
      const journal = await continueJournal(file, resumption, { onTrouble });
      journal.append(FINISHED);
      await journal[Symbol.asyncDispose]();
      const after = await readJournal(file);
      expect(after).toMatchObject({ state: "ended", resumptions: [resumption], events: [...before, FINISHED] });
    }
    expect(troubles).toEqual([]);
  });

  it("passes over lines that are damaged", async () => {
    const file = await writeJournal(EVENTS);
    const [first = "", ...lines] = readFileSync(file, "utf8").trimEnd().split("\n");
    await fc.assert(
      fc.asyncProperty(
        fc.nat(lines.length - 1),
        fc.string({ unit: "binary" }).map((text) => text.replaceAll("\n", " ")),
        async (index, noise) => {
          writeFileSync(file, `${[first, ...lines.with(index, `!${noise}`)].join("\n")}\n`);
          expect((await readJournal(file)).events).toHaveLength(lines.length - 1);
        },
      ),
      { numRuns: 50 },
    );
  });
});

describe("listRuns()", () => {
  it("has the newest first, and passes over what is no journal", async () => {
    for (const run of ["20260101-000000-aaaa", "20260301-000000-bbbb", "20260201-000000-cccc"]) {
      await writeJournal([FINISHED], { run });
    }
    writeFileSync(fileOf("20260401-000000-dddd"), '{"v":2}\n');
    writeFileSync(fileOf("20260401-000000-eeee"), "");
    expect((await listRuns(runs)).map(({ header }) => header.run.slice(-4))).toEqual(["bbbb", "cccc", "aaaa"]);
  });

  it("tells which of two runs of one second was the later", async () => {
    await writeJournal([FINISHED], { run: "20260101-000000-ffff", startedAt: 1_767_225_600_100 });
    await writeJournal([FINISHED], { run: "20260101-000000-aaaa", startedAt: 1_767_225_600_900 });
    expect((await listRuns(runs)).map(({ header }) => header.run.slice(-4))).toEqual(["aaaa", "ffff"]);
  });

  it("finds none where there never was a run", async () => {
    expect(await listRuns(runs)).toEqual([]);
  });
});
