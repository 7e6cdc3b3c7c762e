import { cp, mkdir, readdir, readFile, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import type { SecretUseInput } from "#hive";
import type { Fleet, FleetHost } from "./harness/index.ts";
import { fleetUnavailable, run as runProgram, startFleet, waitUntil, writeSystems } from "./harness/index.ts";
import { filesWithPoison, placesWithPoison, POISON, sealWithAge, watchProcesses } from "./poison.ts";
import type { RunningSkep, SkepRun } from "./skep.ts";
import { skep, startSkep } from "./skep.ts";

type Uses = Readonly<Record<string, SecretUseInput>>;

/** What the hosts of the test's hive are to have. */
interface Wanted {
  readonly version: string;
  /** Whether the service has nothing to serve, so that its check fails. */
  readonly broken?: boolean;
  readonly secrets: Uses;
}

const HIVE = `
import { readFileSync } from "node:fs";
import { defineHive, directory, file, http, nixos, service, system } from "skep";

const { version, broken, secrets, systems } = JSON.parse(readFileSync(new URL("wanted.json", import.meta.url), "utf8"));
const busybox = ({ packages }, ...words) => [\`\${packages.busybox}/bin/busybox\`, ...words];
const reader = 'cat /run/skep/secrets/s0 >/run/seen-by-reader; exec sleep 100000';

export default defineHive({
  name: "secrets",
  defaults: {
    secrets,
    checks: [http({ port: 8080, period: "200ms", timeout: "2s", deadline: "4s" })],
    activation: { timeout: "20s", confirmTimeout: "8s" },
  },
  hosts: {
    edge: {
      target: "edge",
      system: system({
        packages: { busybox: file("./busybox", { executable: true }), site: directory(broken ? "./sites/empty" : \`./sites/\${version}\`) },
        units: {
          "web.service": service({ exec: (scope) => busybox(scope, "httpd", "-f", "-p", "8080", "-h", scope.packages.site) }),
          "reader.service": service({ exec: (scope) => busybox(scope, "sh", "-c", reader) }),
          "steady.service": service({ exec: (scope) => busybox(scope, "sleep", "100000") }),
        },
      }),
    },
    nix: { target: "nix", system: nixos({ flake: \`path:\${systems}\` }) },
  },
});
`;
const RULES = `
import { readFileSync } from "node:fs";
import { defineSecrets } from "skep";

export default defineSecrets(JSON.parse(readFileSync(new URL("rules.json", import.meta.url), "utf8")));
`;

const HOSTS = ["edge", "nix"] as const;
const NAMES = Array.from({ length: 10 }, (_, number) => `s${number}`);

describe.skipIf(fleetUnavailable() !== undefined)("secrets on hosts that run systems of Nix and of TypeScript", () => {
  let fleet: Fleet;
  let folder = "";
  const edge = (): FleetHost => fleet.host("edge");
  const nix = (): FleetHost => fleet.host("nix");
  /** What each secret says now. */
  const says = new Map<string, string>();

  beforeAll(async () => {
    fleet = await startFleet([
      { name: "edge", suite: "bookworm-without-nix" },
      { name: "nix", suite: "trixie" },
    ]);
    folder = join(fleet.folder, "hive");
    await mkdir(join(folder, "sites/empty"), { recursive: true });
    await mkdir(join(folder, "secrets"), { recursive: true });
    await writeFile(join(folder, "sites/empty/nothing"), "");
    await writeFile(join(folder, "hive.ts"), HIVE);
    await writeFile(join(folder, "secrets/secrets.ts"), RULES);
    await cp("/bin/busybox", join(folder, "busybox"));
    await writeRules();
    for (const name of NAMES) await seal(name, `${POISON}${name}-v1`);
  });
  afterAll(() => fleet[Symbol.asyncDispose]());

  /** Secrets from s8 on are the operator's to open: no host can. */
  const isOperators = (name: string): boolean => name >= "s8";
  const unitsOf = (name: string): SecretUseInput =>
    ({ s0: { restart: ["reader.service"] }, s1: { restart: ["skep-app.service"] } })[name] ?? {};
  const uses = (more: Uses = {}): Uses => ({
    ...Object.fromEntries(
      NAMES.map((name) => [name, { ...unitsOf(name), ...(isOperators(name) ? { open: "operator" as const } : {}) }]),
    ),
    ...more,
  });
  async function writeRules(): Promise<void> {
    const hosts = Object.fromEntries(HOSTS.map((name) => [name, fleet.host(name).hostKeys.ed25519]));
    const rules = Object.fromEntries(NAMES.map((name) => [name, isOperators(name) ? [] : [...HOSTS]]));
    await writeFile(
      join(folder, "secrets/rules.json"),
      JSON.stringify({ admins: { operator: fleet.client.publicKey }, hosts, rules }),
    );
  }
  async function seal(name: string, text: string, readers: readonly string[] = HOSTS): Promise<void> {
    says.set(name, text);
    const keys = isOperators(name) ? [] : readers.map((host) => fleet.host(host).hostKeys.ed25519);
    await sealWithAge(text, {
      recipients: [fleet.client.publicKey, ...keys],
      file: join(folder, `secrets/${name}.age`),
    });
  }
  async function want({ version, ...wanted }: Wanted): Promise<void> {
    await mkdir(join(folder, "sites", version), { recursive: true });
    await writeFile(join(folder, "sites", version, "index.html"), `${version}\n`);
    const systems = join(fleet.folder, "systems");
    await writeSystems(systems, { nix: { version, ...(wanted.broken === true ? { fault: "unhealthy" } : {}) } });
    await writeFile(join(folder, "wanted.json"), JSON.stringify({ version, systems, ...wanted }));
  }
  const deploy = (...argv: readonly string[]): Promise<SkepRun> =>
    skep(fleet, ["deploy", "--json", ...argv], { cwd: folder });
  const begin = (...argv: readonly string[]): RunningSkep =>
    startSkep(fleet, ["deploy", "--json", ...argv], { cwd: folder });
  const secretOn = async (host: FleetHost, name: string): Promise<string> =>
    host.read(["cat", `/run/skep/secrets/${name}`]);
  const pidOf = (host: FleetHost, unit: string): Promise<string> =>
    host.read(["systemctl", "show", "--property=MainPID", "--value", unit]);
  async function expectAll(host: FleetHost): Promise<void> {
    for (const name of NAMES) expect(await secretOn(host, name)).toBe(says.get(name));
  }

  it("come with the first deployment, opened by the host and by the operator, and lie in memory alone", async () => {
    await want({
      version: "v1",
      secrets: uses({ s2: { owner: "daemon", group: "adm", mode: "0440", path: "/etc/skep-test/token" } }),
    });
    const run = await deploy();
    expect(run.stderr).not.toContain("skep: error");
    expect(run.outcomes).toEqual({ edge: "deployed", nix: "deployed" });
    for (const host of fleet.hosts) {
      await expectAll(host);
      expect(await host.read(["stat", "-L", "-c", "%U %G %a", "/run/skep/secrets/s2"])).toBe("daemon adm 440");
      expect(await host.read(["stat", "-L", "-c", "%U %G %a", "/run/skep/secrets/s3"])).toBe("root root 400");
      expect(await host.read(["cat", "/etc/skep-test/token"])).toBe(says.get("s2"));
      expect(await host.read(["stat", "-f", "-c", "%T", "/run/skep/secrets.d"])).toMatch(/^(tmpfs|ramfs)$/);
      expect(await host.read(["grep", " /run/skep/secrets.d ", "/proc/mounts"])).toMatch(/nosuid,nodev,noexec/);
      expect((await host.ssh(["cat", "/etc/skep-test/token"], { user: "deploy" })).exitCode).not.toBe(0);
    }
    expect(await edge().read(["cat", "/run/seen-by-reader"])).toBe(says.get("s0"));
    expect(run.host("edge").logins).toBe(2);
  });

  it("are left alone when nothing changed, with one login", async () => {
    const run = await deploy();
    expect(run.outcomes).toEqual({ edge: "unchanged", nix: "unchanged" });
    expect(run.host("edge").logins).toBe(1);
  });

  it("are what dry-activate speaks of, and does not change", async () => {
    await seal("s0", `${POISON}s0-v2`);
    const run = await deploy("dry-activate");
    expect(run.outcomes).toEqual({ edge: "deployed", nix: "deployed" });
    const lines = run.events.flatMap((event) => (event.type === "log" && event.step === "secrets" ? [event.line] : []));
    expect(lines).toEqual(["s0 changes", "s0 changes"]);
    expect(await secretOn(edge(), "s0")).toBe(`${POISON}s0-v1`);
  });

  it("restart the unit of the one that changed, and no other", async () => {
    const units = ["reader.service", "steady.service", "web.service"];
    const before = await Promise.all(units.map((unit) => pidOf(edge(), unit)));
    const app = await pidOf(nix(), "skep-app.service");
    const run = await deploy("secrets");
    expect(run.stderr).not.toContain("skep: error");
    expect(run.outcomes).toEqual({ edge: "deployed", nix: "deployed" });
    for (const host of fleet.hosts) await expectAll(host);
    const after = await Promise.all(units.map((unit) => pidOf(edge(), unit)));
    expect(after.map((pid, index) => pid === before[index])).toEqual([false, true, true]);
    expect(await edge().read(["cat", "/run/seen-by-reader"])).toBe(`${POISON}s0-v2`);
    expect(await pidOf(nix(), "skep-app.service")).toBe(app);

    await seal("s1", `${POISON}s1-v2`);
    expect((await deploy()).outcomes).toEqual({ edge: "deployed", nix: "deployed" });
    expect(await pidOf(nix(), "skep-app.service")).not.toBe(app);
    expect(await Promise.all(units.map((unit) => pidOf(edge(), unit)))).toEqual(after);
  });

  it("restart nothing when they were only encrypted anew", async () => {
    const before = [await pidOf(edge(), "reader.service"), await pidOf(nix(), "skep-app.service")];
    for (const name of NAMES) await seal(name, says.get(name) ?? "");
    expect((await deploy("secrets")).outcomes).toEqual({ edge: "deployed", nix: "deployed" });
    expect([await pidOf(edge(), "reader.service"), await pidOf(nix(), "skep-app.service")]).toEqual(before);
  });

  it("stay all ten as they were when one of ten cannot be opened", async () => {
    const before = new Map(says);
    for (const name of NAMES) await seal(name, `${POISON}${name}-v3`, name === "s7" ? ["nix"] : HOSTS);
    // The file says so itself; without its word the host finds out.
    const told = await deploy("--on", "edge");
    expect(told.exitCode).toBe(4);
    expect(told.stderr).toMatch(/s7 is not encrypted to host edge/);

    for (const name of NAMES) await seal(name, `${POISON}${name}-v3`);
    await damage("s7");
    const run = await deploy();
    expect(run.exitCode).toBe(4);
    expect(run.outcomes).toEqual({ edge: "failed", nix: "failed" });
    expect(run.stderr).toMatch(/edge, nix: the host cannot open 1 of its 10 secrets with its own key: s7: /);
    for (const name of NAMES) expect(await secretOn(edge(), name)).toBe(before.get(name));
    for (const name of NAMES) expect(await secretOn(nix(), name)).toBe(before.get(name));
    await seal("s7", `${POISON}s7-v3`);
    expect((await deploy()).outcomes).toEqual({ edge: "deployed", nix: "deployed" });
    for (const host of fleet.hosts) await expectAll(host);
  });

  it("fail a host before its activation where age, or a user, is missing", async () => {
    await edge().read(["mv", "/usr/bin/age", "/usr/bin/age.away"]);
    await want({ version: "v1", secrets: uses({ s3: { owner: "nobody-of-that-name" } }) });
    const run = await deploy();
    await edge().read(["mv", "/usr/bin/age.away", "/usr/bin/age"]);
    expect(run.outcomes).toEqual({ edge: "failed", nix: "failed" });
    expect(run.host("edge")).toMatchObject({ error: { code: "activation/secrets-no-age" } });
    expect(run.host("nix")).toMatchObject({ error: { code: "activation/secrets-owner" } });
    for (const host of fleet.hosts) await expectAll(host);
    await want({ version: "v1", secrets: uses() });
    expect((await deploy()).exitCode).toBe(0);
  });

  it("come back with the system when it goes back", async () => {
    const before = new Map(says);
    const app = await pidOf(nix(), "skep-app.service");
    for (const name of ["s0", "s1", "s9"]) await seal(name, `${POISON}${name}-broken`);
    await want({ version: "v2", broken: true, secrets: uses() });
    const run = await deploy();
    expect(run.outcomes).toEqual({ edge: "rolled-back", nix: "rolled-back" });
    for (const [name, text] of before) says.set(name, text);
    for (const host of fleet.hosts) {
      await expectAll(host);
      expect((await host.http())?.body).toBe("v1");
    }
    expect(await edge().read(["cat", "/run/seen-by-reader"])).toBe(says.get("s0"));
    expect(await pidOf(nix(), "skep-app.service")).not.toBe(app);
    await want({ version: "v2", secrets: uses() });
    for (const name of ["s0", "s1", "s9"]) await seal(name, `${POISON}${name}-v4`);
    expect((await deploy()).outcomes).toEqual({ edge: "deployed", nix: "deployed" });
    for (const host of fleet.hosts) await expectAll(host);
  });

  it("are the old or the new ones, whole, wherever the agent is killed", async () => {
    for (const afterMs of [0, 60, 140, 260]) {
      const before = new Map(says);
      for (const name of NAMES) await seal(name, `${POISON}${name}-killed-${afterMs}`);
      const run = begin("--on", "edge");
      await run.began("edge", "test");
      await new Promise((resolve) => setTimeout(resolve, afterMs));
      await edge().inside(["systemctl", "kill", "--signal=KILL", "skep-2*"]);
      await run.ended;
      await waitUntil(
        async () =>
          (await edge().inside(["sh", "-c", "systemctl list-units --plain --no-legend 'skep-2*' | grep -q ."]))
            .exitCode !== 0,
        { what: "the agent to end", timeoutMs: 40_000 },
      );
      const first = await secretOn(edge(), "s0");
      if (first === before.get("s0")) for (const [name, text] of before) says.set(name, text);
      await expectAll(edge());
      for (const name of NAMES) await seal(name, says.get(name) ?? "");
    }
    expect((await deploy()).exitCode).toBe(0);
  });

  it("that the host opens are there after a reboot before what needs them; it waits for the operator's, and says so", async () => {
    await Promise.all(fleet.hosts.map((host) => host.reboot()));
    for (const host of fleet.hosts) {
      for (const name of NAMES.filter((candidate) => !isOperators(candidate)))
        expect(await secretOn(host, name)).toBe(says.get(name));
      expect((await host.inside(["test", "-e", "/run/skep/secrets/s9"])).exitCode).not.toBe(0);
    }
    expect(await edge().read(["cat", "/run/seen-by-reader"])).toBe(says.get("s0"));
    const status = await skep(fleet, ["secrets", "status", "--on", "*"], { cwd: folder });
    expect(status.stdout).toMatch(/edge.*waiting.*s8.*s9/s);
    const run = await deploy("secrets");
    expect(run.outcomes).toEqual({ edge: "deployed", nix: "deployed" });
    for (const host of fleet.hosts) await expectAll(host);
  });

  it("are proven to open on the hosts before anything is deployed, and leave no trace of that", async () => {
    const good = await skep(fleet, ["secrets", "check", "--on-host"], { cwd: folder });
    expect({ exitCode: good.exitCode, stderr: good.stderr }).toMatchObject({ exitCode: 0 });
    const before = await edge().read(["ls", "-A", "/run/skep/secrets.d"]);
    await damage("s7");
    const bad = await skep(fleet, ["secrets", "check", "--on-host"], { cwd: folder });
    await seal("s7", says.get("s7") ?? "");
    expect(bad.exitCode).toBe(4);
    expect(bad.stdout).toMatch(/error: edge: s7: it cannot be opened with/);
    expect(await edge().read(["ls", "-A", "/run/skep/secrets.d"])).toBe(before);
  });

  it("go when the hive has none any more", async () => {
    await want({ version: "v2", secrets: {} });
    await deploy();
    for (const host of fleet.hosts) {
      expect(await host.read(["ls", "-A", "/run/skep/secrets/"])).toBe("");
      expect((await host.inside(["test", "-e", "/etc/skep-test/token"])).exitCode).not.toBe(0);
    }
    await want({ version: "v2", secrets: uses() });
    expect((await deploy()).exitCode).toBe(0);
  });

  it("are found in no argv, environment, event, error, report, journal, store or file of either side", async () => {
    const runs: SkepRun[] = [];
    let seen: readonly string[] = [];
    {
      await using watch = watchProcesses();
      for (const name of NAMES) await seal(name, `${POISON}${name}-watched`);
      runs.push(await deploy("-v"));
      await seal("s5", `${POISON}s5-watched-2`);
      runs.push(await deploy("secrets", "-v"));
      await want({ version: "v3", broken: true, secrets: uses({ s4: { owner: "nobody-of-that-name" } }) });
      runs.push(await deploy("-v"));
      await want({ version: "v3", broken: true, secrets: uses() });
      await seal("s6", `${POISON}s6-watched-2`);
      runs.push(await deploy("-v"));
      runs.push(
        await skep(fleet, ["secrets", "check", "--identity", fleet.client.keyFile, "--on-host"], { cwd: folder }),
      );
      runs.push(await skep(fleet, ["secrets", "status", "--on", "*", "--json"], { cwd: folder }));
      expect(watch.rounds).toBeGreaterThan(20);
      seen = watch.found;
    }
    expect(runs.map(({ exitCode }) => exitCode)).toEqual([0, 0, 4, 6, 0, 0]);
    expect(seen).toEqual([]);
    for (const { stdout, stderr } of runs) expect(stdout + stderr).not.toContain(POISON);
    for (const host of fleet.hosts) expect(await placesWithPoison(host)).toEqual([]);
    const temporary = (await readdir(tmpdir()))
      .filter((name) => name.startsWith("skep"))
      .map((name) => join(tmpdir(), name));
    const mine = [
      folder,
      join(fleet.folder, "systems"),
      fleet.client.home,
      ...temporary.filter((path) => !fleet.folder.startsWith(path)),
    ];
    expect(await filesWithPoison(mine)).toEqual([]);
  }, 240_000);

  it("would have been found there", async () => {
    await edge().read([
      "sh",
      "-c",
      'cat /run/skep/secrets/s0 >/var/tmp/planted; logger "$(cat /run/skep/secrets/s0)" 2>/dev/null || systemd-cat echo "$(cat /run/skep/secrets/s0)"',
    ]);
    await waitUntil(async () => (await placesWithPoison(edge())).some((place) => place.startsWith("journal")), {
      what: "the journal to have it",
      timeoutMs: 10_000,
    });
    expect(await placesWithPoison(edge())).toEqual(expect.arrayContaining(["file /var/tmp/planted"]));
    const planted = join(folder, "planted");
    await writeFile(planted, `${POISON}x`);
    expect(await filesWithPoison([folder])).toEqual([planted]);
    await rm(planted);
    await using watch = watchProcesses();
    await Promise.all([
      edge().inside(["sh", "-c", "sleep 0.3; : $0", `${POISON}argv`]),
      runProgram(["sleep", "0.3"], { env: { ...process.env, PLANTED: `${POISON}environ` } }),
    ]);
    expect(watch.found.some((place) => place.startsWith("cmdline"))).toBe(true);
    expect(watch.found.some((place) => place.startsWith("environ"))).toBe(true);
  });

  /** Its header is what it was, and what it says is not. */
  async function damage(name: string): Promise<void> {
    const file = join(folder, `secrets/${name}.age`);
    const bytes = await readFile(file);
    bytes.writeUInt8(bytes.readUInt8(bytes.length - 1) ^ 1, bytes.length - 1);
    await writeFile(file, bytes);
  }
});
