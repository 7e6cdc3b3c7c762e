import { randomBytes } from "node:crypto";
import { mkdirSync, mkdtempSync, rmSync, truncateSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { PassThrough } from "node:stream";
import { setImmediate as turn } from "node:timers/promises";
import fc from "fast-check";
import { describe, expect, it } from "vitest";
import type { CommandChannel } from "#core";
import type { CopyProgress, HostStore, StorePath } from "#store";
import { copyClosure, makeClosure, openNixHostStore, sharedNarSource } from "#store";
import { anyClosure, madeUpNars, pathInfo, storePath, wideClosure } from "./closures.ts";
import type { FakeHost } from "./fake-serve.ts";
import { makeFakeHost } from "./fake-serve.ts";
import { noNix, openRealStore } from "./real-store.ts";

function openFakeStore(host: FakeHost, signal?: AbortSignal): Promise<HostStore> {
  return openNixHostStore({ openChannel: () => Promise.resolve(host.open()), signal });
}

const narSource = madeUpNars;

describe("copyClosure()", () => {
  it("sends references before referrers", async () => {
    await fc.assert(
      fc.asyncProperty(anyClosure, async (closure) => {
        const host = makeFakeHost();
        await using store = await openFakeStore(host);
        await copyClosure(closure, store, { narSource });
        const place = new Map(host.added.map((path, index) => [path, index]));
        expect(place.size).toBe(closure.paths.length);
        for (const { path, references } of closure.paths) {
          for (const reference of references) {
            if (reference !== path) expect(place.get(reference)!).toBeLessThan(place.get(path)!);
          }
        }
      }),
      { numRuns: 60 },
    );
  });

  it("never has a path arrive whose references are neither acknowledged nor ahead on the same channel", async () => {
    await fc.assert(
      fc.asyncProperty(anyClosure, fc.infiniteStream(fc.nat(1_000)), async (closure, dice) => {
        const infos = closure.paths.map((info) => ({ ...info, narSize: 600_000 }));
        const referencesOf = new Map(infos.map(({ path, references }) => [path, references]));
        const arrivedOn = new Map<StorePath, number>();
        const acknowledged = new Set<StorePath>();
        const waiting: { path: StorePath; answer: () => void }[] = [];
        const faults: string[] = [];
        let arrivals = 0;
        const host = makeFakeHost({
          queryDelayMs: 55,
          onArrival(path, channel) {
            arrivals += 1;
            arrivedOn.set(path, channel);
            for (const reference of referencesOf.get(path) ?? []) {
              const ahead = arrivedOn.get(reference) === channel;
              if (!ahead && !acknowledged.has(reference)) faults.push(`${path} before ${reference}`);
            }
          },
          beforeAnswer: (path) =>
            new Promise((answer) => {
              waiting.push({
                path,
                answer: () => {
                  answer();
                },
              });
            }),
        });
        // Answers one path at a time, and only when nothing has come for a while: who needs no answer must not wait for it.
        const stop = new AbortController();
        const answering = (async () => {
          for (let seen = -1; !stop.signal.aborted; seen = arrivals) {
            for (let turns = 0; turns < 20; turns += 1) await turn();
            if (seen !== arrivals || waiting.length === 0) continue;
            const [next] = waiting.splice((dice.next().value as number) % waiting.length, 1);
            if (next === undefined) continue;
            acknowledged.add(next.path);
            next.answer();
          }
        })();
        {
          await using store = await openFakeStore(host);
          await copyClosure(makeClosure(closure.toplevel, infos), store, { narSource });
        }
        stop.abort();
        await answering;
        expect(faults).toEqual([]);
        expect(host.valid.size).toBe(closure.paths.length);
      }),
      { numRuns: 15 },
    );
  });

  it("asks once, locks what it asks about, and sends only what is missing", async () => {
    const closure = wideClosure(10);
    const host = makeFakeHost();
    for (const { path } of closure.paths.slice(0, 4)) host.valid.add(path);
    await using store = await openFakeStore(host);
    const result = await copyClosure(closure, store, { narSource });
    expect(result).toEqual({ paths: 6, bytes: 6 * 128, alreadyThere: 4, substituted: 0 });
    expect(host.queries).toEqual([{ lock: 1, substitute: 0, paths: closure.paths.map(({ path }) => path) }]);
    expect(host.added).toHaveLength(6);
  });

  it("sends nothing when all is there", async () => {
    const closure = wideClosure(10);
    const host = makeFakeHost();
    for (const { path } of closure.paths) host.valid.add(path);
    await using store = await openFakeStore(host);
    expect(await copyClosure(closure, store, { narSource })).toMatchObject({ paths: 0, alreadyThere: 10 });
  });

  it("lets the host substitute when asked to, and tells how much it did", async () => {
    const closure = wideClosure(10);
    const [first, ...others] = closure.paths.map(({ path }) => path);
    const host = makeFakeHost({ substitutable: others.slice(0, 3) });
    host.valid.add(first!);
    await using store = await openFakeStore(host);
    const result = await copyClosure(closure, store, { narSource, substitute: true });
    expect(result).toEqual({ paths: 6, bytes: 6 * 128, alreadyThere: 1, substituted: 3 });
  });

  it("reports every byte and path, never more than there are, and ends at the totals", async () => {
    const closure = wideClosure(50, 100_000);
    const seen: CopyProgress[] = [];
    await using store = await openFakeStore(makeFakeHost());
    await copyClosure(closure, store, { narSource, onProgress: (progress) => seen.push(progress) });
    expect(seen[0]).toEqual({ paths: 0, pathsTotal: 50, bytes: 0, bytesTotal: 5_000_000 });
    expect(seen.at(-1)).toEqual({ paths: 50, pathsTotal: 50, bytes: 5_000_000, bytesTotal: 5_000_000 });
    for (const [index, { paths, bytes }] of seen.entries()) {
      expect(paths).toBeGreaterThanOrEqual(seen[index - 1]?.paths ?? 0);
      expect(bytes).toBeGreaterThanOrEqual(seen[index - 1]?.bytes ?? 0);
    }
  });

  it("uses several channels on a long line, and does without those it does not get", async () => {
    const closure = wideClosure(50, 1_000_000);
    const far = makeFakeHost({ queryDelayMs: 60 });
    {
      await using store = await openFakeStore(far);
      await copyClosure(closure, store, { narSource });
    }
    expect(far.channels).toBe(8);

    const strict = makeFakeHost({ queryDelayMs: 60 });
    await using store = await openNixHostStore({
      openChannel: () =>
        strict.channels < 2 ? Promise.resolve(strict.open()) : Promise.reject(new Error("too many sessions")),
    });
    await copyClosure(closure, store, { narSource });
    expect(strict.valid.size).toBe(50);
  });

  it("ends at once when aborted in the middle, and leaves nothing behind that fails later", async () => {
    const unhandled: unknown[] = [];
    const listen = (reason: unknown): void => {
      unhandled.push(reason);
    };
    process.on("unhandledRejection", listen);
    for (const queryDelayMs of [0, 60]) {
      const abort = new AbortController();
      const reason = new Error("the operator left");
      const host = makeFakeHost({
        queryDelayMs,
        beforeAnswer: () => new Promise(() => undefined),
        onArrival: () => {
          if (host.added.length > 3) abort.abort(reason);
        },
      });
      const store = await openFakeStore(host);
      const copying = copyClosure(wideClosure(50, 500_000), store, { narSource, signal: abort.signal });
      await expect(copying).rejects.toBe(reason);
      await store[Symbol.asyncDispose]();
    }
    await turn();
    process.off("unhandledRejection", listen);
    expect(unhandled).toEqual([]);
  });

  it("fails with what the host said when it fails on any of its channels", async () => {
    const closure = wideClosure(50, 1_000_000);
    for (const queryDelayMs of [0, 60]) {
      const path = storePath("unit-30");
      const host = makeFakeHost({ queryDelayMs, failOn: { path, words: "No space left on device" } });
      await using store = await openFakeStore(host);
      await expect(copyClosure(closure, store, { narSource })).rejects.toMatchObject({
        code: "store/disk-full",
        message: expect.stringContaining(`adding ${path} failed`) as string,
      });
    }
  });

  it("fails when the host goes down while all that is left waits for answers", async () => {
    const host = makeFakeHost({
      queryDelayMs: 60,
      beforeAnswer: () => {
        if (host.added.length === 49) host.fail();
        return new Promise(() => undefined);
      },
    });
    await using store = await openFakeStore(host);
    await expect(copyClosure(wideClosure(50, 1_000_000), store, { narSource })).rejects.toMatchObject({
      code: "store/ended",
      message: expect.stringContaining("the host went down") as string,
    });
    expect(host.channels).toBe(8);
  });

  it("copies a file of 512 MiB to four hosts in bounded memory", async () => {
    const folder = mkdtempSync(join(tmpdir(), "skep-big-"));
    const size = 512 * 1024 * 1024;
    writeFileSync(join(folder, "image"), "");
    truncateSync(join(folder, "image"), size);
    const info = pathInfo("image", [], size + 112);
    const closure = makeClosure(info.path, [info]);
    const source = sharedNarSource({ locate: () => join(folder, "image") });
    const before = process.memoryUsage().rss;
    let peak = before;
    await Promise.all(
      [1, 2, 3, 4].map(async () => {
        await using store = await openFakeStore(makeFakeHost());
        await copyClosure(closure, store, {
          narSource: source,
          onProgress: () => {
            peak = Math.max(peak, process.memoryUsage.rss());
          },
        });
      }),
    );
    rmSync(folder, { recursive: true });
    expect(peak - before).toBeLessThan(128 * 1024 * 1024);
  });
});

/** The same channel on a line where every byte to the host takes 60 ms. */
function delayed(channel: CommandChannel): CommandChannel {
  const stdin = new PassThrough();
  stdin.on("data", (chunk: Buffer) => {
    const bytes = Buffer.from(chunk);
    setTimeout(() => channel.stdin.write(bytes), 60);
  });
  stdin.on("end", () => {
    setTimeout(() => channel.stdin.end(), 70);
  });
  return { ...channel, stdin };
}

describe.skipIf(noNix)("copyClosure() into a real Nix store", () => {
  it("brings a closure over that passes nix-store --verify --check-contents, once", async () => {
    await using from = await openRealStore();
    await using to = await openRealStore();
    const [toplevel] = await from.addTexts(`
      let
        named = n: text: builtins.toFile n text;
        leaf = n: named "leaf-\${toString n}" (toString n);
        layer = below: n: named "layer-\${toString n}" (toString (map (m: "\${below m}") (builtins.genList (m: m + n) 3)));
        system = named "system" (toString (builtins.genList (n: "\${layer (layer leaf) n}") 20));
      in map builtins.unsafeDiscardStringContext [ system ]`);
    const closure = makeClosure(toplevel!, await from.pathInfos([toplevel!]));
    expect(closure.paths.length).toBeGreaterThan(50);
    const source = sharedNarSource({ locate: from.locate });
    for (const expected of [
      { paths: closure.paths.length, bytes: closure.narSize, alreadyThere: 0, substituted: 0 },
      { paths: 0, bytes: 0, alreadyThere: closure.paths.length, substituted: 0 },
    ]) {
      await using store = await openNixHostStore({ openChannel: () => Promise.resolve(to.serve()) });
      expect(await copyClosure(closure, store, { narSource: source, substitute: true })).toEqual(expected);
    }
    await to.nixStore("--verify", "--check-contents");
    const there = makeClosure(toplevel!, await to.pathInfos([toplevel!]));
    expect(there.paths.map(({ path, narHash }) => [path, narHash])).toEqual(
      closure.paths.map(({ path, narHash }) => [path, narHash]),
    );
  });

  it("keeps the closure from the garbage collector until the host store is disposed", async () => {
    await using from = await openRealStore();
    await using to = await openRealStore();
    const [toplevel] = await from.addTexts('map builtins.unsafeDiscardStringContext [ (builtins.toFile "page" "p") ]');
    const closure = makeClosure(toplevel!, await from.pathInfos([toplevel!]));
    const store = await openNixHostStore({ openChannel: () => Promise.resolve(to.serve()) });
    await copyClosure(closure, store, { narSource: sharedNarSource({ locate: from.locate }) });
    await to.nixStore("--gc");
    expect(await to.pathInfos([toplevel!])).toHaveLength(1);
    await store[Symbol.asyncDispose]();
    await to.nixStore("--gc");
    await expect(to.pathInfos([toplevel!])).rejects.toThrow("is not valid");
  });

  it("takes whole folders, executables and symlinks, over several channels at once", async () => {
    await using from = await openRealStore();
    await using to = await openRealStore();
    const folder = join(from.root, "made");
    const added: StorePath[] = [];
    for (let index = 0; index < 6; index += 1) {
      const source = join(folder, `tree-${index}`);
      mkdirSync(join(source, "share"), { recursive: true });
      writeFileSync(join(source, "run"), "#!/bin/sh\n", { mode: 0o755 });
      writeFileSync(join(source, "share", "data"), randomBytes(3_000_000));
      added.push(await from.add(source));
    }
    const infos = await from.pathInfos(added);
    let channels = 0;
    await using store = await openNixHostStore({
      openChannel: () => {
        channels += 1;
        return Promise.resolve(delayed(to.serve()));
      },
    });
    using nars = sharedNarSource({ locate: from.locate }).openReader();
    await store.addPaths(infos, { nars });
    expect(channels).toBe(5);
    await to.nixStore("--verify", "--check-contents");
    expect(await to.pathInfos(added)).toHaveLength(6);
  });

  it("says so when a file of the store changed underfoot, in size or in content", async () => {
    await using from = await openRealStore();
    await using to = await openRealStore();
    const [toplevel] = await from.addTexts('map builtins.unsafeDiscardStringContext [ (builtins.toFile "page" "p") ]');
    const closure = makeClosure(toplevel!, await from.pathInfos([toplevel!]));
    for (const contents of ["longer than it was", "q"]) {
      writeFileSync(join(from.root, "changed"), contents);
      await using store = await openNixHostStore({ openChannel: () => Promise.resolve(to.serve()) });
      const narSource = sharedNarSource({ locate: () => join(from.root, "changed") });
      await expect(copyClosure(closure, store, { narSource })).rejects.toMatchObject({ code: "store/changed" });
    }
  });
});
