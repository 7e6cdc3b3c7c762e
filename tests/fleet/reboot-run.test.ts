import { afterAll, beforeAll, describe, expect, it } from "vitest";
import type { FleetHost } from "./harness/index.ts";
import { fleetUnavailable } from "./harness/index.ts";
import type { Scene } from "./scene.ts";
import { openScene, stateOf } from "./scene.ts";
import type { SkepRun } from "./skep.ts";

describe.skipIf(fleetUnavailable() !== undefined)("skep deploy --reboot", () => {
  let scene: Scene;
  let host: FleetHost;
  beforeAll(async () => {
    scene = await openScene([{ name: "web-1", suite: "bookworm" }]);
    host = scene.fleet.host("web-1");
    await scene.wantAll("v1");
    expect((await scene.deploy()).exitCode).toBe(0);
  });
  afterAll(() => scene[Symbol.asyncDispose]());

  const stepsOf = (run: SkepRun): string[] =>
    run.events.flatMap((event) => (event.type === "step-started" ? [event.step] : []));

  it("always reboots a host it changed, and proves it again with three logins", async () => {
    const before = await host.bootId();
    await scene.wantAll("v2");
    const run = await scene.deploy("--reboot", "always");
    expect(run.host("web-1")).toMatchObject({
      outcome: "deployed",
      logins: 3,
    });
    expect(stepsOf(run).slice(-3)).toEqual(["check", "commit", "reboot"]);
    expect(await host.bootId()).not.toBe(before);
    expect(await stateOf(host)).toMatchObject({
      answer: "v2",
      default: "skep-test-system-web-1-v2",
      leaseIsThere: false,
    });
  });

  it("always leaves a host alone that had what was wanted", async () => {
    const before = await host.bootId();
    expect((await scene.deploy("--reboot", "always")).outcomes).toEqual({
      "web-1": "unchanged",
    });
    expect(await host.bootId()).toBe(before);
  });

  it("if-needed reboots for a reason, and says which", async () => {
    const before = await host.bootId();
    await scene.wantAll("v3");
    expect(stepsOf(await scene.deploy("--reboot", "if-needed"))).not.toContain("reboot");
    expect(await host.bootId()).toBe(before);
    await host.read(["sh", "-c", "echo libc6 >/run/reboot-required.pkgs; touch /run/reboot-required"]);
    await scene.wantAll("v4");
    expect((await scene.deploy()).host("web-1")).toMatchObject({
      outcome: "deployed",
      notices: ["it needs a reboot: the host asks for it: libc6"],
    });
    expect(await host.bootId()).toBe(before);
    await scene.wantAll("v5");
    expect((await scene.deploy("--reboot", "if-needed")).host("web-1")).toMatchObject({
      outcome: "deployed",
      notices: ["it is rebooted: the host asks for it: libc6"],
    });
    expect(await host.bootId()).not.toBe(before);
  });

  it("activates with the goal boot", async () => {
    await scene.wantAll("v6");
    const run = await scene.deploy("boot", "--reboot", "if-needed");
    expect(run.host("web-1")).toMatchObject({
      outcome: "deployed",
      logins: 2,
    });
    expect(stepsOf(run)).toEqual(["evaluate", "build", "connect", "probe", "lease", "copy", "commit", "reboot"]);
    expect(await stateOf(host)).toMatchObject({
      answer: "v6",
      running: "skep-test-system-web-1-v6",
      leaseIsThere: false,
    });
  });

  it("goes back by another reboot from a system that is not well, and says how to by hand", async () => {
    await scene.wantAll("v7", { "web-1": { fault: "unhealthy" } });
    const run = await scene.deploy("boot", "--reboot", "always");
    expect(run.exitCode).toBe(6);
    expect(run.host("web-1")).toMatchObject({
      outcome: "rolled-back",
      error: {
        code: "activation/reboot-unwell",
        hint: expect.stringMatching(/to have \S+-v6 back/) as unknown,
      },
    });
    expect(await stateOf(host)).toMatchObject({
      ...{ answer: "v6", running: "skep-test-system-web-1-v6", default: "skep-test-system-web-1-v6" },
      leaseIsThere: false,
    });
    await scene.wantAll("v8");
    expect((await scene.deploy()).outcomes).toEqual({ "web-1": "deployed" });
  });

  it("brings what only a reboot brings, proven after it, and refuses it without", async () => {
    const before = await host.bootId();
    await scene.wantAll("v9", { "web-1": { fault: "only-by-reboot" } });
    expect((await scene.deploy()).host("web-1")).toMatchObject({
      outcome: "failed",
      error: { code: "activation/reboot-needed", hint: expect.stringContaining("--reboot if-needed") as unknown },
    });
    expect(await stateOf(host)).toMatchObject({ answer: "v8", default: "skep-test-system-web-1-v8" });
    expect(await host.bootId()).toBe(before);
    const run = await scene.deploy("--reboot", "if-needed");
    expect(run.host("web-1")).toMatchObject({
      outcome: "deployed",
      notices: [expect.stringContaining("only a reboot brings the new system")] as unknown,
    });
    expect(await stateOf(host)).toMatchObject({
      ...{ answer: "v9", running: "skep-test-system-web-1-v9", default: "skep-test-system-web-1-v9" },
      leaseIsThere: false,
    });
    expect(await host.bootId()).not.toBe(before);
  });

  it("strands a host that refuses to reboot, which is committed all the same", async () => {
    await host.read(["systemctl", "mask", "--runtime", "reboot.target"]);
    await scene.wantAll("v10");
    const run = await scene.deploy("--reboot", "always");
    expect(run.host("web-1")).toMatchObject({
      outcome: "stranded",
      error: { code: "activation/reboot" },
    });
    expect(await stateOf(host)).toMatchObject({
      answer: "v10",
      leaseIsThere: false,
    });
  });
});
