import { spawn } from "node:child_process";
import { once } from "node:events";
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { lockFile } from "./harness/lock.ts";

describe("lockFile()", () => {
  let folder: string;

  beforeAll(async () => {
    folder = await mkdtemp(join(tmpdir(), "skep-lock-"));
  });

  afterAll(async () => {
    await rm(folder, { recursive: true });
  });

  it("lets one holder in at a time", async () => {
    const path = join(folder, "one");
    let holders = 0;
    const hold = async (): Promise<number> => {
      await using _lock = await lockFile(path);
      holders += 1;
      const most = holders;
      await new Promise((resolve) => setTimeout(resolve, 10));
      holders -= 1;
      return most;
    };
    expect(await Promise.all([hold(), hold(), hold()])).toEqual([1, 1, 1]);
  });

  it("is given up by who waits for it when the signal aborts", async () => {
    const path = join(folder, "two");
    await using _lock = await lockFile(path);
    const controller = new AbortController();
    const waiting = lockFile(path, { signal: controller.signal });
    controller.abort(new Error("enough"));
    await expect(waiting).rejects.toThrow("enough");
  });

  it("is free again when its holder was killed", async () => {
    const path = join(folder, "three");
    const holder = spawn("flock", [path, "sh", "-c", "echo held; exec cat"], { stdio: ["pipe", "pipe", "ignore"] });
    await once(holder.stdout, "data");
    const waiting = lockFile(path);
    holder.kill("SIGKILL");
    holder.stdin.destroy();
    await (await waiting)[Symbol.asyncDispose]();
  });
});
