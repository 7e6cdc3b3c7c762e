import { readFileSync } from "node:fs";
import { join } from "node:path";
import { Ajv2020 } from "ajv/dist/2020.js";
import type { z } from "zod";
import { beforeAll, describe, expect, expectTypeOf, it } from "vitest";
import { eventSchemas } from "#report";
import type { RolloutEvent } from "#rollout";
import { OUTCOMES } from "#rollout";
import { randomFaults, createRandom, RANDOM_FAULTS, SimulatedFleet, madeUpHive } from "#simulation";
import { parseHive } from "#hive";
import type { EventOnWire } from "../../src/report/ndjson/on-wire.ts";
import { junitProblems, readJunit } from "./junit-reader.ts";
import type { RealRun } from "./real-runs.ts";
import { playRealRuns, POISON } from "./real-runs.ts";
import { reportRun } from "./report-run.ts";

type EventType = RolloutEvent["type"];

const ajv = new Ajv2020({ strict: true, validateFormats: false });
const published = JSON.parse(
  readFileSync(join(import.meta.dirname, "../../docs/events.schema.json"), "utf8"),
) as object;
const isPublished = ajv.compile(published);

/** What is wrong with lines of NDJSON: by the published schema, and by our own, which takes no field that it does not know. */
function problemsOf(ndjson: string): readonly string[] {
  return ndjson
    .trimEnd()
    .split("\n")
    .flatMap((line) => {
      const event = JSON.parse(line) as { readonly type: EventType };
      const own = eventSchemas[event.type].safeParse(event);
      return [
        ...(isPublished(event) ? [] : [`${line}: ${ajv.errorsText(isPublished.errors)}`]),
        ...(own.success ? [] : [`${line}: ${own.error.message}`]),
      ];
    });
}

describe("the schema of the events", () => {
  it("is of exactly the events that there are: the compiler holds each field against its type", () => {
    type OfSchemas = { [Type in EventType]: z.infer<(typeof eventSchemas)[Type]> };
    type OfEvents = { [Type in EventType]: EventOnWire<Type> };
    expectTypeOf<OfSchemas>().branded.toEqualTypeOf<OfEvents>();
    expectTypeOf<keyof typeof eventSchemas>().toEqualTypeOf<EventType>();
  });

  it("refuses what is no event, in both forms", () => {
    const at = "2026-01-31T14:25:01.000Z";
    expect(isPublished({ type: "step-started", at, host: "web-1", step: "test" })).toBe(true);
    expect(isPublished({ type: "step-started", at, host: "web-1", step: "test", later: 1 })).toBe(true);
    expect(isPublished({ type: "step-started", at, host: "web-1", step: "tset" })).toBe(false);
    expect(isPublished({ type: "step-started", at: 12, host: "web-1", step: "test" })).toBe(false);
    expect(isPublished({ type: "log", at, step: "test" })).toBe(false);
  });

  it("holds for simulated runs, with everything that can go wrong", { timeout: 120_000 }, async () => {
    const told = new Set<string>();
    for (const seed of [1, 2, 3, 4, 5, 6]) {
      const rollout = {
        waves: ["@canary", "20%", "rest"],
        maxFailures: seed % 3 === 0 ? 1 : "40%",
        onFailure: "revert-run",
      } as const;
      const hive = parseHive(madeUpHive(40, { rollout }), { directory: "/simulated" });
      const random = createRandom(seed);
      const faults = RANDOM_FAULTS.flatMap((kind) => randomFaults(kind, { hosts: hive.hosts, count: 2, random }));
      const fleet = new SimulatedFleet(hive.hosts, { seed });
      const options = { release: "v2", goal: "switch" as const, policy: hive.rollout, limits: hive.limits };
      const isUpToDate = ({ name }: { readonly name: string }): boolean => name.endsWith("7");
      const { events } = await fleet.deploy({ ...options, faults, isUpToDate });
      const { stdout } = await reportRun(events, { format: "ndjson" });
      expect(problemsOf(stdout)).toEqual([]);
      for (const event of events) told.add(event.type === "host-finished" ? event.report.outcome : event.type);
    }
    expect([...told]).toEqual(
      expect.arrayContaining([...OUTCOMES, "wave-started", "wave-finished", "step-failed", "log"]),
    );
  });
});

describe("real runs", { timeout: 300_000 }, () => {
  let runs: readonly RealRun[] = [];
  beforeAll(async () => {
    runs = await playRealRuns();
  }, 300_000);

  it("have every outcome, waves, gates, reverts, secrets and a reboot", () => {
    const outcomes = runs.map(({ report }) => report.hosts.map(({ host, outcome }) => `${host} ${outcome}`));
    expect(outcomes).toEqual([
      ["web-1", "web-2", "web-3", "db-1", "edge-1", "edge-2"].map((name) => `${name} deployed`),
      ["web-1 deployed", "web-2 deployed"],
      [
        ...["web-1 rolled-back", "web-2 unchanged", "web-3 rolled-back"],
        ...["db-1 failed", "db-2 stranded", "edge-1 skipped"],
      ],
      ["edge-2 deployed"],
    ]);
    const types = new Set(runs.flatMap(({ events }) => events.map(({ type }) => type)));
    const all = Object.keys(eventSchemas).filter((type) => type !== "interrupted");
    expect([...types].sort()).toEqual(all.sort());
    expect(runs.at(-1)?.events).toContainEqual(expect.objectContaining({ type: "step-finished", step: "reboot" }));
  });

  it("print events that are as the schema says", () => {
    for (const { outputs } of runs) expect(problemsOf(outputs.events ?? "")).toEqual([]);
  });

  it("leave JUnit XML that is the same while they go on and afterwards, and agrees with the report", async () => {
    for (const { report, outputs } of runs) {
      expect(await junitProblems([outputs.junit ?? "", outputs["report --junit"] ?? ""])).toEqual([]);
      expect(readJunit(outputs["report --junit"] ?? "")).toEqual(readJunit(outputs.junit ?? ""));
      const { cases } = readJunit(outputs.junit ?? "");
      const codes = Object.fromEntries(cases.map(({ name, type }) => [name, type]));
      expect(codes).toEqual(
        Object.fromEntries(report.hosts.map((host) => [host.host, "error" in host ? host.error.code : undefined])),
      );
    }
  });

  it("tell a secret that a failing command prints nowhere, though each output has that command's failure", () => {
    const broken = runs[2];
    const names = Object.keys(broken?.outputs ?? {});
    expect(names).toHaveLength(13);
    for (const [name, text] of Object.entries(broken?.outputs ?? {})) {
      expect({ name, hasPoison: text.includes(POISON), isTold: text.includes("[redacted]") }).toEqual({
        ...{ name, hasPoison: false, isTold: true },
      });
    }
    for (const { events, report } of runs) expect(JSON.stringify([events, report])).not.toContain(POISON);
  });

  it("would have been found to tell it: planted, it shows in each", async () => {
    const broken = runs[2]?.events ?? [];
    const planted = JSON.parse(JSON.stringify(broken).replaceAll("[redacted]", POISON)) as RolloutEvent[];
    for (const format of ["ndjson", "lines", "github", "gitlab"] as const) {
      const { stdout, stderr } = await reportRun(planted, { format });
      expect({ format, hasPoison: (stdout + stderr).includes(POISON) }).toEqual({ format, hasPoison: true });
    }
  });
});
