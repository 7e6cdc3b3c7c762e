import { mkdirSync, readFileSync, readdirSync, symlinkSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import type { EtcInput, NativeSource, Unit } from "#hive";
import { service, socket, system, target, timer } from "#hive";
import type { Machine, Shell } from "./machine.ts";
import { noSysusers, openMachine } from "./machine.ts";

const SHELLS: readonly Shell[] = ["dash", "busybox", "bash"];

function web(version: string): Unit {
  return service({ exec: ["/bin/web", version] });
}

interface Parts {
  readonly etc?: Readonly<Record<string, EtcInput>>;
  readonly units?: Readonly<Record<string, Unit>>;
  readonly hooks?: { before?: string[][]; after?: string[][] };
}

function parts({ etc = {}, units = {}, hooks = {} }: Parts): NativeSource {
  return system({ etc, units, hooks });
}

describe.each(SHELLS)("switch-to-configuration in %s", (shell) => {
  let machine: Machine;
  beforeEach(() => {
    machine = openMachine(shell);
  });
  afterEach(() => {
    machine[Symbol.dispose]();
  });
  const at = (path: string): string => join(machine.root, path);
  const activate = async (source: NativeSource, action = "test") => machine.run(await machine.install(source), action);

  it("the first activation places everything and starts what is wanted", async () => {
    const toplevel = await machine.install(
      parts({
        etc: { motd: "hello\n", "app/key": { text: "k", mode: "0600" }, "app/link": { linkTo: "/usr/share/app" } },
        units: { "web.service": web("1"), "tidy.service": web("0"), "tidy.timer": timer({ onCalendar: "daily" }) },
      }),
    );
    const run = await machine.run(toplevel, "test");
    expect(run).toMatchObject({ exitCode: 0, stderr: "" });
    expect(run.calls).toEqual(["daemon-reload", "start web.service tidy.timer"]);
    expect(machine.currentSystem()).toBe(toplevel);
    expect(machine.etc()).toMatchObject({
      motd: expect.stringMatching(/^→ \/nix\/store\/.*-motd$/) as unknown,
      "app/key": "600 k",
      "app/link": "→ /usr/share/app",
      "systemd/system/web.service": expect.stringMatching(/unit-web.service\/web.service$/) as unknown,
      "systemd/system/multi-user.target.wants/web.service": "→ ../web.service",
    });
    expect(readdirSync(at("etc"))).not.toContain(".skep-new.motd");
  });

  it("the second time it does nothing", async () => {
    const source = parts({
      etc: { motd: "hello\n", key: { text: "k", mode: "0600" } },
      units: { "web.service": web("1") },
    });
    await activate(source);
    const before = machine.etc();
    const run = await activate(source);
    expect(run).toEqual({ exitCode: 0, stdout: [], stderr: "", calls: [] });
    expect(machine.etc()).toEqual(before);
  });

  it("restarts the unit whose text changed, reloads where told to, and touches no other", async () => {
    const units = (version: string): Record<string, Unit> => ({
      "web.service": web(version),
      "proxy.service": service({ exec: ["/bin/proxy", version], execReload: ["/bin/kill"], reloadIfChanged: true }),
      "db.service": web("always the same"),
      "shell.service": service({ exec: ["/bin/shell", version], restartIfChanged: false }),
      "site.target": target({ description: version }),
    });
    await activate(parts({ units: units("1") }));
    const run = await activate(parts({ units: units("2") }));
    expect(run.calls).toEqual(["daemon-reload", "reload proxy.service", "restart web.service", "start site.target"]);
    expect(run.exitCode).toBe(0);
  });

  it("stops what a later system has no more before it takes it out of /etc, with the folders it made", async () => {
    mkdirSync(at("etc/conf.d"));
    writeFileSync(at("etc/conf.d/theirs"), "");
    const gone = { "app/a/b": "x", "conf.d/ours": "y" };
    await activate(parts({ etc: { motd: "m", ...gone }, units: { "web.service": web("1"), "old.service": web("1") } }));
    const run = await activate(parts({ etc: { motd: "m" }, units: { "web.service": web("1") } }));
    expect(run.calls).toEqual(["stop old.service", "daemon-reload"]);
    expect(Object.keys(machine.etc()).filter((path) => !path.startsWith("systemd"))).toEqual([
      "conf.d/",
      "conf.d/theirs",
      "motd",
    ]);
    expect(Object.keys(machine.running())).toEqual(["web.service"]);
  });

  it("a folder becomes a file and a file a folder", async () => {
    await activate(parts({ etc: { "a/b": "1", c: "2" } }));
    expect((await activate(parts({ etc: { a: "1", "c/d": "2" } }))).stderr).toBe("");
    expect(Object.keys(machine.etc()).filter((path) => !path.startsWith("systemd"))).toEqual(["a", "c/", "c/d"]);
    expect((await activate(parts({ etc: { "a/b": "1", c: "2" } }))).exitCode).toBe(0);
  });

  it("a socket is started anew with its service, which cannot run meanwhile", async () => {
    const units = (port: number): Record<string, Unit> => ({
      "web.service": web("1"),
      "web.socket": socket({ listenStream: port }),
    });
    await activate(parts({ units: { "web.service": web("1") } }));
    expect((await activate(parts({ units: units(80) }))).calls.slice(-1)).toEqual(["start web.socket web.service"]);
    const run = await activate(parts({ units: units(81) }));
    expect(run.calls).toEqual(["stop web.socket web.service", "daemon-reload", "start web.socket web.service"]);
  });

  it("takes over a file only when told to, and puts it back when the entry goes", async () => {
    writeFileSync(at("etc/sshd_config"), "theirs", { mode: 0o640 });
    symlinkSync("/usr/share/zoneinfo/UTC", at("etc/localtime"));
    const before = machine.etc();
    const refused = await activate(parts({ etc: { motd: "m", sshd_config: "ours" } }));
    expect(refused.exitCode).toBe(1);
    expect(refused.stderr).toContain("/etc/sshd_config exists and is not skep's");
    expect(machine.etc()).toEqual(before);
    expect(machine.currentSystem()).toBeUndefined();

    const taken = parts({
      etc: { sshd_config: { text: "ours", takeOver: true, mode: "0600" }, localtime: { linkTo: "/x", takeOver: true } },
    });
    expect((await activate(taken)).exitCode).toBe(0);
    expect(machine.etc()).toMatchObject({ sshd_config: "600 ours", localtime: "→ /x" });
    await activate(parts({ etc: { sshd_config: { text: "ours anew", takeOver: true }, localtime: { linkTo: "/y" } } }));
    expect((await activate(parts({}))).exitCode).toBe(0);
    expect(machine.etc()).toEqual(before);
    expect(readdirSync(at("var/lib/skep"))).toEqual(["etc"]);
  });

  it("takes the place of no folder, and goes through no link", async () => {
    mkdirSync(at("etc/app"));
    symlinkSync("/usr/share", at("etc/share"));
    writeFileSync(at("etc/plain"), "");
    const before = machine.etc();
    const run = await activate(parts({ etc: { app: { text: "", takeOver: true }, "share/x": "", "plain/x/y": "" } }));
    expect(run.exitCode).toBe(1);
    expect(run.stderr).toContain("/etc/app is a folder");
    expect(run.stderr).toContain("/etc/share is a link");
    expect(run.stderr).toContain("/etc/plain is a file");
    expect(machine.etc()).toEqual(before);
  });

  it("names the units that failed and exits 4; the next activation tries them again", async () => {
    machine.breakUnits("web.service");
    const source = parts({ units: { "web.service": web("2"), "db.service": web("1") } });
    const run = await activate(source);
    expect(run.exitCode).toBe(4);
    expect(run.stderr).toContain("these units failed: web.service\n");
    expect(run.stderr).toContain("status of web.service");
    expect(run.stderr).not.toContain("status of db.service");
    machine.breakUnits();
    expect(await activate(source)).toMatchObject({ exitCode: 0, calls: ["start web.service"] });
  });

  it("going back after a unit failed starts it as it was", async () => {
    await activate(parts({ units: { "web.service": web("1") } }));
    const before = machine.running();
    machine.breakUnits("web.service");
    expect((await activate(parts({ units: { "web.service": web("2") } }))).exitCode).toBe(4);
    machine.breakUnits();
    expect((await activate(parts({ units: { "web.service": web("1") } }))).exitCode).toBe(0);
    expect(machine.running()).toEqual(before);
  });

  it("dry-activate says what would be done, and touches nothing", async () => {
    writeFileSync(at("etc/taken"), "theirs");
    await activate(
      parts({
        etc: { motd: "1", gone: "", taken: { text: "", takeOver: true } },
        units: { "web.service": web("1"), "old.service": web("1") },
      }),
    );
    const next = await machine.install(
      parts({
        etc: { motd: "2" },
        units: { "web.service": web("2"), "new.service": web("1") },
        hooks: { before: [["touch", "x y"]] },
      }),
    );
    const before = { etc: machine.etc(), running: machine.running(), current: machine.currentSystem() };
    const state = readFileSync(at("run/skep/units"), "utf8");
    const dry = await machine.run(next, "dry-activate");
    expect(dry).toEqual({
      exitCode: 0,
      stderr: "",
      calls: [],
      stdout: [
        "would run touch 'x y'",
        "would stop old.service",
        "would remove /etc/gone",
        "would remove /etc/systemd/system/old.service",
        "would remove /etc/systemd/system/multi-user.target.wants/old.service",
        "would restore what was there before at /etc/taken",
        "would place /etc/motd",
        "would place /etc/systemd/system/web.service",
        "would place /etc/systemd/system/new.service",
        "would place /etc/systemd/system/multi-user.target.wants/new.service",
        "would restart web.service",
        "would start new.service",
      ],
    });
    expect({ etc: machine.etc(), running: machine.running(), current: machine.currentSystem() }).toEqual(before);
    expect(readFileSync(at("run/skep/units"), "utf8")).toBe(state);
  });

  it("runs hooks before and after; one that fails before changes nothing, one after fails the activation", async () => {
    const log = (text: string): string[] => ["sh", "-c", `echo ${text} >>"$SKEP_ROOT/log"`];
    const hooks = { before: [log("before")], after: [log("after")] };
    expect((await activate(parts({ etc: { motd: "1" }, hooks }))).exitCode).toBe(0);
    expect(readFileSync(at("log"), "utf8")).toBe("before\nafter\n");
    const early = await activate(parts({ etc: { motd: "2" }, hooks: { before: [["sh", "-c", "exit 3"]] } }));
    expect(early.exitCode).toBe(1);
    expect(early.stderr).toContain(`the hook "sh -c 'exit 3'" ended with exit code 3`);
    const motd = machine.etc().motd;
    const late = parts({ etc: { motd: "3" }, hooks: { after: [["false"], log("never")] } });
    expect((await activate(late)).exitCode).toBe(1);
    expect(machine.etc().motd).not.toBe(motd);
    expect(readFileSync(at("log"), "utf8")).toBe("before\nafter\n");
    expect((await activate(parts({ hooks: { after: [["sh", "-c", "exit 100"]] } }))).exitCode).toBe(100);
  });

  it("says which hook it runs as it is written, whatever is in it", async () => {
    const words = ["one\\ntwo", "\\c", "\\033[31m", "%s", "-n"];
    const hooks = {
      before: [
        ["true", ...words],
        ["true", "next"],
      ],
      after: [["true", "a\nb"]],
    };
    const { stdout } = await activate(parts({ hooks }));
    const shown = `true 'one\\ntwo' '\\c' '\\033[31m' %s -n`;
    expect(stdout.slice(0, 2)).toEqual([`run ${shown}`, "run true next"]);
  });

  it("boot enables the unit that brings the profile up, and changes nothing else", async () => {
    const source = parts({ etc: { motd: "1" }, units: { "web.service": web("1") } });
    expect(await activate(source, "boot")).toEqual({ exitCode: 0, stdout: [], stderr: "", calls: [] });
    const etc = machine.etc();
    expect(etc.motd).toBeUndefined();
    expect(etc["systemd/system/sysinit.target.wants/skep-boot.service"]).toBe("→ ../skep-boot.service");
    expect(etc["systemd/system/skep-boot.service"]).toContain(
      "/nix/var/nix/profiles/skep/bin/switch-to-configuration test",
    );
    expect(await activate(parts({}))).toMatchObject({ exitCode: 0 });
    expect(machine.etc()["systemd/system/skep-boot.service"]).toBe(etc["systemd/system/skep-boot.service"]);
    expect((await activate(source, "switch")).exitCode).toBe(0);
    expect(machine.etc().motd).toBeDefined();
    expect((await activate(source, "install")).stderr).toContain("expected switch, boot, test or dry-activate");
  });

  it("after a reboot it puts right what another system left, without waiting for units or running hooks", async () => {
    const one = await machine.install(
      parts({ etc: { motd: "1" }, units: { "web.service": web("1"), "a.service": web("1") } }),
    );
    const two = await machine.install(
      parts({
        etc: { motd: "2" },
        units: { "web.service": web("2"), "b.service": web("1") },
        hooks: { before: [["false"]] },
      }),
    );
    await machine.run(one, "test");
    await machine.run(two, "test");
    machine.reboot();
    const run = await machine.run(one, "test", { env: { SKEP_BOOT: "1" } });
    expect(run.exitCode).toBe(0);
    machine.reboot();
    const again = await machine.run(one, "test", { env: { SKEP_BOOT: "1" } });
    expect(again).toMatchObject({ exitCode: 0, calls: [] });
    expect(machine.currentSystem()).toBe(one);
    const units = machine.running();
    expect(Object.keys(units).sort()).toEqual(["a.service", "web.service"]);
  });

  it("where nothing runs it places files and enables units, and starts nothing", async () => {
    const source = parts({ etc: { motd: "1" }, units: { "web.service": web("1") }, hooks: { before: [["false"]] } });
    const toplevel = await machine.install(source);
    const run = await machine.run(toplevel, "switch", { env: { PATH: "/usr/bin:/bin" } });
    expect(run).toMatchObject({ exitCode: 0, calls: [] });
    expect(machine.etc()["systemd/system/multi-user.target.wants/web.service"]).toBe("→ ../web.service");
    expect(machine.currentSystem()).toBe(toplevel);
  });
});

describe.each(["dash", "busybox"] as const)(
  "switch-to-configuration in %s, killed before any of its steps",
  (shell) => {
    const one = parts({
      etc: { motd: "1", "app/key": { text: "1", mode: "0600" }, "old/x": "" },
      units: { "web.service": web("1"), "old.service": web("1"), "same.service": web("1") },
    });
    const two = parts({
      etc: {
        motd: "2",
        "app/key": { text: "2", mode: "0640" },
        taken: { text: "ours", takeOver: true },
        copied: { text: "ours", mode: "0644", takeOver: true },
        old: "",
        ...(noSysusers ? {} : { "sysusers.d/app.conf": "u app -\n" }),
      },
      units: { "web.service": web("2"), "new.service": web("1"), "same.service": web("1") },
    });

    it("is put right by the next activation, forward or back", { timeout: 240_000 }, async () => {
      using machine = openMachine(shell);
      const [first, second] = [await machine.install(one), await machine.install(two)];
      writeFileSync(join(machine.root, "etc/taken"), "theirs");
      writeFileSync(join(machine.root, "etc/copied"), "theirs");
      const state = () => ({ etc: machine.etc(), running: machine.running(), current: machine.currentSystem() });
      const settle = async (toplevel: typeof first) => {
        expect(await machine.run(toplevel, "test")).toMatchObject({ exitCode: 0, stderr: "" });
        return state();
      };
      await settle(second);
      const wantedOne = await settle(first);
      const wantedTwo = await settle(second);
      await settle(first);
      let deaths = 0;
      // busybox runs its own mv and rm without asking PATH: there, only calls of systemctl can be died at.
      const step = shell === "dash" ? 3 : 1;
      for (let dieAt = 1; ; dieAt += step) {
        const run = await machine.run(second, "test", { dieAt });
        if (run.exitCode === 0) break;
        deaths += 1;
        if (deaths % 2 === 0) expect(await settle(second)).toEqual(wantedTwo);
        await machine.run(first, "test", { dieAt });
        expect(await settle(first)).toEqual(wantedOne);
      }
      expect(deaths).toBeGreaterThan(shell === "dash" ? 20 : 1);
    });
  },
);
