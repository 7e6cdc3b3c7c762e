import { createServer } from "node:http";
import type { Server } from "node:http";
import type { AddressInfo } from "node:net";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { runChecks } from "#health";
import type { CheckFunction, CustomCheckOptions } from "#hive";
import { check } from "#hive";
import { made, steppingClock, thisHost } from "./scene.ts";

async function outcomeOf(probe: CheckFunction, options: CustomCheckOptions = {}): Promise<string> {
  const [result] = await runChecks([made(check("own", probe, options))], {
    host: thisHost,
    clock: steppingClock(),
    retry: false,
  });
  return `${result!.passed ? "passed" : "failed"}: ${result!.lastSeen.join(" | ")}`;
}

describe("check()", () => {
  let server: Server;
  let port = 0;
  beforeAll(async () => {
    server = createServer((request, response) => {
      if (request.url === "/empty") {
        response.writeHead(204).end();
        return;
      }
      void request.toArray().then((chunks: Buffer[]) => {
        response.setHeader("set-cookie", ["a=1", "b=2"]);
        response.writeHead(request.url === "/gone" ? 410 : 200, { "x-method": request.method });
        response.end(JSON.stringify({ said: Buffer.concat(chunks).toString(), as: request.headers["x-as"] }));
      });
    });
    await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
    ({ port } = server.address() as AddressInfo);
  });
  afterAll(() => {
    server.close();
  });

  it.each([
    ["returns nothing", () => undefined, "passed: it says yes"],
    ["returns true", () => true, "passed: it says yes"],
    ["resolves", async () => Promise.resolve(true), "passed: it says yes"],
    ["returns false", () => false, "failed: it says no"],
    ["returns a reason", () => "1204 jobs wait", "failed: 1204 jobs wait"],
    ["returns an empty reason", () => "", "failed: it says no"],
    [
      "throws",
      () => {
        throw new Error("no leader\nelected");
      },
      "failed: no leader",
    ],
    ["rejects", async () => Promise.reject(new Error("no quorum")), "failed: no quorum"],
    ["says what a terminal would obey", () => "\u001b[2Jgone\u202e", "failed: [2Jgone"],
  ] satisfies [string, CheckFunction, string][])("that %s", async (_what, probe, outcome) => {
    expect(await outcomeOf(probe)).toBe(outcome);
  });

  it("that never answers is given up, whether or not it looks at its signal", async () => {
    const options = { timeout: "100ms", deadline: "200ms" };
    let aborted = false;
    const deaf: CheckFunction = ({ signal }) => {
      signal.addEventListener("abort", () => (aborted = true));
      return new Promise<never>(() => undefined);
    };
    expect(await outcomeOf(deaf, options)).toBe("failed: no answer in time");
    expect(aborted).toBe(true);
  });

  it("knows the host and runs commands on it", async () => {
    const seen: unknown[] = [];
    await outcomeOf(async ({ host, address, run }) => {
      seen.push(host, address);
      seen.push(await run(["sh", "-c", "cat; echo trouble >&2; exit 3"], { stdin: "hello" }));
    });
    expect(seen).toEqual(["web-1", "127.0.0.1", { exitCode: 3, stdout: "hello", stderr: "trouble\n" }]);
  });

  it("fetches from the host: a body, a status, headers that come twice", async () => {
    const outcome = await outcomeOf(async ({ fetch }) => {
      const answer = await fetch(`:${port}/jobs`, { method: "POST", body: "hello", headers: { "x-as": "bee" } });
      expect([answer.status, answer.headers.get("x-method"), answer.headers.getSetCookie()]).toEqual([
        200,
        "POST",
        ["a=1", "b=2"],
      ]);
      expect(await answer.json()).toEqual({ said: "hello", as: "bee" });
      const gone = await fetch(new URL(`http://127.0.0.1:${port}/gone`));
      expect([gone.ok, gone.status]).toEqual([false, 410]);
      const empty = await fetch(`:${port}/empty`);
      expect([empty.status, await empty.text()]).toEqual([204, ""]);
    });
    expect(outcome).toBe("passed: it says yes");
  });

  it("opens connections from the host", async () => {
    const outcome = await outcomeOf(async ({ forward }) => {
      const stream = await forward({ port });
      stream.end("GET /gone HTTP/1.0\r\n\r\n");
      const chunks = (await stream.toArray()) as Buffer[];
      return Buffer.concat(chunks).toString().startsWith("HTTP/1.1 410") || "another answer";
    });
    expect(outcome).toBe("passed: it says yes");
  });
});
