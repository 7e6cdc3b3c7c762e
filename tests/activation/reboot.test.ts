import { spawnSync } from "node:child_process";
import { chmod, mkdtemp, readFile, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import type { HostAccess } from "#activation";
import { howToBootPrevious, readBootState, requestReboot } from "#activation";
import { parseStorePath } from "#store";
import { NEED_SCRIPT } from "../../src/activation/reboot-need.ts";
import { BOOT_SCRIPT, REBOOT_SCRIPT } from "../../src/activation/reboot.ts";
import { localRunner } from "../local-runner.ts";
import { linkBelow, writeBelow } from "../write-below.ts";

const V1 = parseStorePath("/nix/store/0c4x2abc4x2abc4x2abc4x2abc4x2abc-system-v1");
const V2 = parseStorePath("/nix/store/1c4x2abc4x2abc4x2abc4x2abc4x2abc-system-v2");
const PROFILE = "/nix/var/nix/profiles/skep";
const ORDER = { run: "20260131-142501-3f9a", toplevel: V2, previous: V1, profile: PROFILE } as const;

let root: string;
let access: HostAccess;
beforeEach(async () => {
  root = await mkdtemp(join(tmpdir(), "skep-reboot-"));
  const runner: HostAccess["runner"] = {
    ...localRunner,
    run: (argv, options) => localRunner.run(["env", `PATH=${root}/bin:${process.env.PATH ?? ""}`, ...argv], options),
  };
  access = { runner, root };
  await write("proc/sys/kernel/random/boot_id", "5f1c\n");
  await systemctl(`[ "$1" != reboot ] || echo asked >>${root}/asked`);
  await link(PROFILE, "skep-2-link");
  await link(`${PROFILE}-2-link`, V2);
});
afterEach(() => rm(root, { recursive: true, force: true }));

const write = (path: string, text: string): Promise<void> => writeBelow(root, path, text);
const link = (path: string, to: string): Promise<void> => linkBelow(root, path, to);
async function systemctl(script: string): Promise<void> {
  await write("bin/systemctl", `#!/bin/sh\n${script}\n`);
  await chmod(join(root, "bin/systemctl"), 0o755);
}
const asked = (): Promise<string> => readFile(join(root, "asked"), "utf8").catch(() => "");
async function until(isThere: () => Promise<boolean>): Promise<void> {
  while (!(await isThere())) await new Promise((resolve) => setTimeout(resolve, 20));
}

describe("requestReboot()", () => {
  it("answers with the boot that is to end, and asks", async () => {
    expect(await requestReboot(access, ORDER)).toEqual({ bootId: "5f1c" });
    await until(async () => (await asked()) === "asked\n");
  });

  it.each(["testing", "waiting", "committing", "rolling-back"])(
    "asks nothing of a host whose agent is %s",
    async (state) => {
      await link(`run/skep/runs/${ORDER.run}/state`, state);
      await expect(requestReboot(access, ORDER)).rejects.toMatchObject({
        code: "activation/reboot",
        message: `not rebooted: the run's agent is ${state}`,
      });
    },
  );

  it("asks nothing of a host that would boot another system", async () => {
    await link(`${PROFILE}-1-link`, V1);
    await link(PROFILE, "skep-1-link");
    await expect(requestReboot(access, ORDER)).rejects.toThrow(`it would boot ${V1} instead of ${V2}`);
    await rm(join(root, PROFILE));
    await expect(requestReboot(access, ORDER)).rejects.toThrow("it would boot no system of ours");
  });

  it("never reboots the host that a folder lies on", async () => {
    await rm(join(root, "bin/systemctl"));
    await expect(requestReboot(access, ORDER)).rejects.toThrow("it is a folder on another host");
  });
});

describe("readBootState()", () => {
  it("says which boot it is in, what runs, and how far systemd is", async () => {
    await systemctl("echo starting; exit 1");
    const state = { bootId: "5f1c", running: undefined, state: "starting", refusal: undefined };
    expect(await readBootState(access)).toEqual(state);
    await link("run/current-system", V2);
    expect(await readBootState(access)).toEqual({ ...state, running: V2 });
  });

  it("says why a host that was asked did not reboot, and forgets it with the next request", async () => {
    await systemctl(`[ "$1" != reboot ] || { echo "Unit reboot.target is masked."; exit 1; }`);
    await requestReboot(access, ORDER);
    await until(async () => (await readBootState(access))?.refusal !== undefined);
    expect(await readBootState(access)).toMatchObject({ refusal: "Unit reboot.target is masked." });
    await systemctl("exit 1");
    await requestReboot(access, ORDER);
    expect(await readBootState(access)).toMatchObject({ refusal: undefined });
    await until(async () => (await readBootState(access))?.refusal !== undefined);
    expect(await readBootState(access)).toMatchObject({ refusal: "systemctl reboot failed" });
  });

  it("knows nothing of a host that was cut short", async () => {
    const runner: HostAccess["runner"] = {
      ...localRunner,
      run: (argv) =>
        Promise.resolve({ argv, exit: { exitCode: null, signal: "TERM" }, stdout: "boot_id=5f", stderr: "" }),
    };
    expect(await readBootState({ runner, root })).toBeUndefined();
  });
});

describe("howToBootPrevious()", () => {
  it("names the recorded system, or says that there is none", () => {
    expect(howToBootPrevious(ORDER)).toContain(`${V1}/bin/switch-to-configuration boot`);
    expect(howToBootPrevious({ ...ORDER, previous: undefined })).toContain("no system of ours before");
  });
});

describe("the scripts of a reboot", () => {
  it.each([
    { program: "dash", args: [] },
    { program: "busybox", args: ["sh"] },
    { program: "bash", args: ["--posix"] },
  ])("are POSIX sh to $program", ({ program, args }) => {
    if (spawnSync(program, [...args, "-c", "true"]).status !== 0) return;
    for (const input of [NEED_SCRIPT, REBOOT_SCRIPT, BOOT_SCRIPT]) {
      const { stderr, status } = spawnSync(program, [...args, "-n"], { input, encoding: "utf8" });
      expect({ stderr, status }).toEqual({ stderr: "", status: 0 });
    }
  });
});
