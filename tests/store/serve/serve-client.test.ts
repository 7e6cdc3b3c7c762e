import fc from "fast-check";
import { describe, expect, it } from "vitest";
import type { NarChunk } from "#store";
import { openLocalChannel } from "../local-channel.ts";
import { madeUpNars, pathInfo, storePath } from "../closures.ts";
import { list, makeFakeHost, openProgram, text, u64 } from "../fake-serve.ts";
import type { Program } from "../fake-serve.ts";
import { openServeClient } from "../../../src/store/serve/serve-client.ts";

const GREETING = Buffer.concat([u64(0x5452eecb), u64(0x207)]);
const NO_PATHS = list([]);
const QUERY = { lock: true, substitute: false };
const WEB = storePath("web");

/** A program that says this and then waits for standard input to end. */
function saying(...parts: Uint8Array[]): (program: Program) => Promise<number> {
  return async ({ stdin, write }) => {
    for (const part of parts) await write(part);
    while ((await stdin.some(65_536)) !== undefined);
    return 0;
  };
}

function nar(name: string, narSize?: number): AsyncIterable<NarChunk> {
  return madeUpNars.openReader().read(pathInfo(name, [], narSize));
}

describe("openServeClient()", () => {
  it("greets and measures the round trip", async () => {
    await using client = await openServeClient(makeFakeHost().open());
    expect(await client.roundTripMs).toBeGreaterThanOrEqual(0);
  });

  it("understands answers that come byte by byte", async () => {
    const host = makeFakeHost({ pieceBytes: 1 });
    host.valid.add(WEB);
    await using client = await openServeClient(host.open());
    expect(await client.queryValidPaths([WEB, storePath("db")], QUERY)).toEqual(new Set([WEB]));
  });

  it.each([
    ["a shell's banner", ["Welcome to web-1!\n"], "Welcome to web-1!\\n"],
    ["a short banner, then the end", ["hi\n"], "hi\\n"],
  ])("says what it saw when the host printed %s", async (_, words, seen) => {
    const channel = openProgram(async ({ write }) => {
      for (const word of words) await write(Buffer.from(word));
      return 0;
    });
    await expect(openServeClient(channel)).rejects.toMatchObject({
      code: "store/not-serving",
      message: expect.stringContaining(seen) as string,
      hint: expect.stringContaining(".bashrc") as string,
    });
  });

  it("says that nix-store is not there when a shell cannot find it", async () => {
    const channel = openLocalChannel(["sh", "-c", "exec no-such-nix-store --serve --write"]);
    await expect(openServeClient(channel)).rejects.toMatchObject({
      code: "store/no-nix",
      message: expect.stringContaining("exit code 127") as string,
      hint: expect.stringContaining("PATH") as string,
    });
  });

  it("refuses a protocol it does not speak", async () => {
    await expect(openServeClient(openProgram(saying(u64(0x5452eecb), u64(0x204))))).rejects.toMatchObject({
      code: "store/protocol",
      message: expect.stringContaining("speaks version 2.4") as string,
    });
  });

  it("gives up on a host that says nothing", async () => {
    await expect(openServeClient(openProgram(saying()), { silenceMs: 20 })).rejects.toMatchObject({
      code: "store/silent",
      message: expect.stringContaining("greeting nix-store --serve failed") as string,
    });
  });

  it("fails with the signal's reason when aborted, before and during the greeting", async () => {
    const reason = new Error("the operator left");
    await expect(openServeClient(openProgram(saying()), { signal: AbortSignal.abort(reason) })).rejects.toBe(reason);
    const abort = new AbortController();
    const opening = openServeClient(openProgram(saying()), { signal: abort.signal });
    abort.abort(reason);
    await expect(opening).rejects.toBe(reason);
  });
});

describe("ServeClient", () => {
  it("asks for locks and substitution in one request", async () => {
    const host = makeFakeHost({ substitutable: [WEB] });
    await using client = await openServeClient(host.open());
    expect(await client.queryValidPaths([WEB], { lock: true, substitute: true })).toEqual(new Set([WEB]));
    expect(host.queries).toEqual([{ lock: 1, substitute: 1, paths: [WEB] }]);
  });

  it("gives each request its own answer however many are under way", async () => {
    const host = makeFakeHost();
    await using client = await openServeClient(host.open());
    const [before, web, between, db, after] = await Promise.all([
      client.queryValidPaths([WEB, storePath("db")], QUERY),
      client.addToStoreNar(pathInfo("web"), { nar: nar("web") }),
      client.queryValidPaths([WEB, storePath("db")], QUERY),
      client.addToStoreNar(pathInfo("db"), { nar: nar("db") }),
      client.queryValidPaths([WEB, storePath("db")], QUERY),
    ]);
    await Promise.all([web.acknowledged, db.acknowledged]);
    expect([before.size, between.size, after.size]).toEqual([0, 1, 2]);
  });

  it("sends the next path before the last is acknowledged", async () => {
    const answers: (() => void)[] = [];
    const arrived: string[] = [];
    const host = makeFakeHost({
      onArrival: (path) => arrived.push(path),
      beforeAnswer: () =>
        new Promise((resolve) => {
          answers.push(resolve);
        }),
    });
    await using client = await openServeClient(host.open());
    const names = ["a", "b", "c", "d"];
    const sent = await Promise.all(names.map((name) => client.addToStoreNar(pathInfo(name), { nar: nar(name) })));
    await expect.poll(() => answers.length).toBe(4);
    expect(arrived).toEqual(names.map(storePath));
    for (const answer of answers) answer();
    await Promise.all(sent.map(({ acknowledged }) => acknowledged));
  });

  it("reads no more of a NAR while the host takes nothing", async () => {
    let read = 0;
    const endless = async function* (): AsyncGenerator<NarChunk> {
      for (;;) {
        await Promise.resolve();
        read += 65_536;
        yield { bytes: Buffer.alloc(65_536), release: () => undefined };
      }
    };
    const channel = openProgram(async ({ write }) => {
      await write(Buffer.concat([GREETING, NO_PATHS]));
      return new Promise<number>(() => undefined);
    });
    const client = await openServeClient(channel, { silenceMs: 300 });
    await expect(client.addToStoreNar(pathInfo("web", [], 1e9), { nar: endless() })).rejects.toMatchObject({
      code: "store/silent",
      message: expect.stringContaining(`adding ${WEB} failed`) as string,
    });
    expect(read).toBeLessThan(4 * 1024 * 1024);
    await client[Symbol.asyncDispose]();
  });

  it.each([
    ["more", 100, "has more than the 100 bytes"],
    ["fewer", 200, "has only 128 than the 200 bytes"],
  ])("says that a path changed when its NAR has %s bytes than Nix registered", async (_, narSize, message) => {
    await using client = await openServeClient(makeFakeHost().open());
    await expect(client.addToStoreNar(pathInfo("web", [], narSize), { nar: nar("web", 128) })).rejects.toMatchObject({
      code: "store/changed",
      message: expect.stringContaining(message) as string,
    });
  });

  it.each([
    ["error: writing to file: No space left on device", "store/disk-full"],
    ["error: cannot add path '/nix/store/x' because it lacks a signature by a trusted key", "store/denied"],
    ["error: opening lock file '/nix/var/nix/db/big-lock': Permission denied", "store/denied"],
    ["error: hash mismatch importing path '/nix/store/x'", "store/changed"],
    ["error: something else", "store/ended"],
  ])("tells from %j which path failed, and why", async (words, code) => {
    const host = makeFakeHost({ failOn: { path: WEB, words: words.slice("error: ".length) } });
    await using client = await openServeClient(host.open());
    const db = await client.addToStoreNar(pathInfo("db"), { nar: nar("db") });
    const web = await client.addToStoreNar(pathInfo("web"), { nar: nar("web") });
    await db.acknowledged;
    await expect(web.acknowledged).rejects.toMatchObject({
      code,
      message: `adding ${WEB} failed: nix-store --serve ended with exit code 1: ${words}`,
    });
  });

  it("breaks off, and tells everyone who waits, when the connection is lost", async () => {
    const channel = openProgram(saying(GREETING, NO_PATHS));
    const lost = new Error("the connection was lost");
    const client = await openServeClient({ ...channel, exited: Promise.reject(lost) });
    const waiting = [client.queryValidPaths([WEB], QUERY), client.queryPathInfos([WEB])];
    await new Promise((resolve) => setImmediate(resolve));
    channel.stdout.push(null);
    for (const one of await Promise.allSettled(waiting)) {
      expect(one).toMatchObject({ reason: { code: "store/ended", cause: lost } });
    }
    await client[Symbol.asyncDispose]();
  });

  const answer = Buffer.concat([GREETING, NO_PATHS, list([WEB])]);

  it("fails at every length short of a whole answer", async () => {
    for (let length = 0; length < answer.length; length += 1) {
      const channel = openProgram(async ({ write }) => {
        await write(answer.subarray(0, length));
        return 1;
      });
      const work = openServeClient(channel).then(async (client) => {
        await using _ = client;
        await client.queryValidPaths([WEB], QUERY);
      });
      await expect(work).rejects.toMatchObject({ name: "StoreError" });
    }
  });

  it.each([
    ["more paths than it was asked about", [u64(2 ** 40)], "sent 1099511627776 strings where at most 1"],
    ["a path as long as memory", [u64(1), u64(2 ** 45)], "a string of 35184372088832 bytes"],
    ["a number past 2^53", [Buffer.alloc(8, 0xff)], "a number past 2^53"],
    ["a path it was not asked about", [list([storePath("db")])], "which it was not asked about"],
    ["a path of the host's own", [list(["/etc/shadow"])], '"/etc/shadow", which is not a store path'],
    ["padding with something in it", [u64(1), u64(3), Buffer.from("abc12345")], "padding that is not zero"],
  ])("refuses %s", async (_, parts, message) => {
    await using client = await openServeClient(openProgram(saying(GREETING, NO_PATHS, ...parts)));
    await expect(client.queryValidPaths([WEB], QUERY)).rejects.toMatchObject({
      code: "store/protocol",
      message: expect.stringContaining(message) as string,
    });
  });

  it("refuses any acknowledgement but 1", async () => {
    await using client = await openServeClient(openProgram(saying(GREETING, NO_PATHS, u64(0))));
    const { acknowledged } = await client.addToStoreNar(pathInfo("web"), { nar: nar("web") });
    await expect(acknowledged).rejects.toMatchObject({ code: "store/protocol" });
  });

  it("reads what the host knows of a path", async () => {
    const { narHash } = pathInfo("web");
    const parts = [text(WEB), text(""), list([WEB]), u64(0), u64(128), text(narHash), text("text:x"), list(["k:s"])];
    await using client = await openServeClient(openProgram(saying(GREETING, NO_PATHS, ...parts, text(""))));
    expect(await client.queryPathInfos([WEB])).toEqual([
      { path: WEB, narHash, narSize: 128, references: [WEB], deriver: undefined, signatures: ["k:s"], ca: "text:x" },
    ]);
  });

  it("ends with an error or an answer whatever the host says, and never hangs", async () => {
    await fc.assert(
      fc.asyncProperty(fc.uint8Array({ maxLength: 80 }), fc.boolean(), async (noise, greeted) => {
        const channel = openProgram(async ({ write }) => {
          await write(greeted ? Buffer.concat([GREETING, NO_PATHS, noise]) : noise);
          return 0;
        });
        await openServeClient(channel)
          .then(async (client) => {
            await using _ = client;
            await client.queryValidPaths([WEB], QUERY);
          })
          .catch((error: unknown) => {
            expect(error).toMatchObject({ name: "StoreError" });
          });
      }),
      { numRuns: 200 },
    );
  });
});
