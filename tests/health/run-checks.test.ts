import { createServer } from "node:http";
import type { Server } from "node:http";
import { connect } from "node:net";
import type { AddressInfo } from "node:net";
import { afterAll, beforeAll, beforeEach, describe, expect, it } from "vitest";
import type { Clock } from "#core";
import { systemClock } from "#core";
import { assertHealthy, passingNow, runChecks } from "#health";
import type { CheckInput } from "#hive";
import { command, http, tcp, unit } from "#hive";
import { made as check, thisHost as host } from "./scene.ts";

/** What the service answers, attempt by attempt; the last answer stays. */
let answers: { readonly status: number; readonly body: string }[] = [];
let server: Server;
let port = 0;

beforeAll(async () => {
  server = createServer((request, response) => {
    response.setHeader("content-type", "text/plain; charset=utf-8");
    response.setHeader("x-release", "v2");
    response.setHeader("x-method", request.method ?? "");
    const answer = (answers.length > 1 ? answers.shift() : answers[0]) ?? { status: 503, body: "" };
    response.writeHead(answer.status).end(answer.body);
  });
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  ({ port } = server.address() as AddressInfo);
});
afterAll(() => {
  server.close();
});
beforeEach(() => {
  answers = [{ status: 200, body: "all is well" }];
});

/** Time that passes only by sleeping. */
function steppingClock(): Clock & { readonly slept: number[] } {
  let now = 0;
  const slept: number[] = [];
  return {
    slept,
    now: () => now,
    monotonic: () => now,
    // What answers is real, and so is the time it may take.
    after: (...timer) => systemClock.after(...timer),
    sleep(ms) {
      slept.push(ms);
      now += ms;
      return Promise.resolve();
    },
  };
}

async function outcomeOf(input: CheckInput): Promise<{ passed: boolean; seen: string }> {
  const [result] = await runChecks([check(input)], { host, clock: steppingClock() });
  return { passed: result!.passed, seen: result!.lastSeen.join(" | ") };
}

describe("http()", () => {
  it.each(["operator", "host"] as const)("passes on any 2xx, from the %s", async (from) => {
    expect(await outcomeOf(http({ port, from }))).toEqual({ passed: true, seen: "status 200" });
  });

  it("from the host goes through the host, whatever listens at that port here", async () => {
    const decoy = createServer((_request, response) => response.writeHead(204).end());
    await new Promise<void>((resolve) => decoy.listen(0, "127.0.0.1", resolve));
    const decoyPort = (decoy.address() as AddressInfo).port;
    const elsewhere = { ...host, forward: () => Promise.resolve(connect({ host: "127.0.0.1", port })) };
    const checks = [check(http({ port: decoyPort, from: "host" }))];
    const [result] = await runChecks(checks, { host: elsewhere, clock: steppingClock() });
    decoy.close();
    expect(result?.lastSeen).toEqual(["status 200"]);
  });

  it("compares the status that was asked for", async () => {
    answers = [{ status: 301, body: "" }];
    expect(await outcomeOf(http({ port, status: 301 }))).toEqual({ passed: true, seen: "status 301" });
    expect(await outcomeOf(http({ port, deadline: "2s" }))).toEqual({ passed: false, seen: "status 301" });
  });

  it("takes a list of statuses", async () => {
    answers = [{ status: 404, body: "" }];
    expect(await outcomeOf(http({ port, status: [200, 404] }))).toEqual({ passed: true, seen: "status 404" });
    expect(await outcomeOf(http({ port, status: [200, 403], deadline: "2s" }))).toMatchObject({ passed: false });
  });

  it("looks at headers: text they contain, or what they are", async () => {
    const type = "text/plain; charset=utf-8";
    const well = { "Content-Type": "text/plain", "x-release": { equals: "v2" } };
    expect(await outcomeOf(http({ port, headers: well }))).toEqual({ passed: true, seen: "status 200" });
    const ill = { "content-type": { equals: "text/plain" }, "x-release": "v3", "x-other": "any" };
    expect(await outcomeOf(http({ port, headers: ill, deadline: "2s" }))).toEqual({
      passed: false,
      seen: `status 200, header content-type is not "text/plain": "${type}", header x-release lacks "v3": "v2", no header x-other`,
    });
  });

  it("asks with HEAD when told to", async () => {
    expect(await outcomeOf(http({ port, method: "HEAD", headers: { "x-method": "HEAD" } }))).toMatchObject({
      passed: true,
    });
  });

  it("looks for the text in the body", async () => {
    expect(await outcomeOf(http({ port, body: "is well" }))).toMatchObject({ passed: true });
    expect(await outcomeOf(http({ port, body: "is lost", deadline: "2s" }))).toEqual({
      passed: false,
      seen: 'status 200, body without "is lost"',
    });
  });

  it("takes a whole URL", async () => {
    expect(await outcomeOf(http({ url: `http://localhost:${port}/x` }))).toMatchObject({ passed: true });
  });

  it("says when nothing listens", async () => {
    const free = port === 65_535 ? port - 1 : port + 1;
    expect(await outcomeOf(http({ port: free, deadline: "2s" }))).toMatchObject({
      passed: false,
      seen: expect.stringContaining("ECONNREFUSED") as unknown,
    });
  });

  it("ends an attempt that gets no answer at its timeout", async () => {
    const mute = createServer(() => undefined);
    await new Promise<void>((resolve) => mute.listen(0, "127.0.0.1", resolve));
    const input = http({ port: (mute.address() as AddressInfo).port, timeout: "100ms", deadline: "200ms" });
    expect(await outcomeOf(input)).toMatchObject({ passed: false, seen: "no answer in time" });
    mute.closeAllConnections();
    mute.close();
  });
});

describe("tcp(), unit() and command()", () => {
  it.each(["operator", "host"] as const)("tcp() passes when the port accepts, from the %s", async (from) => {
    expect(await outcomeOf(tcp({ port, from }))).toEqual({ passed: true, seen: "accepted" });
  });

  it("unit() needs systemd's word `active`", async () => {
    expect(await outcomeOf(unit("no-such.service", { deadline: "2s" }))).toMatchObject({ passed: false });
  });

  it.each(["operator", "host"] as const)("command() passes on exit code 0, on the %s", async (on) => {
    expect(await outcomeOf(command(["true"], { on }))).toEqual({ passed: true, seen: "exit code 0" });
    const failing = command(["sh", "-c", "echo no database >&2; exit 3"], { on, deadline: "2s" });
    expect(await outcomeOf(failing)).toEqual({ passed: false, seen: "exit code 3: no database" });
  });

  it("command() tells what was said with its tabs, by which a run knows a secret, and without what commands terminals", async () => {
    const unfit = command(["sh", "-c", "printf 'key\\tvalue\\a'; exit 3"], { on: "operator", deadline: "2s" });
    expect(await outcomeOf(unfit)).toEqual({ passed: false, seen: "exit code 3: key\tvalue" });
  });

  it("command() on the operator is told the host's name and address", async () => {
    const input = command(["sh", "-c", 'echo "$SKEP_HOST $SKEP_ADDRESS"'], { on: "operator" });
    expect(await outcomeOf(input)).toMatchObject({ seen: "exit code 0: web-1 127.0.0.1" });
  });

  it("command() says when the program is not there", async () => {
    const input = command(["no-such-program-4711"], { on: "operator", deadline: "2s" });
    expect(await outcomeOf(input)).toMatchObject({ passed: false, seen: expect.stringContaining("ENOENT") as unknown });
  });
});

describe("runChecks()", () => {
  it("wants the passes in a row: one failure starts the count again", async () => {
    answers = [200, 200, 500, 200, 200, 200].map((status) => ({ status, body: "" }));
    const [result] = await runChecks([check(http({ port, passes: 3 }))], { host, clock: steppingClock() });
    expect(result).toMatchObject({ passed: true, attempts: 6 });
  });

  it("tries once a period until the deadline, and no longer", async () => {
    answers = [{ status: 500, body: "" }];
    const clock = steppingClock();
    const input = http({ port, period: "1s", deadline: "5s" });
    const [result] = await runChecks([check(input)], { host, clock });
    expect(result).toMatchObject({ passed: false, attempts: 5, lastSeen: ["status 500"] });
    expect(clock.slept).toEqual([1000, 1000, 1000, 1000]);
  });

  it("remembers what it saw last, without repeats", async () => {
    answers = [503, 503, 502, 404, 500].map((status) => ({ status, body: "" }));
    const [result] = await runChecks([check(http({ port, deadline: "6s" }))], { host, clock: steppingClock() });
    expect(result?.lastSeen).toEqual(["status 502", "status 404", "status 500"]);
  });

  it("ends with the caller's reason when the caller aborts", async () => {
    answers = [{ status: 500, body: "" }];
    const stop = new AbortController();
    const running = runChecks([check(http({ port }))], {
      host,
      signal: stop.signal,
      onAttempt: () => {
        stop.abort(new Error("stopped"));
      },
    });
    await expect(running).rejects.toThrow("stopped");
  });

  it("passingNow() names what passes at once", async () => {
    const well = check(http({ port }));
    const ill = check(http({ port, status: 418, name: "teapot" }));
    expect(await passingNow([ill, well], { host })).toEqual([well]);
  });

  it("assertHealthy() names every check that failed, how often it was tried and what it saw", async () => {
    answers = [{ status: 500, body: "" }];
    const checks = [http({ port, name: "front page", deadline: "2s" }), command(["false"], { deadline: "2s" })];
    const results = await runChecks(checks.map(check), { host, clock: steppingClock() });
    expect(() => {
      assertHealthy(results);
    }).toThrow("not healthy: front page (tried 2 times: status 500); command false (tried 2 times: exit code 1)");
  });
});
