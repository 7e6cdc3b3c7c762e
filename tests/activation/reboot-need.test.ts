import { execFileSync, spawnSync } from "node:child_process";
import { mkdir, mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from "vitest";
import type { HostAccess, RebootNeed } from "#activation";
import { describeRebootNeed, isRebootNeeded, readRebootNeed } from "#activation";
import { parseStorePath } from "#store";
import { localRunner } from "../local-runner.ts";
import { linkBelow, writeBelow } from "../write-below.ts";

const BOOTED = parseStorePath("/nix/store/0c4x2abc4x2abc4x2abc4x2abc4x2abc-nixos-system-web-1-23.11");
const WANTED = parseStorePath("/nix/store/1c4x2abc4x2abc4x2abc4x2abc4x2abc-nixos-system-web-1-24.05");

/** What a NixOS toplevel consists of, as far as a boot is concerned: store names and the lines of two files. */
interface System {
  readonly kernel: string;
  readonly systemd: string;
  readonly params: string;
  readonly interface: string;
}

const OLD: System = { kernel: "linux-6.1.55", systemd: "systemd-254.3", params: "loglevel=4", interface: "2" };

const NO_NEED: RebootNeed = { parts: [], requiredBy: undefined, onlyByReboot: false };

const SHELLS = [
  { shell: "dash", program: "dash", args: [] },
  { shell: "busybox", program: "busybox", args: ["sh"] },
] as const;

let applets: string;
beforeAll(async () => {
  applets = await mkdtemp(join(tmpdir(), "skep-applets-"));
  if (isThere("busybox")) execFileSync("busybox", ["--install", "-s", applets]);
});
afterAll(() => rm(applets, { recursive: true, force: true }));

function isThere(program: string): boolean {
  return spawnSync(program, [program === "dash" ? "-c" : "true", "true"]).status === 0;
}

describe.each(SHELLS)("readRebootNeed() on a host whose sh is $shell", ({ program, args }) => {
  let root: string;
  let access: HostAccess;
  beforeEach(async () => {
    root = await mkdtemp(join(tmpdir(), "skep-reboot-"));
    // The host's own tools come first; with busybox there are no others.
    const path = [join(root, "bin"), program === "busybox" ? applets : (process.env.PATH ?? "")].join(":");
    const runner: HostAccess["runner"] = {
      ...localRunner,
      run: ([, ...rest], options) =>
        localRunner.run(
          ["env", `PATH=${path}`, execFileSync("which", [program], { encoding: "utf8" }).trim(), ...args, ...rest],
          options,
        ),
    };
    access = { runner, root };
    await write("bin/systemctl", "#!/bin/sh\n");
    execFileSync("chmod", ["755", join(root, "bin/systemctl")]);
    await write("etc/NIXOS", "");
    await add(BOOTED, OLD);
    await add(WANTED, OLD);
    await link("run/booted-system", BOOTED);
    await link("run/current-system", BOOTED);
  });
  afterEach(() => rm(root, { recursive: true, force: true }));

  const write = (path: string, text: string): Promise<void> => writeBelow(root, path, text);
  const link = (path: string, to: string): Promise<void> => linkBelow(root, path, to);
  /** Adds a toplevel with the links that NixOS makes in one. */
  async function add(toplevel: string, { kernel, systemd, params, interface: version }: System): Promise<void> {
    const store = (name: string): string =>
      `/nix/store/${(name.replaceAll(/[^a-d0-9]/g, "") + "0".repeat(32)).slice(0, 32)}-${name}`;
    const links = {
      kernel: `${store(kernel)}/bzImage`,
      initrd: `${store(`initrd-${kernel}`)}/initrd`,
      "kernel-modules": store("kernel-modules"),
      systemd: store(systemd),
    };
    for (const [name, to] of Object.entries(links)) {
      await rm(join(root, toplevel, name), { force: true });
      if (name === "systemd" || name === "kernel-modules") await mkdir(join(root, to), { recursive: true });
      else await write(to, name);
      await link(join(toplevel, name), to);
    }
    await write(join(toplevel, "kernel-params"), params);
    await write(join(toplevel, "init-interface-version"), version);
  }
  const read = (): Promise<RebootNeed> => readRebootNeed(access, { toplevel: WANTED });

  it.runIf(isThere(program))("needs none where all parts are what was booted", async () => {
    const need = await read();
    expect(need).toEqual(NO_NEED);
    expect(isRebootNeeded(need)).toBe(false);
    expect(describeRebootNeed(need)).toBe("");
  });

  it.runIf(isThere(program))("names the parts that differ, with the versions their names tell", async () => {
    await add(WANTED, { ...OLD, kernel: "linux-6.6.2", systemd: "systemd-255.1" });
    const need = await read();
    expect(need.parts).toEqual([
      { part: "kernel", from: "6.1.55", to: "6.6.2" },
      { part: "initrd", from: "6.1.55", to: "6.6.2" },
      { part: "systemd", from: "254.3", to: "255.1" },
    ]);
    expect(isRebootNeeded(need)).toBe(true);
    expect(describeRebootNeed(need)).toBe("kernel 6.1.55 → 6.6.2, initrd 6.1.55 → 6.6.2, systemd 254.3 → 255.1");
  });

  it.runIf(isThere(program))("follows links between links, and tells another build of a version", async () => {
    const alias = "/nix/store/aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa-alias";
    await link(alias, `/nix/store/${"611550".padEnd(32, "0")}-linux-6.1.55/bzImage`);
    await write(`/nix/store/${"611550".padEnd(32, "0")}-linux-6.1.55/bzImage`, "");
    await link(join(WANTED, "kernel"), alias);
    expect(describeRebootNeed(await read())).toBe("kernel (another 6.1.55)");
    await link(join(BOOTED, "kernel"), `/nix/store/${"611550".padEnd(32, "0")}-linux-6.1.55/bzImage`);
    expect(await read()).toEqual(NO_NEED);
  });

  it.runIf(isThere(program))("compares what the kernel's parameters say", async () => {
    await add(WANTED, { ...OLD, params: "loglevel=4 quiet" });
    expect(describeRebootNeed(await read())).toBe("kernel-params");
  });

  it.runIf(isThere(program))("compares with what booted, not with what runs", async () => {
    await add(WANTED, { ...OLD, kernel: "linux-6.6.2" });
    await link("run/current-system", WANTED);
    expect((await read()).parts.map(({ part }) => part)).toEqual(["kernel", "initrd"]);
  });

  it.runIf(isThere(program))("takes a NixOS host that booted another way for one that needs all of it", async () => {
    await rm(join(root, "run/booted-system"));
    expect((await read()).parts.map(({ part, from }) => [part, from])).toEqual([
      ["kernel", undefined],
      ["initrd", undefined],
      ["kernel-modules", undefined],
      ["kernel-params", undefined],
      ["systemd", undefined],
    ]);
  });

  it.runIf(isThere(program))("never needs one for a system that has none of the parts", async () => {
    await rm(join(root, WANTED), { recursive: true });
    await mkdir(join(root, WANTED));
    expect(await read()).toEqual(NO_NEED);
    await rm(join(root, "run/booted-system"));
    expect(await read()).toEqual(NO_NEED);
  });

  it.runIf(isThere(program))("hears the host's own request, and for which packages", async () => {
    await write("run/reboot-required", "*** System restart required ***\n");
    expect(await read()).toEqual({ ...NO_NEED, requiredBy: [] });
    expect(describeRebootNeed(await read())).toBe("the host asks for it");
    await write("run/reboot-required.pkgs", "linux-image-amd64\nlibc6\nlibc6\n");
    const need = await read();
    expect(isRebootNeeded(need)).toBe(true);
    expect(describeRebootNeed(need)).toBe("the host asks for it: linux-image-amd64 libc6");
  });

  it.runIf(isThere(program))("sees beforehand that switch-to-configuration would end with exit code 100", async () => {
    await add(WANTED, { ...OLD, interface: "3" });
    const need = await read();
    expect(need).toEqual({ ...NO_NEED, onlyByReboot: true });
    expect(isRebootNeeded(need)).toBe(true);
    await link("run/current-system", WANTED);
    expect(await read()).toEqual(NO_NEED);
  });

  it.runIf(isThere(program))("needs none for a folder on another host", async () => {
    await add(WANTED, { ...OLD, kernel: "linux-6.6.2", interface: "3" });
    await write("run/reboot-required", "");
    await rm(join(root, "bin/systemctl"));
    expect(await read()).toEqual(NO_NEED);
  });

  it.runIf(isThere(program))("refuses to judge a system that is not there", async () => {
    await rm(join(root, WANTED), { recursive: true });
    await expect(read()).rejects.toMatchObject({ code: "activation/reboot-need" });
  });
});
