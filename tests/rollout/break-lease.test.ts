import { existsSync, mkdirSync, readFileSync, symlinkSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import type { HostAccess } from "#activation";
import type { CommandRunner } from "#core";
import type { Connection } from "#ssh";
import type { Sandbox } from "#sandbox";
import { startSandbox } from "#sandbox";
import { breakLease } from "#rollout";
import { logIn } from "../sandbox/log-in.ts";

describe("breakLease()", () => {
  let sandbox: Sandbox;
  let connection: Connection;
  let root = "";
  beforeEach(async () => {
    sandbox = await startSandbox({ hosts: ["web-1"] });
    connection = await logIn(sandbox.host("web-1"));
    root = sandbox.host("web-1").target.root;
  });
  afterEach(async () => {
    await connection[Symbol.asyncDispose]();
    await sandbox[Symbol.asyncDispose]();
  });

  /** As a run and its agent leave it; the process of this test stands for the agent, which is alive. */
  function holds(run: string, state: string): void {
    const folder = join(root, "run/skep/runs", run);
    mkdirSync(folder, { recursive: true });
    symlinkSync(state, join(folder, "state"));
    writeFileSync(join(folder, "pid"), `${process.pid}\n`);
    writeFileSync(join(folder, "log"), "");
    writeFileSync(join(root, "run/skep/lease"), `run=${run}\nowner=ann@laptop\nreason=x\ntaken=1\nexpires=999999999\n`);
  }
  const access = (runner: CommandRunner = connection): HostAccess => ({ runner, root });
  const leaseFile = (): string => join(root, "run/skep/lease");

  it("leaves nobody a host on which something goes back yet, where it is broken off", async () => {
    holds("run-a", "rolling-back");
    const stop = new AbortController();
    const breaking = breakLease(access(), { signal: stop.signal });
    await expect.poll(() => readFileSync(leaseFile(), "utf8")).toMatch(/^run=\S+-break\n/);
    stop.abort(new Error("enough"));
    await expect(breaking).rejects.toThrow();
    expect(readFileSync(leaseFile(), "utf8")).toMatch(/^run=\S+-break\n/);
  });

  it("has that go back which held the host when it was taken", async () => {
    holds("run-a", "committed");
    let scripts = 0;
    const runner: CommandRunner = {
      open: (...words) => connection.open(...words),
      run: (argv, options) => {
        scripts += 1;
        // Between the look and the taking.
        if (scripts === 2) holds("run-b", "rolled-back");
        return connection.run(argv, options);
      },
    };
    const broken = await breakLease(access(runner), { signal: new AbortController().signal });
    expect(broken).toMatchObject({ holder: { run: "run-b" }, agent: { state: "rolled-back" } });
    expect(existsSync(leaseFile())).toBe(false);
  });
});
