import { readdir, rm, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { afterAll, beforeAll, beforeEach, describe, expect, it } from "vitest";
import type { CommandRunner } from "#core";
import type { Baseline, CheckedHost, CheckResult, RunChecksOptions } from "#health";
import { assertHealthy, detailsOf, HealthError, noticesOf, passedBefore, runChecks, takeBaseline } from "#health";
import type { CheckInput } from "#hive";
import { baseline, command, tcp, unit } from "#hive";
import type { Sandbox, SandboxHost } from "#sandbox";
import { startSandbox } from "#sandbox";
import type { Connection } from "#ssh";
import { logIn } from "../sandbox/log-in.ts";
import { made, steppingClock } from "./scene.ts";

const LASTING = "/bin/sh -c 'echo at work; exec sleep 1000'";
const ONCE = { period: "100ms", deadline: "100ms" } as const;
const FAILING = "/bin/sh -c 'for n in 1 2 3 4 5 6; do echo \"line $n\"; done; echo no such database; exit 7'";

describe("checks of a sandbox host", { timeout: 60_000 }, () => {
  let sandbox: Sandbox;
  let place: SandboxHost;
  let connection: Connection;
  let host: CheckedHost;

  beforeAll(async () => {
    sandbox = await startSandbox({ hosts: ["web-1"] });
    place = sandbox.host("web-1");
    connection = await logIn(place);
    host = {
      name: "web-1",
      address: "127.0.0.1",
      runner: connection.elevated,
      forward: (to, options) => connection.forward(to, options),
    };
  });
  afterAll(async () => {
    await connection[Symbol.asyncDispose]();
    await sandbox[Symbol.asyncDispose]();
  });
  beforeEach(async () => {
    await systemctl("stop", "web.service", "db.service");
    await emptyOf(join(place.root, "etc/systemd/system"));
    await emptyOf(join(place.root, "var/log"));
    await systemctl("daemon-reload");
    await systemctl("reset-failed");
  });

  async function systemctl(...args: readonly string[]): Promise<void> {
    await connection.run(["systemctl", ...args]);
  }
  async function put(name: string, start: string): Promise<void> {
    const text = `[Unit]\nStartLimitIntervalSec=0\n[Service]\nExecStart=${start}\n`;
    await writeFile(join(place.root, "etc/systemd/system", name), text);
    await systemctl("daemon-reload");
  }
  async function fail(name: string): Promise<void> {
    await put(name, FAILING);
    await systemctl("start", name);
    await expect.poll(async () => (await connection.run(["systemctl", "is-active", name])).stdout).toBe("failed\n");
  }
  async function run(inputs: readonly CheckInput[], options: RunChecksOptions = {}): Promise<readonly CheckResult[]> {
    return runChecks(inputs.map(made), { host, clock: steppingClock(), retry: false, ...options });
  }
  const before = (...inputs: readonly CheckInput[]): Promise<Baseline> => takeBaseline(inputs.map(made), { host });

  describe("baseline()", () => {
    it("does not count what had failed before, and counts what fails since", async () => {
      await fail("db.service");
      const then = await before(baseline());
      expect(then).toEqual({
        failedUnits: ["db.service"],
        answers: [{ check: "baseline", passed: true, seen: "db.service" }],
      });
      expect(await run([baseline()], { baseline: then })).toMatchObject([
        { passed: true, lastSeen: ["no newly failed unit"] },
      ]);
      await fail("web.service");
      expect(await run([baseline()], { baseline: then })).toMatchObject([
        { passed: false, excused: false, lastSeen: ["failed: web.service"] },
      ]);
    });

    it("without a baseline counts every failed unit", async () => {
      expect(await run([baseline()])).toMatchObject([{ passed: true, lastSeen: ["no failed unit"] }]);
      await fail("db.service");
      expect(await run([baseline()])).toMatchObject([{ passed: false, lastSeen: ["failed: db.service"] }]);
    });

    it("passes over units that it is to ignore, by name and by glob", async () => {
      await fail("db.service");
      await fail("web.service");
      expect(await run([baseline({ ignore: ["db", "we?.service"] })])).toMatchObject([
        { passed: true, lastSeen: ["no failed unit but ignored ones"] },
      ]);
      expect(await run([baseline({ ignore: ["d*"] })])).toMatchObject([
        { passed: false, lastSeen: ["failed: web.service"] },
      ]);
    });

    it("does not count a failed unit whose file is gone, as after going back to a system without it", async () => {
      await fail("web.service");
      await rm(join(place.root, "etc/systemd/system/web.service"));
      await systemctl("daemon-reload");
      expect((await connection.run(["systemctl", "is-active", "web.service"])).stdout).toBe("failed\n");
      expect(await run([baseline()])).toMatchObject([{ passed: true }]);
    });

    it("fails where the failed units cannot be listed, and did not pass before there", async () => {
      const runner: CommandRunner = {
        ...connection.elevated,
        run: (_argv, options) => connection.run(["sh", "-c", "echo no bus >&2; exit 1"], options),
      };
      const then = await takeBaseline([made(baseline())], { host: { ...host, runner } });
      const answer = { passed: false, seen: "cannot list the failed units: no bus" };
      expect(then).toEqual({ failedUnits: undefined, answers: [{ check: "baseline", ...answer }] });
      expect(JSON.parse(JSON.stringify(then))).toEqual({ answers: then.answers });
    });
  });

  describe("takeBaseline() and runChecks()", () => {
    const ill = command(["false"], { name: "ill" });
    const well = command(["true"], { name: "well" });

    it("excuse what did not pass before, and say so", async () => {
      const then = await before(ill, well);
      expect(passedBefore([made(ill), made(well)], then)).toEqual([made(well)]);
      const results = await run([ill, well], { baseline: then });
      expect(results).toMatchObject([
        { passed: false, excused: true },
        { passed: true, excused: false },
      ]);
      expect(() => {
        assertHealthy(results);
      }).not.toThrow();
      expect(noticesOf(results)).toEqual(["ill does not pass, and did not before the deployment: exit code 1"]);
    });

    it("name in the hint what shows more of those that failed, and where to type it", async () => {
      const failing = [unit("web.service", ONCE), command(["test", "-e", "/a b"], ONCE), tcp({ port: 1, ...ONCE })];
      const http = { kind: "http", port: 1, path: "/healthz", ...ONCE } as const;
      const hintOf = async (...checks: readonly CheckInput[]): Promise<string | undefined> => {
        try {
          assertHealthy(await run(checks));
        } catch (error) {
          return error instanceof HealthError ? error.hint : undefined;
        }
        return undefined;
      };
      expect(await hintOf(...failing)).toBe(
        "on web-1: journalctl -u web.service -n 50; on web-1: test -e '/a b'; on web-1: ss -ltnp | grep :1; " +
          "give the check a longer deadline if it only needs more time",
      );
      expect(await hintOf(http)).toMatch(/^from here: curl -i http:\/\/127\.0\.0\.1:1\/healthz; give/);
      expect(await hintOf({ ...http, from: "host" })).toMatch(/^on web-1: curl -i /);
      expect(await hintOf(command(["false"], { on: "operator", ...ONCE }))).toMatch(/^from here: false; /);
    });

    it("excuse nothing that passed before, nothing that is required, and nothing that the baseline does not know", async () => {
      const required = command(["false"], { name: "required", required: true });
      const then = await before(command(["true"], { name: "ill" }), required);
      const results = await run([ill, required, command(["false"], { name: "new" })], { baseline: then });
      expect(results.map(({ excused }) => excused)).toEqual([false, false, false]);
      expect(() => {
        assertHealthy(results);
      }).toThrow(/not healthy: ill .*; required .*; new /);
    });

    it("are content when what was ill passes now", async () => {
      const then = await before(command(["false"], { name: "well" }));
      const results = await run([well], { baseline: then });
      expect(results).toMatchObject([{ passed: true }]);
      expect(noticesOf(results)).toEqual([]);
    });

    it("ask nothing of a host without checks", async () => {
      const runner: CommandRunner = { ...connection.elevated, run: () => Promise.reject(new Error("asked")) };
      expect(await takeBaseline([], { host: { ...host, runner } })).toEqual({ failedUnits: [], answers: [] });
      expect(await runChecks([], { host: { ...host, runner }, soakMs: 60_000 })).toEqual([]);
    });
  });

  describe("unit()", () => {
    it("passes when the unit is active, and else says what it is", async () => {
      await put("web.service", LASTING);
      expect(await run([unit("web")])).toMatchObject([{ passed: false, lastSeen: ["inactive"] }]);
      await systemctl("start", "web.service");
      expect(await run([unit("web")])).toMatchObject([{ passed: true, lastSeen: ["active"] }]);
      expect(await run([unit("no-such")])).toMatchObject([{ passed: false, lastSeen: ["there is no such unit"] }]);
    });

    /** The host, on which the unit is restarted before each look at it for which `isTime` says so. */
    function restarting(isTime: () => boolean): CheckedHost {
      const runner: CommandRunner = {
        ...connection.elevated,
        run: async (argv, options) => {
          if (argv[1] === "show" && isTime()) await systemctl("restart", "web.service");
          return connection.elevated.run(argv, options);
        },
      };
      return { ...host, runner };
    }

    it("tells of a restart during the soak, though the unit was active whenever it was asked", async () => {
      await put("web.service", LASTING);
      await systemctl("start", "web.service");
      let looks = 0;
      const place = restarting(() => (looks += 1) === 3);
      const results = await runChecks([made(unit("web"))], { host: place, clock: steppingClock(), soakMs: 5_000 });
      expect(results[0]).toMatchObject({ passed: true, restarts: 1, lastSeen: ["active", "active, restarted once"] });
      expect(noticesOf(results)).toEqual(["unit web.service passes, but was restarted once during the soak"]);
    });

    it("fails when its unit is restarted again and again during the soak, but not before it", async () => {
      await put("web.service", LASTING);
      await systemctl("start", "web.service");
      const options = { host: restarting(() => true), clock: steppingClock(), soakMs: 60_000 };
      const results = await runChecks([made(unit("web", { passes: 4, failures: 3 }))], options);
      expect(results[0]).toMatchObject({ passed: false, failedInSoak: true, attempts: 7, restarts: 3 });
      expect(() => {
        assertHealthy(results);
      }).toThrow(/^not healthy: unit web.service \(passed, then restarted 3 times during the soak: /);
    });
  });

  describe("a failed check", () => {
    it("of a unit tells the unit's last lines", async () => {
      await fail("web.service");
      const results = await run([unit("web")]);
      const lines = [1, 2, 3, 4, 5, 6].map((line) => `web.service: line ${line}`);
      lines.push("web.service: no such database");
      expect(results[0]?.details).toEqual(lines);
      const thrown = thrownBy(results);
      expect(thrown).toBeInstanceOf(HealthError);
      expect((thrown as HealthError).details).toEqual(lines);
    });

    it("of a unit tells why its program died, not where it was then, once however often that was", async () => {
      const program = join(place.root, "server.mjs");
      await writeFile(program, 'import "./missing.mjs";\n');
      for (let times = 0; times < 3; times += 1) {
        await put("web.service", `${process.execPath} ${program}`);
        await systemctl("start", "web.service");
        const state = async () => (await connection.run(["systemctl", "is-active", "web.service"])).stdout;
        await expect.poll(state).toBe("failed\n");
      }
      const [result] = await run([unit("web")]);
      const said = result?.details.filter((line) => line.includes("Cannot find module"));
      expect(said).toHaveLength(1);
      expect(result?.details.join("\n")).not.toMatch(/: at |: \}$/m);
      expect(result?.details.length).toBeLessThanOrEqual(10);
    });

    it("of anything else tells the last lines of units that failed since, and not of those that had", async () => {
      await fail("db.service");
      const port = tcp({ port: 1, from: "host" });
      const then = await before(baseline(), { ...port, required: true });
      await fail("web.service");
      const results = await run([{ ...port, required: true }, baseline()], { baseline: then });
      expect(results.map(({ details }) => details.at(-1))).toEqual(Array(2).fill("web.service: no such database"));
      expect(detailsOf(results)).toHaveLength(7);
      expect(detailsOf(results).join()).not.toContain("db.service");
    });

    it("of a healthy host has nothing to tell", async () => {
      expect(await run([command(["false"])])).toMatchObject([{ passed: false, details: [] }]);
    });
  });
});

/** Removes the files of a folder below the host's root: a path in a command would be this machine's own. */
async function emptyOf(folder: string): Promise<void> {
  for (const entry of await readdir(folder, { withFileTypes: true })) {
    if (entry.isFile()) await rm(join(folder, entry.name));
  }
}

function thrownBy(results: readonly CheckResult[]): unknown {
  try {
    assertHealthy(results);
    return undefined;
  } catch (error) {
    return error;
  }
}
