import { afterAll, beforeAll, beforeEach, describe, expect, it } from "vitest";
import { unit } from "#hive";
import type { FleetHost } from "./harness/index.ts";
import { fleetUnavailable, waitUntil } from "./harness/index.ts";
import type { Scene } from "./scene.ts";
import { openScene, stateOf } from "./scene.ts";

const V2 = {
  answer: "v2",
  running: "skep-test-system-web-1-v2",
  default: "skep-test-system-web-1-v2",
  generations: ["skep-test-system-web-1-v1", "skep-test-system-web-1-v2"],
  bootDefault: "skep-test-system-web-1-v2",
};

describe.skipIf(fleetUnavailable() !== undefined).each([
  { kind: "with Nix", suite: "bookworm" },
  { kind: "without Nix", suite: "bookworm-without-nix" },
] as const)("a system that is not proven, on a host $kind", ({ suite }) => {
  let scene: Scene;
  let host: FleetHost;
  beforeAll(async () => {
    scene = await openScene([
      { name: "web-1", suite },
      { name: "web-2", suite: "trixie" },
    ]);
    host = scene.fleet.host("web-1");
    await scene.wantAll("v1");
    expect((await scene.deploy()).exitCode).toBe(0);
    await scene.wantAll("v2");
    expect((await scene.deploy()).exitCode).toBe(0);
  });
  afterAll(() => scene[Symbol.asyncDispose]());
  beforeEach(async () => {
    expect(await stateOf(host)).toEqual({ ...V2, agents: [], leaseIsThere: false });
  });

  it.each([
    { fault: "unhealthy", code: "health/failed", says: /http :8080.*status 500/ },
    { fault: "exit-4", code: "activation/switch", says: /exit code 4/ },
    { fault: "hang", code: "activation/switch-timeout", says: /took over 8/ },
    { fault: "cut-network", code: "activation/not-confirmed", says: /went back by itself/ },
    { fault: "boot-fails", code: "activation/commit", says: /exit code 1/ },
  ] as const)("goes back to v2, running and default: $fault", async ({ fault, code, says }) => {
    await scene.wantAll("v3", { "web-1": { fault } });
    const run = await scene.deploy("--on", "web-1");
    expect(run.host("web-1")).toMatchObject({
      outcome: "rolled-back",
      error: { code, hint: expect.any(String) as unknown },
    });
    expect(run.stderr).toMatch(says);
    expect(run.exitCode).toBe(6);
    expect(await stateOf(host)).toEqual({ ...V2, agents: [], leaseIsThere: false });
    expect(await host.read(["sh", "-c", `cat /var/lib/skep/deployments/*.json | grep -c -- -v3 || true`])).toBe("0");
  });

  it("goes back when a unit that started well fails a moment later", async () => {
    await scene.rewrite({
      "web-1": { checks: [unit("skep-app.service", { period: "300ms", passes: 3, deadline: "4s" })] },
    });
    await scene.wantAll("v3", { "web-1": { fault: "unit-fails" } });
    const run = await scene.deploy("--on", "web-1");
    await scene.rewrite({});
    expect(run.host("web-1")).toMatchObject({ outcome: "rolled-back", error: { code: "health/failed" } });
    expect(run.stderr).toMatch(/unit skep-app\.service.*failed/);
  });

  it("takes no other host with it", async () => {
    await scene.wantAll("v3", { "web-1": { fault: "unhealthy" } });
    const run = await scene.deploy();
    expect(run.outcomes).toEqual({ "web-1": "rolled-back", "web-2": "deployed" });
    expect((await scene.fleet.host("web-2").http())?.body).toBe("v3");
  });

  it("is finished at the first Ctrl-C: the host goes back or is committed, and no other is begun", async () => {
    await scene.wantAll("v3", { "web-1": { fault: "unhealthy" }, "web-2": { version: "v4" } });
    const running = scene.begin("--parallel", "1");
    await running.began("web-1", "check");
    running.child.kill("SIGINT");
    const run = await running.ended;
    expect(run.exitCode).toBe(130);
    expect(run.outcomes).toEqual({ "web-1": "rolled-back", "web-2": "skipped" });
    expect(run.report.interrupted).toBe(true);
    expect((await scene.fleet.host("web-2").http())?.body).toBe("v3");
  });

  it("is left to its agent at the second Ctrl-C, and goes back by itself", async () => {
    await scene.wantAll("v3", { "web-1": { fault: "unhealthy" } });
    const running = scene.begin("--on", "web-1");
    await running.began("web-1", "check");
    running.child.kill("SIGINT");
    running.child.kill("SIGTERM");
    const run = await running.ended;
    expect(run.exitCode).toBe(130);
    expect(run.host("web-1")).toMatchObject({ outcome: "stranded", error: { code: "rollout/interrupted" } });
    await waitUntil(async () => (await stateOf(host)).agents.length === 0, {
      timeoutMs: 25_000,
      what: "its agent to end",
    });
  });

  it("is as it was when the run is stopped twice before the activation", async () => {
    await scene.wantAll("v3", { "web-1": { ballastMiB: 200 } });
    const running = scene.begin("--on", "web-1");
    await running.began("web-1", "copy");
    running.child.kill("SIGINT");
    running.child.kill("SIGTERM");
    const run = await running.ended;
    expect(run.exitCode).toBe(130);
    expect(run.host("web-1")).toMatchObject({ outcome: "failed", error: { code: "rollout/interrupted" } });
    expect(run.events.filter((event) => event.type === "step-failed")).toMatchObject([
      { step: "copy", error: { code: "rollout/interrupted" } },
    ]);
    expect(await stateOf(host)).toEqual({ ...V2, agents: [], leaseIsThere: false });
  });
});
