import { createServer } from "node:http";
import type { Server } from "node:http";
import type { AddressInfo } from "node:net";
import { afterAll, beforeAll, beforeEach, describe, expect, it } from "vitest";
import type { SkepOptions } from "./run-skep.ts";
import { useScene } from "./scene.ts";

describe("skep check", { timeout: 60_000 }, () => {
  const {
    machine,
    sshConfigFile,
    write,
    start: startSkep,
  } = useScene(["web-1", "db-1", "cache-1"], { keepHosts: true });
  let server: Server;
  let status = 200;

  beforeAll(async () => {
    server = createServer((_request, response) => response.writeHead(status).end());
    await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  });
  afterAll(() => {
    server.close();
  });
  beforeEach(() => {
    status = 200;
    const { port } = server.address() as AddressInfo;
    const target = (name: string): string => JSON.stringify(machine(name).target);
    write(
      "hive.ts",
      `import { check, command, defineHive, http, system } from "skep";
       const release = system({ etc: { release: { text: "1" } } });
       export default defineHive({
         hosts: {
           "web-1": {
             target: ${target("web-1")},
             system: release,
             checks: [http({ port: ${port}, name: "front page", period: "50ms", deadline: "2s" })],
           },
           "db-1": {
             target: ${target("db-1")},
             system: release,
             checks: [
               command(["true"]),
               check("says its name", async ({ host, run }) => {
                 const { stdout } = await run(["sh", "-c", "echo $1", "sh", host]);
                 return stdout === "db-1\\n" || stdout;
               }),
             ],
           },
           "cache-1": { target: ${target("cache-1")}, system: release },
           "edge-1": {
             target: { host: "127.0.0.1", port: 1, hostKey: ${target("web-1")}.hostKey },
             system: release,
             checks: [command(["true"])],
           },
         },
       });`,
    );
  });

  const start = (argv: readonly string[], size?: SkepOptions["size"]) =>
    startSkep(["check", "--ssh-config", sshConfigFile(), ...argv], { size });
  const skepCheck = (...argv: string[]) => start(argv).ended;
  const stopWatching = (): void => void process.emit("SIGINT");

  it("says how each host is, and which has no checks", async () => {
    const { exitCode, stdout, stderr } = await skepCheck("--on", "web-1, db-1, cache-1", "--parallel", "1");
    expect({ exitCode, stderr }).toEqual({ exitCode: 0, stderr: "" });
    expect(stdout).toBe(`\
web-1    ok       front page     status 200
db-1     ok       command true   exit code 0
db-1     ok       says its name  it says yes
cache-1  none     it has no checks
`);
  });

  it("ends with exit code 5 at once when a check fails", async () => {
    status = 503;
    expect(await skepCheck("--on", "web-1")).toEqual({
      exitCode: 5,
      stdout: "web-1  failed   front page  status 503\n",
      stderr: "",
    });
  });

  it("with --wait tries until the check passes", async () => {
    status = 503;
    const running = start(["--on", "web-1", "--wait", "--json"]);
    server.once("request", () => (status = 200));
    expect(await running.ended).toMatchObject({ exitCode: 0 });
    const { checks } = JSON.parse(running.stdout()) as { readonly checks: readonly { readonly attempts: number }[] };
    expect(checks[0]!.attempts).toBeGreaterThan(1);
  });

  it("ends with exit code 5 when a host cannot be reached, and still checks the others", async () => {
    const { exitCode, stdout, stderr } = await skepCheck("--on", "web-1, edge-1");
    expect(exitCode).toBe(5);
    expect(stdout).toMatch(/^edge-1 {2}unknown .*127\.0\.0\.1/m);
    expect(stdout).toMatch(/^web-1 {3}ok /m);
    expect(stderr).toMatch(/^skep: error: edge-1: .*\[ssh\//);
  });

  it("prints one JSON object a host", async () => {
    const { stdout } = await skepCheck("--on", "web-1, cache-1, edge-1", "--json");
    const objects = stdout
      .trim()
      .split("\n")
      .map((line) => JSON.parse(line) as { readonly host: string });
    expect(objects.sort((a, b) => a.host.localeCompare(b.host))).toMatchObject([
      { host: "cache-1", well: true, checks: [] },
      { host: "edge-1", well: false, error: { code: expect.stringMatching(/^ssh\//) as unknown } },
      {
        host: "web-1",
        well: true,
        checks: [{ name: "front page", kind: "http", passed: true, attempts: 1, seen: "status 200", details: [] }],
      },
    ]);
  });

  it("--watch writes a line for each change, and ends as the hosts last were", async () => {
    const watch = start(["--on", "web-1, cache-1", "--watch", "--every", "100ms"]);
    const words = (): readonly string[] =>
      watch
        .stdout()
        .trim()
        .split("\n")
        .map((line) => line.split(/ {2,}/).slice(1, 3).join(" "));
    await expect.poll(words).toEqual(["web-1 ok", "cache-1 none"]);
    status = 500;
    await expect.poll(words).toEqual(["web-1 ok", "cache-1 none", "web-1 failed"]);
    status = 200;
    await expect.poll(words).toEqual(["web-1 ok", "cache-1 none", "web-1 failed", "web-1 ok"]);
    stopWatching();
    expect(await watch.ended).toMatchObject({ exitCode: 0 });
  });

  it("--watch --json writes changes, among them a host that goes away and comes back over a new login", async () => {
    const watch = start(["--on", "db-1", "--watch", "--every", "100ms", "--json"]);
    const changes = () =>
      watch
        .stdout()
        .trim()
        .split("\n")
        .filter((line) => line !== "")
        .map((line) => JSON.parse(line) as { readonly passed?: boolean; readonly error?: unknown });
    await expect.poll(() => changes().length).toBe(2);
    {
      using _refused = machine("db-1").faults.refuseLogins();
      machine("db-1").faults.cutConnections();
      await expect.poll(() => changes().at(-1), { timeout: 20_000 }).toHaveProperty("error");
    }
    await expect
      .poll(() => changes().at(-1), { timeout: 20_000 })
      .toMatchObject({ check: "says its name", passed: true });
    stopWatching();
    expect(await watch.ended).toMatchObject({ exitCode: 0 });
  });

  it("--watch that is ended while a check fails ends with exit code 5", async () => {
    status = 500;
    const watch = start(["--on", "web-1", "--watch", "--every", "100ms"]);
    await expect.poll(watch.stdout).toContain("failed");
    stopWatching();
    expect(await watch.ended).toMatchObject({ exitCode: 5 });
  });

  it("--watch on a terminal draws the table anew, no line wider than it", async () => {
    const watch = start(["--on", "web-1", "--watch", "--every", "100ms"], { columns: 40, rows: 24 });
    await expect.poll(() => watch.stdout().split("\u001b[H").length).toBeGreaterThan(3);
    stopWatching();
    expect(await watch.ended).toMatchObject({ exitCode: 0 });
    const frame = watch.stdout().split("\u001b[H").at(-1)!;
    const lines = frame
      .replaceAll(/\u001b\[\d*[mKJ]/g, "")
      .trimEnd()
      .split("\n");
    expect(lines[0]).toMatch(/^\d\d:\d\d:\d\d {2}1 of 1 hosts are well; Ctrl-/);
    expect(lines[2]).toBe("web-1  ok       front page  status 200");
    expect(lines.every((line) => line.length <= 40)).toBe(true);
  });

  it.each([
    [["--every", "soon"], "--every takes a duration from 100ms up, such as 5s"],
    [["--parallel", "0"], "--parallel takes a whole number from 1 up"],
    [["--wait", "--watch"], "--wait and --watch do not go together: a watch tries again anyway"],
  ])("refuses %j", async (argv, message) => {
    const { exitCode, stderr } = await skepCheck(...argv);
    expect({ exitCode, stderr }).toEqual({
      exitCode: 2,
      stderr: `skep: error: ${message} [cli/usage]\nskep: hint: see skep check --help\n`,
    });
  });
});
