import { readdirSync, readFileSync, readlinkSync, rmSync } from "node:fs";
import { join } from "node:path";
import { Readable } from "node:stream";
import { beforeEach, describe, expect, it } from "vitest";
import { acquireLease } from "#activation";
import { logIn } from "../sandbox/log-in.ts";
import type { SkepOptions } from "./run-skep.ts";
import { useScene } from "./scene.ts";

const HOSTS = ["web-1", "web-2", "db-1"] as const;

describe("operating hosts", { timeout: 240_000 }, () => {
  const { machine, at, read, write, writeRules, start: startPlain } = useScene(HOSTS, { keepHosts: true });
  beforeEach(() => {
    hive("v1");
  });

  /** The file says what each host runs; what is `broken` fails its check. */
  function hive(release: string, more: Readonly<Record<string, object>> = {}): void {
    const hosts = HOSTS.map((name) => [
      name,
      { target: machine(name).target, tags: [name.slice(0, -2)], ...more[name] },
    ]);
    const away = { ...machine("web-1").target, port: 1 };
    write(
      "hive.ts",
      `import { command, defineHive, directory, system } from "skep";
       const release = system({ etc: { release: ${JSON.stringify(release)} } });
       const well = command(["sh", "-c", '! grep -q broken "$SKEP_ROOT$(readlink "$SKEP_ROOT/etc/release")"'], { period: "50ms", deadline: "1s" });
       const hosts = ${JSON.stringify({ ...Object.fromEntries(hosts), ...("away-1" in more ? { "away-1": { target: away } } : {}) })};
       export default defineHive({
         name: "fleet",
         hosts: Object.fromEntries(Object.entries(hosts).map(([name, host]) => [name, { system: release, checks: [well], ...host }])),
       });`,
    );
  }
  /** Links on a host say where they would lead if its root were /. */
  const releaseOf = (host: string): string => {
    const { root } = machine(host);
    return readFileSync(join(root, readlinkSync(join(root, "etc/release"))), "utf8");
  };

  const start = (argv: readonly string[], options?: SkepOptions) =>
    startPlain(argv, { env: { NO_COLOR: "1" }, ...options });
  const skep = (...argv: readonly string[]) => start(argv).ended;
  const terminal = (answer = "", columns = 100): SkepOptions => ({
    stdin: Object.assign(Readable.from([answer]), { isTTY: true }),
    size: { columns, rows: 24 },
  });
  const lines = (text: string): readonly Record<string, unknown>[] =>
    text
      .trim()
      .split("\n")
      .map((line) => JSON.parse(line) as Record<string, unknown>);
  async function deploy(release: string, ...more: readonly string[]): Promise<void> {
    hive(release);
    expect(await skep("deploy", "--quiet", ...more)).toMatchObject({ exitCode: 0 });
  }
  const interrupt = (): void => void process.emit("SIGINT");

  it("status says what hosts run, who brought it, and what the hive wants instead", async () => {
    await deploy("v1");
    const well = await skep("status", "--exit-code");
    expect(well).toMatchObject({ exitCode: 0, stderr: "skep: 3 hosts: 3 ok\n" });
    const time = String.raw`\d{4}-\d\d-\d\d \d\d:\d\d:\d\d`;
    expect(well.stdout).toMatch(
      new RegExp(
        `^HOST   STATE  RUNS +GENERATION  DEPLOYED +BY +REVISION\nweb-1  ok +\\w{7} skep-system-web-1  1 +${time}  \\S+@\\S+\nweb-2  ok`,
      ),
    );
    hive("v2", { "away-1": {} });
    const drifted = await skep("status", "--exit-code", "--on", "web-1");
    expect(drifted).toMatchObject({ exitCode: 5, stderr: "skep: 1 host: 1 drift\n" });
    expect(drifted.stdout).toMatch(
      /it runs and boots \w{7} skep-system-web-1, and the hive wants \w{7} skep-system-web-1/,
    );
    expect(await skep("status", "--on", "web-1")).toMatchObject({ exitCode: 0 });
    const narrow = await start(["status", "--on", "web-1"], terminal("", 40)).ended;
    expect(narrow.stdout).toMatch(
      /^HOST {3}STATE {2}RUNS\nweb-1 {2}drift {2}\w{7} skep-system-web-1\n {7}it runs and boots/,
    );
    expect(Math.max(...narrow.stdout.split("\n").map(({ length }) => length))).toBeLessThanOrEqual(40);
    expect(await skep("status", "--on", "web-1", "--no-eval", "--exit-code")).toMatchObject({
      ...{ exitCode: 0, stderr: "skep: 1 host: 1 ok; what the hive wants was not asked (--no-eval)\n" },
    });
    const unreachable = await skep("status", "--on", "away-1, web-1");
    expect(unreachable.exitCode).toBe(5);
    expect(unreachable.stdout).toMatch(/^away-1 {2}unreachable\n {8}\S.*\n/m);
    expect(unreachable.stderr).toMatch(/skep: 2 hosts: 1 drift, 1 unreachable\nskep: error: away-1: .*\[ssh\//);
    const [json] = lines((await skep("status", "--on", "web-1", "--json")).stdout);
    expect(json).toMatchObject({
      ...{ host: "web-1", state: "drift", booted: null, lease: null, failedUnits: [], rebootNeeded: null },
      drift: [{ kind: "default" }],
      deployment: { goal: "switch", rollback: false, revision: null },
      secrets: { state: "none" },
      profile: { generation: 1 },
    });
    expect(json).toMatchObject({ running: (json?.profile as { system: string }).system });
  });

  it("status says when a host's system cannot be evaluated, and of which", async () => {
    await deploy("v1");
    write(
      "hive.ts",
      read("hive.ts").replace(
        "system: release,",
        `system: name === "db-1" ? system({ packages: { gone: directory("./gone") } }) : release,`,
      ),
    );
    const { exitCode, stdout, stderr } = await skep("status");
    expect(exitCode).toBe(3);
    expect(stdout).toMatch(/^db-1 +unknown.*\n +what the hive wants is not known: .*gone/m);
    expect(stdout).toMatch(/^web-1 +ok/m);
    expect(stderr).toMatch(/skep: error: db-1: .*\[(native|store)\//);
  });

  it("status --watch draws on a terminal, writes what is new elsewhere, and ends as it last was", async () => {
    await deploy("v1");
    const shown = start(["status", "--watch", "--every", "100ms", "--exit-code"], terminal());
    const plain = start(["status", "--watch", "--every", "100ms", "--json", "--exit-code", "--on", "web-1"]);
    await expect
      .poll(() => lines(plain.stdout() || "{}").map(({ state }) => state), { timeout: 30_000 })
      .toEqual(["ok"]);
    await expect.poll(shown.stdout, { timeout: 30_000 }).toMatch(/3 hosts: 3 ok; Ctrl-C ends this/);
    await deploy("v2", "--on", "web-1");
    await expect
      .poll(() => lines(plain.stdout()).at(-1), { timeout: 30_000 })
      .toMatchObject({ state: "drift", lease: null });
    await expect.poll(shown.stdout, { timeout: 30_000 }).toMatch(/\u001b\[H.*2 ok, 1 drift/);
    interrupt();
    expect(await Promise.all([shown.ended, plain.ended])).toMatchObject([{ exitCode: 5 }, { exitCode: 5 }]);
  });

  it("rollback goes to the deployment before, then one further; forward by number; history tells it", async () => {
    for (const release of ["a", "b", "c"]) await deploy(release);
    expect(await skep("rollback", "--on", "web-1", "--dry-run")).toMatchObject({
      exitCode: 0,
      stdout: expect.stringMatching(
        /^web-1 {2}\w{7} skep-system-web-1 to \w{7} skep-system-web-1 \(generation \d+, deployed .* by .*\)\n$/,
      ) as string,
    });
    expect(releaseOf("web-1")).toBe("c");
    const first = await skep("rollback", "--on", "web-1");
    expect(first.exitCode).toBe(0);
    expect(first.stderr).toMatch(
      /skep: notice: web-1 goes back from .*\n.*rollback of 1 host of fleet[^]*\nrollback: 1 deployed in /,
    );
    expect([releaseOf("web-1"), releaseOf("web-2")]).toEqual(["b", "c"]);
    await skep("rollback", "--on", "web-1");
    expect(releaseOf("web-1")).toBe("a");
    const [told] = lines((await skep("history", "--on", "web-1", "--json")).stdout) as [
      { entries: { generation: number; rollback: boolean; run: string }[] },
    ];
    expect(told.entries.slice(0, 3)).toMatchObject([
      { rollback: true, marks: ["running", "default"] },
      { rollback: true, marks: [] },
      { rollback: false },
    ]);
    const c = told.entries[2];
    await skep("rollback", "--on", "web-1", "--to", String(c?.generation));
    expect(releaseOf("web-1")).toBe("c");
    const unchanged = await skep("rollback", "--on", "web-1", "--run", c?.run ?? "", "--json");
    expect(unchanged.exitCode).toBe(0);
    expect(lines(unchanged.stdout).at(-1)).toMatchObject({
      report: { rollback: true, hosts: [{ outcome: "unchanged" }] },
    });
    const fleet = await skep("history");
    expect(fleet.stdout).toMatch(/^RUN .*\n\S+ .* rollback .* 1 unchanged\n\S+ .* rollback .* 1 deployed\n/);
    // Another operator has no journals of these runs: the hosts tell.
    rmSync(at(".skep"), { recursive: true });
    expect((await skep("history")).stdout).toMatch(/ rollback .* web-1\n[^]* switch .* web-1, web-2, db-1\n/);
  });

  it("rollback to what is not well stays, with the exit code of a deployment that does", async () => {
    for (const release of ["well", "broken-later"]) {
      hive(release);
      write("hive.ts", read("hive.ts").replace("checks: [well]", "checks: []"));
      expect(await skep("deploy", "--quiet", "--on", "db-1")).toMatchObject({ exitCode: 0 });
    }
    await skep("rollback", "--on", "db-1");
    expect(releaseOf("db-1")).toBe("well");
    hive("any");
    const { exitCode } = await skep("rollback", "--on", "db-1", "--json", "--run", await runOf("db-1", 1));
    expect({ exitCode, release: releaseOf("db-1") }).toEqual({ exitCode: 6, release: "well" });
  });
  async function runOf(host: string, index: number): Promise<string> {
    const [told] = lines((await skep("history", "--on", host, "--json")).stdout) as [{ entries: { run: string }[] }];
    return told.entries[index]?.run ?? "";
  }

  it("rollback brings back the secrets of the system it goes back to", async () => {
    writeRules({ hosts: { "db-1": machine("db-1").target.hostKey }, rules: { token: {} } });
    const secret = join(machine("db-1").root, "run/skep/secrets/token");
    const seen: string[] = [];
    for (const release of ["s1", "s2", "s3", "s4"]) {
      hive(release, { "db-1": { secrets: { token: {} } } });
      expect(await skep("secrets", "generate", "token", "--replace")).toMatchObject({ exitCode: 0 });
      expect(await skep("deploy", "--quiet", "--on", "db-1")).toMatchObject({ exitCode: 0 });
      seen.push(readFileSync(secret, "utf8"));
    }
    expect(new Set(seen).size).toBe(4);
    // Of the one before, memory still has them; of those before that, only the disk, encrypted.
    for (const [release, index] of [
      ["s3", 2],
      ["s2", 1],
      ["s1", 0],
    ] as const) {
      expect(await skep("rollback", "--on", "db-1", "--quiet")).toMatchObject({ exitCode: 0 });
      expect([releaseOf("db-1"), readFileSync(secret, "utf8")]).toEqual([release, seen[index]]);
    }
    expect((await skep("status", "--on", "db-1")).stdout).toMatch(
      /it has other secrets than the hive wants: skep deploy secrets --on db-1/,
    );
    const kept = join(machine("db-1").root, "var/lib/skep/secrets/sets");
    rmSync(kept, { recursive: true });
    const refused = await skep("rollback", "--on", "db-1", "--run", await runOf("db-1", 3));
    expect(refused.exitCode).toBe(4);
    expect(refused.stderr).toMatch(
      /db-1: the host does not have the secrets of that system any more.*\[activation\/secrets\]/,
    );
    expect(releaseOf("db-1")).toBe("s1");
  });

  it("rollback brings what only the operator opens from the host's memory, and is refused where that is gone", async () => {
    writeRules({ hosts: {}, rules: { key: [] } });
    const secret = join(machine("web-2").root, "run/skep/secrets/key");
    const seen: string[] = [];
    for (const release of ["o1", "o2", "o3"]) {
      hive(release, { "web-2": { secrets: { key: { open: "operator" } } } });
      expect(await skep("secrets", "generate", "key", "--replace")).toMatchObject({ exitCode: 0 });
      expect(await skep("deploy", "--quiet", "--on", "web-2")).toMatchObject({ exitCode: 0 });
      seen.push(readFileSync(secret, "utf8"));
    }
    expect(await skep("rollback", "--on", "web-2", "--quiet")).toMatchObject({ exitCode: 0 });
    expect([releaseOf("web-2"), readFileSync(secret, "utf8")]).toEqual(["o2", seen[1]]);
    const refused = await skep("rollback", "--on", "web-2", "--quiet");
    expect(refused.exitCode).toBe(4);
    expect(refused.stderr).toMatch(
      /1 of the 1 secrets of that system can only be opened by the operator, and are gone: key: it was in memory only.*\[activation\/secrets-open\]/,
    );
    for (const value of seen) expect(refused.stderr + refused.stdout).not.toContain(value);
    expect([releaseOf("web-2"), readFileSync(secret, "utf8")]).toEqual(["o2", seen[1]]);
  });

  it("rollback refuses what is not there, runs nothing, and needs to be told where", async () => {
    await deploy("x");
    const before = readdirSync(at(".skep/runs"));
    const refused = await skep("rollback", "--on", "web-2", "--to", "99");
    expect(refused).toMatchObject({ exitCode: 5, stdout: "" });
    expect(refused.stderr).toMatch(
      /^skep: error: web-2: it has no generation 99 \[rollout\/no-such-deployment\]\nskep: hint: it has the generations 1/,
    );
    expect(readdirSync(at(".skep/runs"))).toEqual(before);
    for (const argv of [
      ["rollback"],
      ["rollback", "--on", "*", "--to", "1", "--run", "r"],
      ["rollback", "--on", "*", "--to", "0"],
    ]) {
      expect(await skep(...argv)).toMatchObject({
        exitCode: 2,
        stderr: expect.stringContaining("[cli/usage]") as string,
      });
    }
  });

  it("exec keeps argv as argv, and puts each host before its lines", async () => {
    const { exitCode, stdout, stderr } = await skep("exec", "--on", "*", "--", "printf", "%s|%s\n", "it's", "$HOME *");
    expect({ exitCode, stderr }).toEqual({ exitCode: 0, stderr: "skep: 3 hosts: 3 ok\n" });
    expect(stdout.trim().split("\n").sort()).toEqual([
      "db-1  | it's|$HOME *",
      "web-1 | it's|$HOME *",
      "web-2 | it's|$HOME *",
    ]);
  });

  it("exec tells an exit code, a timeout and a host that was not reached apart", async () => {
    hive("x", { "away-1": {} });
    const script = "case $SKEP_ROOT in */web-1) echo no >&2; exit 3 ;; */web-2) sleep 60 ;; esac";
    const { exitCode, stderr } = await skep("exec", "--on", "*", "--timeout", "2s", "--", "sh", "-c", script);
    expect(exitCode).toBe(5);
    expect(stderr).toContain("web-1  | no\n");
    expect(stderr).toContain("skep: error: web-1: the command ended with exit code 3\n");
    expect(stderr).toContain("skep: error: web-2: the command did not end within 2.0 s, and was ended\n");
    expect(stderr).toMatch(/skep: error: away-1: .*\[ssh\//);
    expect(stderr).toMatch(/skep: 4 hosts: 1 exit code 3, 1 timed out, 1 ok, 1 not reached\n$/);
  });

  it("exec --json gives one object a host, with the first MiB of what it printed", async () => {
    const much = await skep("exec", "--on", "web-1", "--json", "--", "sh", "-c", "yes | head -c 3000000; exit 4");
    expect(much.exitCode).toBe(5);
    const [object] = lines(much.stdout) as [{ stdout: string }];
    expect({ ...object, stdout: object.stdout.length, durationMs: 0 }).toEqual({
      ...{ host: "web-1", ended: "exited", exitCode: 4, signal: null, durationMs: 0 },
      ...{ stdout: 1_048_576, stderr: "", lostBytes: { stdout: 3_000_000 - 1_048_576, stderr: 0 } },
    });
  });

  it("exec ends the commands with Ctrl-C, and what they started", async () => {
    const note = at("pids");
    const script = `echo $$ >>${note}; sleep 600 & echo $! >>${note}; wait`;
    const running = start(["exec", "--on", "web-1, web-2", "--", "sh", "-c", script]);
    const pids = (): readonly number[] => {
      try {
        return readFileSync(note, "utf8").trim().split("\n").map(Number);
      } catch {
        return [];
      }
    };
    await expect.poll(() => pids().length, { timeout: 30_000 }).toBe(4);
    interrupt();
    expect(await running.ended).toMatchObject({ exitCode: 130 });
    expect(running.stderr()).toContain("skep: error: web-1: the command was ended\n");
    await expect.poll(() => pids().filter(isAlive), { timeout: 30_000 }).toEqual([]);
  });

  it("exec --timeout ends what a command left running, which holds its output", async () => {
    const note = at("pid");
    const script = `sleep 600 & echo $! >${note}`;
    const { exitCode, stderr } = await skep("exec", "--on", "web-1", "--timeout", "1s", "--", "sh", "-c", script);
    expect(exitCode).toBe(5);
    expect(stderr).toContain("skep: error: web-1: the command did not end within 1.0 s, and was ended\n");
    await expect.poll(() => isAlive(Number(readFileSync(note, "utf8"))), { timeout: 30_000 }).toBe(false);
    await skep("exec", "--on", "web-1", "--", "sh", "-c", `sleep 600 >/dev/null 2>&1 & echo $! >${note}`);
    const kept = Number(readFileSync(note, "utf8"));
    expect(isAlive(kept)).toBe(true);
    process.kill(kept);
  });

  it.each([
    { argv: ["exec", "--on", "*"], says: "no command was given" },
    { argv: ["exec", "--", "uptime"], says: "skep exec needs --on" },
    { argv: ["exec", "--on", "*", "--timeout", "soon", "--", "uptime"], says: "--timeout takes a duration" },
    { argv: ["hosts", "--", "uptime"], says: "unknown argument: uptime" },
    { argv: ["lease", "break"], says: "skep lease break needs --on" },
  ])("refuses $argv", async ({ argv, says }) => {
    expect(await skep(...argv)).toMatchObject({ exitCode: 2, stderr: expect.stringContaining(says) as string });
  });

  it("lease ls and break: who holds a host, and setting it free once somebody agreed", async () => {
    const host = machine("web-1");
    const leased = async (run: string): Promise<void> => {
      await using connection = await logIn(host);
      const request = { run, owner: "ann@laptop", reason: "skep deploy switch", ttlMs: 60_000 };
      await acquireLease({ runner: connection, root: host.target.root }, request);
    };
    await deploy("v1", "--on", "web-2");
    hive("v2");
    expect(await skep("status", "--exit-code", "--on", "web-1, web-2")).toMatchObject({
      ...{ exitCode: 5, stderr: "skep: 2 hosts: 2 drift\n" },
    });
    await leased("run-a");
    expect(await skep("status", "--exit-code", "--on", "web-1")).toMatchObject({
      ...{ exitCode: 0, stderr: "skep: 1 host: 1 deploying\n" },
    });
    const { stdout } = await skep("lease", "ls");
    expect(stdout).toMatch(
      /^web-1 {2}held by ann@laptop \(run run-a, skep deploy switch\) since .*, for .* more\nweb-2 {2}free\n/,
    );
    expect((await skep("status", "--on", "web-1", "--no-eval")).stdout).toContain("held by ann@laptop (run run-a");
    expect(lines((await skep("lease", "ls", "--on", "web-1", "--json")).stdout)).toMatchObject([
      { host: "web-1", lease: { run: "run-a" } },
    ]);
    expect(await skep("lease", "break", "--on", "web-1")).toMatchObject({
      exitCode: 2,
      stderr: expect.stringContaining("--yes") as string,
    });
    const declined = start(["lease", "break", "--on", "web-1"], terminal("n\n"));
    expect(await declined.ended).toMatchObject({ exitCode: 5, stdout: "" });
    expect((await skep("lease", "ls", "--on", "web-1")).stdout).toContain("held by");
    const agreed = start(["lease", "break", "--on", "web-1, web-2"], terminal("y\n"));
    expect(await agreed.ended).toMatchObject({ exitCode: 0 });
    expect(agreed.stdout()).toBe(`\
web-2  nobody holds it
web-1  taken from ann@laptop (run run-a, skep deploy switch): it had nothing under way there
`);
    expect((await skep("lease", "ls", "--on", "web-1")).stdout).toBe("web-1  free\n");
    await leased("run-b");
    expect(await skep("lease", "break", "--on", "web-1", "--yes")).toMatchObject({ exitCode: 0 });
  });
});

function isAlive(pid: number): boolean {
  try {
    process.kill(pid, 0);
    return true;
  } catch {
    return false;
  }
}
