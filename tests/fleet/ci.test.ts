import { readFile } from "node:fs/promises";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import type { Outcome } from "#rollout";
import { parsePlan } from "#rollout";
import { readJunit } from "../report/junit-reader.ts";
import type { FleetHost } from "./harness/index.ts";
import { fleetUnavailable } from "./harness/index.ts";
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

  it("killed at any moment leaves hosts deployed or back, and the next job, begun at once, succeeds", async () => {
    await scene.wantAll("v3");
    await Promise.all(
      (
        [
          // No agent is there yet: what is left is a lease that nobody renews.
          ["copy", ["web-1"]],
          ["test", ["web-2"]],
          // Its other host has been deployed by then.
          ["check", ["web-3", "web-4"]],
          ["commit", ["web-5", "web-6"]],
        ] as const
      ).map(async ([step, hosts]) => {
        const last = hosts[hosts.length - 1] ?? "";
        const job = ["--deploy", "--on", hosts.join(","), "--parallel", "1", "--artifacts", `killed-in-${step}`];
        const killed = ci(...job, "--output", "ndjson");
        await killed.began(last, step);
        if (step === "test") await agentIsThere(scene.fleet.host(last));
        killed.child.kill("SIGKILL");
        await killed.ended;
        if (step === "copy") await endLeaseSoon(scene.fleet.host(last));
        const next = await ci(...job).ended;
        expect({ step, exitCode: next.exitCode, stderr: next.stderr }).toMatchObject({ step, exitCode: 0 });
        const { plan } = parsePlan(await readFile(join(scene.folder, `killed-in-${step}`, "plan.json"), "utf8"));
        for (const host of plan.hosts) {
          if (host.status === "failed") throw new Error(host.error.message);
          expect({ step, running: host.from.running }).toEqual({ step, running: host.from.profile });
          const { answer, agents, leaseIsThere } = await stateOf(scene.fleet.host(host.host));
          expect({ step, answer, agents, leaseIsThere }).toEqual({
            step,
            answer: "v3",
            agents: [],
            leaseIsThere: false,
          });
        }
      }),
    );
  });
});

/** Whoever begins a test starts the agent first; killed before that, they leave but a lease. */
async function agentIsThere(host: FleetHost): Promise<void> {
  const script = `run=$(sed -n 's/^run=//p' /run/skep/lease)
    for _ in $(seq 500); do [ ! -L "/run/skep/runs/$run/state" ] || { echo there; exit; }; sleep 0.02; done`;
  expect(await host.read(["sh", "-c", script])).toBe("there");
}

/** Two minutes are long for a test: the lease that nobody renews is over in five seconds instead. */
async function endLeaseSoon(host: FleetHost): Promise<void> {
  const script = `read -r up _ </proc/uptime; sed -i "s/^expires=.*/expires=$((\${up%%.*} + 5))/" /run/skep/lease; cat /run/skep/lease`;
  expect(await host.read(["sh", "-c", script])).toMatch(/^expires=\d+$/m);
}
