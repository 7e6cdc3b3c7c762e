import { existsSync, mkdtempSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { acquireLease, releaseLease, startAgent } from "#activation";
import type { AgentOrder, HostAccess } from "#activation";
import type { HostReport, RollOutOptions } from "#rollout";
import { rollOut } from "#rollout";
import type { Sandbox, SandboxHost } from "#sandbox";
import { startSandbox } from "#sandbox";
import { logIn } from "../sandbox/log-in.ts";
import { runningSystem } from "../sandbox/systems-of-host.ts";
import { makeRebootHive } from "./reboot-hive.ts";

describe("an operator who leaves", { timeout: 60_000 }, () => {
  let sandbox: Sandbox;
  let machine: SandboxHost;
  let directory = "";
  beforeEach(async () => {
    sandbox = await startSandbox({ hosts: ["web-1"] });
    machine = sandbox.host("web-1");
    directory = mkdtempSync(join(tmpdir(), "skep-leave-"));
  });
  afterEach(async () => {
    await sandbox[Symbol.asyncDispose]();
    rmSync(directory, { recursive: true });
  });

  const lease = (): string => {
    const file = join(machine.root, "run/skep/lease");
    return existsSync(file) ? readFileSync(file, "utf8") : "";
  };
  async function deploy(
    release: string,
    { slow, ...options }: Partial<RollOutOptions> & { readonly slow?: number } = {},
  ): Promise<HostReport | undefined> {
    const hive = makeRebootHive({ directory, target: machine.target, release, slow });
    const never = new AbortController().signal;
    const defaults = { goal: "switch", hosts: hive.hosts, stop: never, leave: never } as const;
    return (await rollOut(hive, { ...defaults, onEvent: () => undefined, ...options })).hosts[0];
  }

  it("leaves the lease to an agent at work, which gives it back when it is decided", async () => {
    await deploy("v1");
    const old = runningSystem(machine);
    const leave = new AbortController();
    let run = "";
    const report = await deploy("v2", {
      slow: 3,
      leave: leave.signal,
      onEvent(event) {
        if (event.type === "run-started") ({ run } = event);
        if (event.type === "log" && event.step === "test") leave.abort();
      },
    });
    expect(report).toMatchObject({ outcome: "stranded", error: { code: "rollout/interrupted" } });
    // Deploying again is refused while the agent is at work: the one hint is the command line's, to resume the run.
    expect(JSON.stringify(report)).not.toContain("deploy again");
    expect(lease()).toContain(`run=${run}\n`);
    expect(await deploy("v3")).toMatchObject({ outcome: "failed", error: { code: "activation/lease-held" } });
    expect(await deploy("v4", { stealLease: true })).toMatchObject({ outcome: "deployed", from: old });
    expect(lease()).toBe("");
  });

  it("leaves no lease on a host where no agent was started", async () => {
    const leave = new AbortController();
    await deploy("v1", {
      leave: leave.signal,
      onEvent(event) {
        if (event.type === "step-started" && event.step === "copy") leave.abort();
      },
    });
    await expect.poll(lease).toBe("");
  });

  describe("the agent of a run", () => {
    const RUN = "20260131-142501-3f9a";
    let access: HostAccess;
    let close: () => Promise<void>;
    let order: AgentOrder;
    beforeEach(async () => {
      const deployed = await deploy("v1");
      if (deployed?.to === undefined) throw new Error("it was not deployed");
      const { to } = deployed;
      const connection = await logIn(machine);
      close = async () => {
        await connection[Symbol.asyncDispose]();
      };
      access = { runner: connection.elevated, root: machine.root };
      const revision = { name: "leave", revision: null, dirty: false };
      order = {
        ...{ run: RUN, goal: "test", toplevel: to, previous: to, profile: "/nix/var/nix/profiles/skep" },
        ...{ nixos: false, systemd: false, store: "posix", secrets: undefined },
        ...{ switchTimeoutMs: 10_000, confirmTimeoutMs: 2_000 },
        record: {
          ...{ version: 1 as const, run: RUN, host: deployed.host, goal: "test" as const, who: "ann@laptop", at: "" },
          ...{ from: to, to, generation: null, hive: revision },
        },
      };
    });
    afterEach(() => close());
    const take = (run: string): Promise<unknown> =>
      acquireLease(access, { run, owner: "ann@laptop", reason: "test", ttlMs: 60_000 });

    it("is not started a second time while it is there", async () => {
      await take(RUN);
      await startAgent(access, order);
      await expect(startAgent(access, order)).rejects.toMatchObject({
        code: "activation/agent",
        message: expect.stringMatching(/^an agent of run \S+ is on the host already \(/) as unknown,
      });
      await expect.poll(lease, { timeout: 20_000 }).toBe("");
      await take(RUN);
      await startAgent(access, order);
    });

    it("is not started without the lease, and leaves nothing then", async () => {
      await take("another");
      await expect(startAgent(access, order)).rejects.toMatchObject({ code: "activation/lease-lost" });
      expect(existsSync(join(machine.root, "run/skep/runs", RUN))).toBe(false);
    });

    it("keeps the lease from being given back, until it was seen at its end or dead", async () => {
      await take(RUN);
      await startAgent(access, order);
      await releaseLease(access, { run: RUN });
      expect(lease()).toContain(`run=${RUN}\n`);
      await releaseLease(access, { run: RUN, isSettled: true });
      expect(lease()).toBe("");
    });

    it("shares the host with its own way back, and with nobody else", async () => {
      await take(`${RUN}-revert`);
      await take(RUN);
      expect(lease()).toContain(`run=${RUN}\n`);
      await expect(take("another")).rejects.toMatchObject({ code: "activation/lease-held" });
    });
  });
});
