import { readFile } from "node:fs/promises";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import type { Outcome } from "#rollout";
import { readJunit } from "../report/junit-reader.ts";
import { fleetUnavailable, waitUntil } from "./harness/index.ts";
import type { Scene } from "./scene.ts";
import { openScene, stateOf } from "./scene.ts";
import { startSkep } from "./skep.ts";

const NAMES = ["web-1", "web-2", "web-3", "web-4", "web-5", "web-6"] as const;
const WORDS: Readonly<Record<Outcome, string>> = {
  deployed: "deployed",
  unchanged: "unchanged",
  skipped: "skipped",
  failed: "failed",
  "rolled-back": "rolled back",
  stranded: "stranded",
};

describe.skipIf(fleetUnavailable() !== undefined)("a pipeline on real hosts", () => {
  let scene: Scene;
  const ci = (...argv: readonly string[]) =>
    startSkep(scene.fleet, ["ci", ...argv, "--ssh-config", scene.fleet.client.configFile], { cwd: scene.folder });
  beforeAll(async () => {
    scene = await openScene(NAMES.map((name) => ({ name, suite: "bookworm-without-nix" })));
    await scene.wantAll("v1");
    // web-5 has its first deployment later.
    expect(await ci("--deploy", "--on", "!web-5").ended).toMatchObject({ exitCode: 0 });
  });
  afterAll(() => scene[Symbol.asyncDispose]());

  it("is told the same of every outcome by the screen, the events and JUnit XML", async () => {
    await scene.wantAll("v2", {
      "web-2": { version: "v1" },
      "web-3": { fault: "unhealthy" },
      "web-5": { fault: "unhealthy" },
    });
    await scene.fleet.host("web-4").powerOff();
    const junit = join(scene.folder, "junit.xml");
    const run = await scene.deploy("--junit", junit, "--wave", "!web-6", "--wave", "rest", "--max-failures", "1");
    await scene.fleet.host("web-4").powerOn();
    const outcomes: Record<string, Outcome> = {
      ...{ "web-1": "deployed", "web-2": "unchanged", "web-3": "rolled-back", "web-4": "failed" },
      ...{ "web-5": "stranded", "web-6": "skipped" },
    };
    expect(run.exitCode).toBe(7);
    expect(run.outcomes).toEqual(outcomes);
    const screen = [...run.stderr.matchAll(/^(web-\d) +(deployed|unchanged|skipped|failed|rolled back|stranded)\b/gm)];
    expect(Object.fromEntries(screen.map(([, host, word]) => [host, word]))).toEqual(
      Object.fromEntries(NAMES.map((name) => [name, WORDS[outcomes[name] ?? "failed"]])),
    );
    const { cases } = readJunit(await readFile(junit, "utf8"));
    const codeOf = (name: string): string | undefined => {
      const host = run.host(name);
      return "error" in host ? host.error.code : undefined;
    };
    expect(Object.fromEntries(cases.map(({ name, ending, type }) => [name, { ending, type }]))).toEqual(
      Object.fromEntries(
        NAMES.map((name) => {
          const ending = { deployed: "passed", unchanged: "passed", skipped: "skipped" }[String(outcomes[name])];
          return [name, { ending: ending ?? "failure", type: codeOf(name) }];
        }),
      ),
    );
    for (const name of ["web-3", "web-4", "web-5"]) expect(run.stderr).toContain(`[${codeOf(name) ?? ""}]`);
  });

  it.each(["test", "check", "commit"] as const)(
    "killed during %s leaves the host deployed or back, and the next job succeeds",
    async (step) => {
      const version = `killed-in-${step}`.replaceAll("-", "");
      await scene.wantAll(version);
      const on = ["--on", "web-1"];
      const running = ci("--deploy", "--output", "ndjson", ...on);
      const host = scene.fleet.host("web-1");
      await running.began("web-1", step);
      // Before there is an agent, what is left is a lease that expires: see docs/reliability.md.
      await waitUntil(async () => (await stateOf(host)).agents.length === 1 || step === "commit", {
        ...{ timeoutMs: 10_000, what: "the agent to be there" },
      });
      running.child.kill("SIGKILL");
      await running.ended;
      await waitUntil(async () => (await stateOf(host)).agents.length === 0, {
        ...{ timeoutMs: 60_000, what: "web-1 to end", everyMs: 300 },
      });
      const { answer, running: runs, default: boots, leaseIsThere } = await stateOf(host);
      expect({ runs, leaseIsThere }).toEqual({ runs: boots, leaseIsThere: false });
      expect(boots.endsWith(`-${answer ?? ""}`)).toBe(true);
      expect(await ci("--deploy", ...on).ended).toMatchObject({ exitCode: 0 });
      expect((await stateOf(scene.fleet.host("web-1"))).answer).toBe(version);
    },
  );
});
