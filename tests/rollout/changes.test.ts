import { execFileSync } from "node:child_process";
import { mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, utimesSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import type { HostFacts } from "#activation";
import type { Goal, Host } from "#hive";
import type { Manifest } from "#native";
import { openNix } from "#nix";
import type { KnownChange, RolloutHappening } from "#rollout";
import { changeId } from "#rollout";
import type { Closure, StorePath } from "#store";
import { createChangeTeller } from "../../src/rollout/changes/change-teller.ts";
import type { KnownSystem, KnownSystems } from "../../src/rollout/changes/known-systems.ts";
import { knownSystems } from "../../src/rollout/changes/known-systems.ts";
import { readActivation } from "../../src/rollout/changes/read-activation.ts";
import { rememberedSystems } from "../../src/rollout/changes/remembered-systems.ts";
import { createSecretsMask } from "../../src/rollout/mask/mask-secrets.ts";
import { Redacted } from "#core";
import { noNix } from "../store/real-store.ts";

const path = (digit: string, name: string): StorePath => `/nix/store/${digit.repeat(32)}-${name}` as StorePath;
const OLD = path("1", "nixos-system-web-1-24.11");
const NEW = path("2", "nixos-system-web-1-25.05");
const systemOf = (toplevel: StorePath, version: string, etc: object = { motd: version }): KnownSystem => ({
  paths: [
    { path: toplevel, narSize: 10 },
    { path: path(version === "1.0" ? "3" : "4", `site-${version}`), narSize: 100_000 },
  ],
  etc: new Map(Object.entries(etc)) as ReadonlyMap<string, string>,
  units: ["gone.service"],
});
const closureOf = ({ paths }: KnownSystem): Closure => ({ toplevel: NEW, paths, narSize: 1 }) as unknown as Closure;
const host = (name: string): Host => ({ name }) as Host;
const facts = (running: StorePath | undefined, set?: string): HostFacts =>
  ({ running, secrets: { set, waiting: [] } }) as unknown as HostFacts;
const WANTED = { toplevel: NEW, closure: closureOf(systemOf(NEW, "2.0")) };
const MANIFEST: Manifest = {
  etc: new Map([["motd", "2.0"]]),
  units: [{ name: "web.service", text: "/x", onChange: "restart", started: true }],
  hooks: { before: [], after: ["say stop"] },
};

describe("readActivation()", () => {
  it("reads what NixOS says that it does, would do, and leaves alone", () => {
    const lines = [
      ...[
        "stopping the following units: old.service, a.service",
        "NOT restarting the following changed units: b.service",
      ],
      ...["activating the configuration...", "reloading the following units: dbus.service"],
      ...["restarting the following units: web.service", "starting the following units: a.service"],
      ...[
        "the following new units were started: new.service, new.socket",
        "warning: the following units failed: x.service",
      ],
    ];
    const did = { stop: ["old.service", "a.service"], reload: ["dbus.service"], restart: ["web.service"] };
    const start = ["a.service", "new.service", "new.socket"];
    expect(readActivation(lines, { own: undefined })).toEqual({ ...did, start });
    const would = [
      "would stop the following units: a.service",
      "would NOT stop the following changed units: b.service",
    ];
    expect(readActivation(would, { own: undefined }).stop).toEqual(["a.service"]);
  });

  it("takes of a system without Nix only its own units, and nothing that a hook prints at the end", () => {
    const own = { units: new Set(["web.service", "gone.service"]), lastHooks: ["say stop"] };
    const lines = ["stop gone.service", "restart web.service", "start ssh.service", "run say stop", "stop web.service"];
    const wanted = { stop: ["gone.service"], reload: [], restart: ["web.service"], start: [] };
    expect(readActivation(lines, { own })).toEqual(wanted);
  });
});

describe("the teller of changes", () => {
  interface Told {
    readonly host: string;
    readonly id: string;
    readonly change?: KnownChange | undefined;
  }
  function tellerWith(systems: KnownSystems, more: { goal?: Goal; manifest?: Manifest } = {}) {
    const told: Told[] = [];
    const teller = createChangeTeller({
      ...{ goal: more.goal ?? "switch", saved: undefined, systems, remembered: undefined },
      manifestOf: () => more.manifest,
      emit: (happening: RolloutHappening) => {
        if (happening.type === "changes") told.push(happening);
      },
    });
    return { teller, told };
  }
  const known: KnownSystems = (toplevel) => Promise.resolve(systemOf(toplevel, toplevel === OLD ? "1.0" : "2.0"));

  it("compares packages and /etc, adds what the host says of units, and is there when the host ends", async () => {
    const { teller, told } = tellerWith(known, { manifest: MANIFEST });
    const web = teller.of(host("web-1"));
    web.look(facts(OLD), WANTED);
    web.hear("copy", "stop gone.service");
    web.hear("test", "restart web.service");
    web.secrets(["token"]);
    await new Promise(setImmediate);
    web.end("deployed");
    const site = { name: "site", kind: "up", from: ["1.0"], to: ["2.0"], sizeDelta: 0 };
    const change = {
      ...{ packages: [site], etc: { added: [], changed: ["motd"], removed: [] }, hooks: MANIFEST.hooks },
      units: { stop: [], reload: [], restart: ["web.service"], start: [] },
      secrets: { added: ["token"], changed: [], mayChange: [], broughtAgain: [], removed: [] },
    };
    expect(told).toEqual([expect.objectContaining({ host: "web-1", id: changeId(change as KnownChange), change })]);
  });

  it("keeps no host waiting: what is found out late is told late, and settled() waits for that", async () => {
    let answer: (system: KnownSystem) => void = () => undefined;
    const { teller, told } = tellerWith((toplevel) =>
      toplevel === OLD ? new Promise((resolve) => (answer = resolve)) : Promise.resolve(systemOf(NEW, "2.0")),
    );
    const web = teller.of(host("web-1"));
    web.look(facts(OLD), WANTED);
    web.end("deployed");
    expect(told).toEqual([]);
    let isSettled = false;
    const settling = teller.settled().then(() => (isSettled = true));
    await new Promise(setImmediate);
    expect(isSettled).toBe(false);
    answer(systemOf(OLD, "1.0"));
    await settling;
    expect(told[0]?.change?.packages).toHaveLength(1);
  });

  it("tells nothing of hosts that were not reached, stayed as they were or were left alone", async () => {
    const { teller, told } = tellerWith(known);
    teller.of(host("web-1")).end("failed");
    const [web, db] = [teller.of(host("web-2")), teller.of(host("db-1"))];
    web.look(facts(OLD), WANTED);
    db.look(facts(OLD), WANTED);
    await new Promise(setImmediate);
    web.end("unchanged");
    db.end("skipped");
    const pushed = tellerWith(known, { goal: "push" });
    const same = pushed.teller.of(host("web-1"));
    same.look(facts(NEW), WANTED);
    same.end("deployed");
    expect([...told, ...pushed.told]).toEqual([]);
  });

  it("tells of everything that comes to a host which ran nothing, and says of one that only got a default so", async () => {
    const { teller, told } = tellerWith(known);
    const [bare, same] = [teller.of(host("web-1")), teller.of(host("web-2"))];
    bare.look(facts(undefined), WANTED);
    same.look(facts(NEW), WANTED);
    await new Promise(setImmediate);
    bare.end("deployed");
    same.end("deployed");
    expect(told[0]?.change?.packages).toEqual([expect.objectContaining({ name: "site", kind: "added", to: ["2.0"] })]);
    const nothing = { stop: [], reload: [], restart: [], start: [] };
    expect(told[1]?.change).toMatchObject({ packages: [], units: nothing, etc: { added: [] }, secrets: { added: [] } });
  });

  it("leaves out what nobody knows, and ends when a run tells too much", async () => {
    const unknown = tellerWith(() => Promise.resolve(undefined));
    const web = unknown.teller.of(host("web-1"));
    web.look(facts(OLD, "set-1"), WANTED);
    web.secrets(["token"]);
    web.end("deployed");
    await unknown.teller.settled();
    const change = JSON.parse(JSON.stringify(unknown.told[0]?.change)) as KnownChange;
    expect(change).toEqual({
      secrets: { added: [], changed: ["token"], mayChange: [], broughtAgain: [], removed: [] },
    });
    const much = Array.from({ length: 20 }, (_, index) => `${index}-${"x".repeat(1_000_000)}`);
    const large = tellerWith(known);
    for (const [index, name] of much.entries()) {
      const one = large.teller.of(host(`web-${index}`));
      one.look(facts(NEW), WANTED);
      one.secrets([name]);
      one.end("deployed");
    }
    expect(large.told.length).toBeGreaterThan(10);
    expect(large.told.length).toBeLessThan(20);
  });
});

describe("systems that are remembered", () => {
  let folder = "";
  beforeEach(() => {
    folder = mkdtempSync(join(tmpdir(), "skep-remembered-"));
  });
  afterEach(() => {
    rmSync(folder, { recursive: true });
  });

  it("are what they were, for the user's eyes only, and the newest two thousand", async () => {
    const system = systemOf(OLD, "1.0");
    {
      await using remembered = rememberedSystems(folder);
      remembered.remember(OLD, system);
    }
    expect(await rememberedSystems(folder).read(OLD)).toEqual(system);
    expect(await rememberedSystems(folder).read(NEW)).toBeUndefined();
    const systems = join(folder, ".skep/systems");
    for (let number = 0; number < 2_005; number += 1) {
      const file = join(systems, `${number}.json`);
      writeFileSync(file, "");
      utimesSync(file, number, number);
    }
    {
      await using remembered = rememberedSystems(folder);
      remembered.remember(NEW, system);
    }
    const left = readdirSync(systems);
    expect(left).toHaveLength(2_000);
    expect(left).not.toContain("6.json");
    expect(left).toContain("7.json");
    expect(await rememberedSystems(folder).read(OLD)).toEqual(system);
  });

  it("are as good as not there where nothing can be written, or somebody else wrote", async () => {
    writeFileSync(join(folder, ".skep"), "a file");
    {
      await using remembered = rememberedSystems(folder);
      remembered.remember(OLD, systemOf(OLD, "1.0"));
    }
    rmSync(join(folder, ".skep"));
    mkdirSync(join(folder, ".skep/systems"), { recursive: true });
    for (const text of ["", "null", "[]", '{"v":2}', '{"v":1,"paths":1,"etc":[],"units":[]}']) {
      writeFileSync(join(folder, ".skep/systems", `${OLD.slice("/nix/store/".length)}.json`), text);
      expect(await rememberedSystems(folder).read(OLD)).toBeUndefined();
    }
  });

  it.skipIf(noNix)("are found in the operator's own store too, those that come together by few questions", async () => {
    const environment = { ...process.env, NIX_CONFIG: "build-users-group =\nsubstituters =" };
    const made = ["1.0", "2.0", "3.0"].map((version) => {
      const system = join(folder, `system-${version}`);
      mkdirSync(join(system, "etc"), { recursive: true });
      writeFileSync(join(system, "etc/motd"), folder + version);
      return execFileSync("nix-store", ["--add", system], { env: environment, encoding: "utf8" }).trim() as StorePath;
    });
    mkdirSync(join(folder, "bin"));
    const real = execFileSync("sh", ["-c", "command -v nix"], { encoding: "utf8" }).trim();
    const script = `#!/bin/sh\necho "$*" >>${folder}/calls\nexec ${real} "$@"\n`;
    writeFileSync(join(folder, "bin/nix"), script, { mode: 0o755 });
    const nix = openNix({ environment: { ...environment, PATH: `${folder}/bin:${process.env.PATH ?? ""}` } });
    const systems = knownSystems({
      ...{ wanted: [], manifestOf: () => undefined, remembered: undefined, signal: new AbortController().signal },
      nix: () => nix,
    });
    const found = await Promise.all([...made, NEW].map((one) => systems(one)));
    expect(found.map((one) => one?.paths.map(({ path: its }) => its))).toEqual([
      ...made.map((one) => [one]),
      undefined,
    ]);
    expect([...(found[0]?.etc ?? [])]).toEqual([["motd", ""]]);
    const calls = readFileSync(join(folder, "calls"), "utf8").split("\n");
    expect(calls.filter((call) => call.startsWith("path-info")).length).toBeLessThan(3);
  });
});

describe("the mask", () => {
  it("leaves what a change goes by, and covers what a host said", () => {
    const mask = createSecretsMask();
    mask.learn({ open: "operator", version: "1", plaintext: new Redacted<Uint8Array>(Buffer.from("rebuilt\n")) });
    const change = { packages: [{ name: "a", kind: "rebuilt" }], said: ["it is rebuilt now"] };
    expect(mask.mask({ type: "changes", id: "rebuilt", change })).toEqual({
      ...{ type: "changes", id: "rebuilt" },
      change: { ...change, said: ["it is [redacted] now"] },
    });
  });
});
