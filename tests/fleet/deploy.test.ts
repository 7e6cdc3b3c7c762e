import { readdir, readlink } from "node:fs/promises";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { nixos } from "#hive";
import { fleetUnavailable } from "./harness/index.ts";
import type { Scene } from "./scene.ts";
import { openScene, stateOf } from "./scene.ts";
import { skep } from "./skep.ts";

const NAMES = ["web-1", "web-2", "db-1"] as const;

describe.skipIf(fleetUnavailable() !== undefined)("deploying to three hosts", () => {
  let scene: Scene;
  beforeAll(async () => {
    scene = await openScene([
      { name: "web-1", suite: "bookworm" },
      { name: "web-2", suite: "trixie" },
      { name: "db-1", suite: "bookworm" },
    ]);
  });
  afterAll(() => scene[Symbol.asyncDispose]());

  it("the first deployment brings every host to v1, running and default", async () => {
    await scene.wantAll("v1");
    const run = await scene.deploy();
    expect(run.outcomes).toEqual({ "web-1": "deployed", "web-2": "deployed", "db-1": "deployed" });
    expect(run.exitCode).toBe(0);
    for (const host of scene.fleet.hosts) {
      expect(await stateOf(host)).toEqual({
        answer: "v1",
        running: `skep-test-system-${host.name}-v1`,
        default: `skep-test-system-${host.name}-v1`,
        generations: [`skep-test-system-${host.name}-v1`],
        bootDefault: `skep-test-system-${host.name}-v1`,
        agents: [],
        leaseIsThere: false,
      });
    }
  });

  it("the second adds a generation, with two logins a host and a record of who did what", async () => {
    await scene.wantAll("v2");
    const run = await scene.deploy();
    expect(run.exitCode).toBe(0);
    for (const host of scene.fleet.hosts) {
      const { name } = host;
      expect(await stateOf(host)).toMatchObject({
        answer: "v2",
        default: `skep-test-system-${name}-v2`,
        generations: [`skep-test-system-${name}-v1`, `skep-test-system-${name}-v2`],
      });
      const report = run.host(name);
      expect(report).toMatchObject({ outcome: "deployed", generation: 2, logins: 2 });
      expect(report.from).toMatch(/-v1$/);
      expect(report.to).toMatch(/-v2$/);
      const record: unknown = JSON.parse(await host.read(["cat", `/var/lib/skep/deployments/${run.report.run}.json`]));
      expect(record).toMatchObject({
        version: 1,
        run: run.report.run,
        host: name,
        goal: "switch",
        who: expect.stringMatching(/^.+@.+$/) as unknown,
        from: report.from,
        to: report.to,
        generation: 2,
        hive: { name: "fleet", revision: null, dirty: false },
      });
    }
  });

  it("every host takes exactly the steps of the goal, in order", async () => {
    await scene.wantAll("v2", { "web-1": { version: "v2-again" } });
    const run = await scene.deploy("--on", "web-1");
    const steps = run.events.flatMap((event) => (event.type === "step-started" ? [event.step] : []));
    const planned = run.events.flatMap((event) => (event.type === "run-started" ? event.steps : []));
    expect(steps).toEqual(planned);
    expect(steps).toEqual([
      ...["evaluate", "build", "connect", "probe", "lease", "copy", "test", "login", "check", "commit"],
    ]);
    await scene.wantAll("v2");
    await scene.deploy("--on", "web-1");
  });

  it.each([
    { argv: ["--limit-copy", "1", "--limit-activate", "1"], first: "copy", last: "copy" },
    { argv: ["--limit-activate", "1"], first: "test", last: "commit" },
    { argv: ["--parallel", "1"], first: "connect", last: "commit" },
  ] as const)("never has more hosts between $first and $last than $argv allows", async ({ argv, first, last }) => {
    await scene.wantAll(`limits-${first}`);
    const run = await scene.deploy(...argv);
    expect(run.exitCode).toBe(0);
    let inside = 0;
    let most = 0;
    for (const event of run.events) {
      if (event.type === "step-started" && event.step === first) most = Math.max(most, (inside += 1));
      if (event.type === "step-finished" && event.step === last) inside -= 1;
    }
    expect({ most, inside }).toEqual({ most: 1, inside: 0 });
    await scene.wantAll("v2");
    await scene.deploy();
  });

  it("begins a wave when the one before it is done", async () => {
    await scene.wantAll("waves");
    await scene.rewrite({}, { waves: ["db-1", "web-2"] });
    const run = await scene.deploy();
    await scene.rewrite({});
    const order = run.events.flatMap((event) => {
      if (event.type === "step-started" && event.step === "connect") return [`begin ${event.host}`];
      return event.type === "host-finished" ? [`end ${event.host}`] : [];
    });
    expect(order).toEqual(["db-1", "web-2", "web-1"].flatMap((name) => [`begin ${name}`, `end ${name}`]));
    await scene.wantAll("v2");
    await scene.deploy();
  });

  it("deploying the same again changes nothing and opens one login a host", async () => {
    const before = await Promise.all(scene.fleet.hosts.map((host) => stateOf(host)));
    const run = await scene.deploy();
    expect(run.exitCode).toBe(0);
    for (const name of NAMES) expect(run.host(name)).toMatchObject({ outcome: "unchanged", logins: 1, copiedPaths: 0 });
    expect(await Promise.all(scene.fleet.hosts.map((host) => stateOf(host)))).toEqual(before);
  });

  it("a reboot comes up on what was committed", async () => {
    const host = scene.fleet.host("web-2");
    await host.reboot();
    expect(await stateOf(host)).toMatchObject({ answer: "v2", running: "skep-test-system-web-2-v2" });
  });

  it("hosts of Nix 2.8.0 and 2.26.3 take the same closure, and their stores verify", async () => {
    const systems = await scene.want({ "web-1": { version: "v4" } });
    const toplevel = await systems.build("web-1", { environment: scene.fleet.environment });
    const same = { system: nixos({ storePath: toplevel }) };
    await scene.rewrite({ "web-1": same, "web-2": same, "db-1": same });
    const run = await scene.deploy();
    await scene.rewrite({});
    expect(run.outcomes).toEqual({ "web-1": "deployed", "web-2": "deployed", "db-1": "deployed" });
    const versions = [];
    for (const host of scene.fleet.hosts) {
      expect((await host.http())?.body).toBe("v4");
      versions.push((await host.read(["nix-store", "--version"])).split(" ").at(-1));
      const verified = await host.inside(["nix-store", "--verify", "--check-contents"]);
      expect(verified).toMatchObject({ exitCode: 0 });
      expect(verified.stderr).not.toMatch(/error|modified|disappeared/);
    }
    expect(versions).toEqual(["2.8.0", "2.26.3", "2.8.0"]);
  });

  it("takes a system from a flake, from a file and from a store path in one run", async () => {
    const systems = await scene.wantAll("v5");
    const built = await systems.build("db-1", { environment: scene.fleet.environment });
    await scene.rewrite({
      "web-2": { system: nixos({ file: systems.file, attribute: "hosts.web-2" }) },
      "db-1": { system: nixos({ storePath: built }) },
    });
    const run = await scene.deploy();
    await scene.rewrite({});
    expect(run.exitCode).toBe(0);
    for (const host of scene.fleet.hosts) expect((await host.http())?.body).toBe("v5");
  });

  it("protects what it deployed from the garbage collectors of both sides", async () => {
    const host = scene.fleet.host("web-1");
    await host.read(["nix-store", "--gc"]);
    expect((await host.http())?.body).toBe("v5");
    expect(
      await host.read([
        "sh",
        "-c",
        'test -x "$(readlink -f /run/current-system)/bin/switch-to-configuration" && echo there',
      ]),
    ).toBe("there");
    const roots = join(scene.folder, ".skep/roots/web-1");
    expect((await readdir(roots)).sort()).toEqual(["derivation", "toplevel"]);
    expect(await readlink(join(roots, "toplevel"))).toMatch(/^\/nix\/store\/.*-web-1-v5$/);
    expect(await readlink(join(roots, "derivation"))).toMatch(/-web-1-v5\.drv$/);
  });

  it("logs in as another user and becomes root with sudo", async () => {
    await scene.wantAll("v6");
    await scene.rewrite({
      "web-1": { target: { user: "deploy" } },
      "web-2": { target: "deploy@web-2", elevation: "none" },
    });
    const run = await scene.deploy("--on", "web-*");
    await scene.rewrite({});
    expect(run.host("web-1")).toMatchObject({ outcome: "deployed" });
    expect(run.host("web-2")).toMatchObject({ outcome: "failed", error: { code: "activation/not-root" } });
    expect((await scene.fleet.host("web-1").http())?.body).toBe("v6");
    expect((await scene.fleet.host("web-2").http())?.body).toBe("v5");
  });

  describe("the other goals", () => {
    const host = () => scene.fleet.host("db-1");

    it("build prints HOST PATH and touches no host", async () => {
      await scene.wantAll("v7");
      const run = await skep(scene.fleet, ["build", "--on", "db-1"], { cwd: scene.folder });
      expect(run.exitCode).toBe(0);
      expect(run.stdout).toMatch(/^db-1 \/nix\/store\/[a-z0-9]{32}-skep-test-system-db-1-v7\n$/);
      expect(await host().read(["sh", "-c", "ls /nix/store | grep -c -- db-1-v7 || true"])).toBe("0");
    });

    it("push copies and activates nothing", async () => {
      const run = await scene.deploy("push", "--on", "db-1");
      expect(run.host("db-1")).toMatchObject({ outcome: "deployed", logins: 1 });
      expect(await stateOf(host())).toMatchObject({
        answer: "v5",
        default: "skep-test-system-db-1-v5",
        leaseIsThere: false,
      });
      expect((await scene.deploy("push", "--on", "db-1")).outcomes).toEqual({ "db-1": "unchanged" });
    });

    it("dry-activate says what would happen and changes nothing", async () => {
      const run = await scene.deploy("dry-activate", "--on", "db-1");
      expect(run.exitCode).toBe(0);
      const lines = run.events.flatMap((event) =>
        event.type === "log" && event.step === "dry-activate" ? [event.line] : [],
      );
      expect(lines).toEqual(["would restart the following units: skep-app.service"]);
      expect(await stateOf(host())).toMatchObject({ answer: "v5", running: "skep-test-system-db-1-v5" });
    });

    it("test runs it until the next reboot", async () => {
      const run = await scene.deploy("test", "--on", "db-1");
      expect(run.host("db-1")).toMatchObject({ outcome: "deployed", logins: 2 });
      expect(await stateOf(host())).toMatchObject({
        answer: "v7",
        default: "skep-test-system-db-1-v5",
        bootDefault: "skep-test-system-db-1-v5",
      });
      await host().reboot();
      expect(await stateOf(host())).toMatchObject({ answer: "v5", running: "skep-test-system-db-1-v5" });
    });

    it("boot makes it what boots next and leaves what runs", async () => {
      const run = await scene.deploy("boot", "--on", "db-1");
      expect(run.host("db-1")).toMatchObject({ outcome: "deployed", logins: 1 });
      expect(await stateOf(host())).toMatchObject({
        answer: "v5",
        default: "skep-test-system-db-1-v7",
        bootDefault: "skep-test-system-db-1-v7",
      });
      expect((await scene.deploy("boot", "--on", "db-1")).outcomes).toEqual({ "db-1": "unchanged" });
      await host().reboot();
      expect(await stateOf(host())).toMatchObject({ answer: "v7", running: "skep-test-system-db-1-v7" });
    });
  });
});
