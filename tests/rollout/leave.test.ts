import { existsSync, readFileSync } from "node:fs";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { acquireLease, releaseLease, startAgent } from "#activation";
import type { AgentOrder, HostAccess } from "#activation";
import { logIn } from "../sandbox/log-in.ts";
import type { OneHost } from "./one-host.ts";
import { startOneHost } from "./one-host.ts";

describe("an operator who leaves", { timeout: 60_000 }, () => {
  let web: OneHost;
  beforeEach(async () => {
    web = await startOneHost();
  });
  afterEach(() => web[Symbol.asyncDispose]());

  const lease = (): string => {
    const file = web.inside("run/skep/lease");
    return existsSync(file) ? readFileSync(file, "utf8") : "";
  };

  it("leaves the lease to an agent at work, which gives it back when it is decided", async () => {
    await web.deploy({ release: "v1" });
    const old = web.running();
    const report = await web.leaveWhen({ type: "log", step: "test" }, { release: "v2", slow: 3 });
    expect(report).toMatchObject({ outcome: "stranded", error: { code: "rollout/interrupted" } });
    // Deploying again is refused while the agent is at work: the one hint is the command line's, to resume the run.
    expect(JSON.stringify(report)).not.toContain("deploy again");
    expect(lease()).toContain(`run=${web.run()}\n`);
    const held = { outcome: "failed", error: { code: "activation/lease-held" } };
    expect(await web.deploy({ release: "v3" })).toMatchObject(held);
    expect(await web.deploy({ release: "v4" }, { stealLease: true })).toMatchObject({ outcome: "deployed", from: old });
    expect(lease()).toBe("");
  });

  it("leaves no lease on a host where no agent was started", async () => {
    await web.leaveWhen({ type: "step-started", step: "copy" }, { release: "v1" });
    await expect.poll(lease).toBe("");
  });

  describe("the agent of a run", () => {
    const RUN = "20260131-142501-3f9a";
    let access: HostAccess;
    let close: () => Promise<void>;
    let order: AgentOrder;
    beforeEach(async () => {
      const { host, to } = await web.deploy({ release: "v1" });
      if (to === undefined) throw new Error("it was not deployed");
      const connection = await logIn(web.machine);
      close = async () => {
        await connection[Symbol.asyncDispose]();
      };
      access = { runner: connection.elevated, root: web.machine.root };
      const revision = { name: "leave", revision: null, dirty: false };
      order = {
        ...{ run: RUN, goal: "test", toplevel: to, previous: to, profile: "/nix/var/nix/profiles/skep" },
        ...{ nixos: false, systemd: false, store: "posix", secrets: undefined },
        ...{ switchTimeoutMs: 10_000, confirmTimeoutMs: 2_000 },
        record: {
          ...{ version: 1 as const, run: RUN, host, goal: "test" as const, who: "ann@laptop", at: "" },
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
      expect(existsSync(web.inside(`run/skep/runs/${RUN}`))).toBe(false);
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
