import { readFileSync, readdirSync, rmSync, statSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import type { EtcInput, NativeSource } from "#hive";
import { service, system } from "#hive";
import type { Machine, Shell } from "./machine.ts";
import { noSysusers, openMachine } from "./machine.ts";

const SHELLS: readonly Shell[] = ["dash", "busybox", "bash"];

function users(comment: string): NativeSource {
  const etc: Record<string, EtcInput> = {
    "sysusers.d/app.conf": `u app - "${comment}"\n`,
    "sysusers.d/notes": "not for systemd",
    "app.json": { text: "{}", user: "app", group: "app" },
  };
  return system({ etc, units: { "web.service": WEB } });
}

const WEB = service({ exec: ["/bin/web"] });

describe.each(SHELLS)("switch-to-configuration in %s, users and secrets", (shell) => {
  let machine: Machine;
  beforeEach(() => {
    machine = openMachine(shell);
    writeFileSync(at("etc/passwd"), "root:x:0:0:root:/root:/bin/sh\n");
    writeFileSync(at("etc/group"), "root:x:0:\n");
  });
  afterEach(() => {
    machine[Symbol.dispose]();
  });
  const at = (path: string): string => join(machine.root, path);
  const passwd = (): string => readFileSync(at("etc/passwd"), "utf8");
  const activate = async (source: NativeSource, action = "test") => machine.run(await machine.install(source), action);

  it.skipIf(noSysusers)("users are made before their files, then secrets get owners, then units start", async () => {
    machine.placeKeeper();
    const run = await activate(users("An app"));
    expect(run).toMatchObject({ exitCode: 0, stderr: "" });
    expect(run.stdout.slice(-3)).toEqual(["run systemd-sysusers", "set the owners of secrets", "start web.service"]);
    expect(run.calls).toEqual([
      "sysusers /etc/sysusers.d/app.conf",
      "keeper own ",
      "daemon-reload",
      "start web.service",
    ]);
    const [, , id] = passwd()
      .split("\n")
      .find((line) => line.startsWith("app:"))!
      .split(":");
    expect(statSync(at("etc/app.json")).uid).toBe(Number(id));
    expect(readdirSync(at("var/lib/skep")).sort()).toEqual(["etc", "secrets"]);
  });

  it.skipIf(noSysusers)("they are made once, and again when their file changed", async () => {
    expect((await activate(users("An app"))).calls).toContain("sysusers /etc/sysusers.d/app.conf");
    expect(await activate(users("An app"))).toEqual({ exitCode: 0, stdout: [], stderr: "", calls: [] });
    expect((await activate(users("Another"))).calls).toEqual(["sysusers /etc/sysusers.d/app.conf"]);
    expect((await activate(system({}))).calls).toEqual(["stop web.service", "daemon-reload"]);
  });

  it.skipIf(noSysusers)("when they cannot be made the activation fails, and the next tries again", async () => {
    const source = system({
      etc: { "sysusers.d/app.conf": "u app -\n" },
      units: { "web.service": WEB },
      hooks: { after: [["touch", at("hooked")]] },
    });
    machine.breakSysusers(true);
    const run = await activate(source);
    expect(run.exitCode).toBe(1);
    expect(run.stderr).toBe("switch-to-configuration: systemd-sysusers ended with exit code 3\n");
    expect(run.calls.slice(-1)).toEqual(["start web.service"]);
    expect(readdirSync(machine.root)).not.toContain("hooked");
    machine.breakSysusers(false);
    expect(await activate(source)).toMatchObject({ exitCode: 0, calls: ["sysusers /etc/sysusers.d/app.conf"] });
    expect(passwd()).toContain("app:");
    expect(readdirSync(machine.root)).toContain("hooked");
    expect(await activate(source)).toMatchObject({ exitCode: 0, calls: [] });
  });

  it.skipIf(noSysusers)("going back from users that cannot be made leaves nothing to be tried again", async () => {
    const before = system({ etc: { motd: "1" } });
    await activate(before);
    machine.breakSysusers(true);
    expect((await activate(system({ etc: { "sysusers.d/app.conf": "u app -\n" } }))).exitCode).toBe(1);
    expect(await activate(before)).toMatchObject({ exitCode: 0, calls: [] });
    expect(readdirSync(at("var/lib/skep"))).toEqual(["etc"]);
  });

  it("secrets get owners at each activation; when that fails, so does the activation", async () => {
    machine.placeKeeper();
    const source = system({ units: { "web.service": WEB } });
    expect((await activate(source)).calls).toEqual(["keeper own ", "daemon-reload", "start web.service"]);
    expect(await activate(source)).toEqual({ exitCode: 0, stdout: [], stderr: "", calls: ["keeper own "] });
    machine.placeKeeper(4);
    const run = await activate(source);
    expect(run.exitCode).toBe(1);
    expect(run.stderr).toContain("setting the owners of secrets ended with exit code 4\n");
  });

  it("dry-activate says that users would be made, and makes none", async () => {
    machine.placeKeeper();
    const run = await activate(users("An app"), "dry-activate");
    expect(run).toMatchObject({ exitCode: 0, calls: [] });
    expect(run.stdout.slice(-3)).toEqual([
      "would run systemd-sysusers",
      "would set the owners of secrets",
      "would start web.service",
    ]);
    expect(passwd()).not.toContain("app:");
    expect(readdirSync(at("var/lib/skep"))).toEqual(["secrets"]);
  });

  it("a boot makes the users of a system that was only made the default, once, and an ordinary boot makes none", async () => {
    machine.placeKeeper();
    const source = system({ etc: { "sysusers.d/app.conf": "u app -\n" } });
    const toplevel = await machine.install(source);
    expect(await machine.run(toplevel, "test", { env: { SKEP_BOOT: "1" } })).toMatchObject({
      exitCode: 0,
      calls: ["sysusers /etc/sysusers.d/app.conf", "keeper own "],
    });
    expect(await machine.run(toplevel, "test", { env: { SKEP_BOOT: "1" } })).toMatchObject({ exitCode: 0, calls: [] });
  });

  it("below a root that has no systemd-sysusers of its own none is run", async () => {
    rmSync(at("run/skep-sandbox/bin/systemd-sysusers"));
    const run = await activate(system({ etc: { "sysusers.d/app.conf": "u app -\n" } }));
    expect(run).toMatchObject({ exitCode: 0, calls: [], stderr: "" });
    expect(passwd()).not.toContain("app:");
  });
});
