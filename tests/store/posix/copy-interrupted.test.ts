import { execFileSync, spawnSync } from "node:child_process";
import { mkdirSync, readdirSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { Transform } from "node:stream";
import { describe, expect, it } from "vitest";
import type { Closure } from "#store";
import { collectGarbage, copyClosure, openPosixHostStore, StoreError, verifyStore } from "#store";
import { storePath } from "../closures.ts";
import type { LocalHost } from "./local-hosts.ts";
import { availableHosts, hostKinds, localHostRunner, openLocalHost } from "./local-hosts.ts";
import { folder, link, openTreeClosure, text } from "./tree-closures.ts";
import type { TreeClosure } from "./tree-closures.ts";

const anyKind = availableHosts[0] ?? hostKinds[0]!;

const openTrees = (): Promise<TreeClosure> =>
  openTreeClosure([
    { name: "lib", tree: folder({ "lib.so": text("x".repeat(3_000)) }) },
    { name: "db", tree: text("db"), references: ["lib"] },
    { name: "web", tree: folder({ bin: folder({ web: text("#!/bin/sh\n", { executable: true }) }), l: link("bin") }) },
    { name: "system", tree: folder({ web: link(storePath("web")) }), references: ["web", "db"] },
  ]);

/** Lets so many bytes through, and then ends. */
function cutAfter(bytes: number): Transform {
  let left = bytes;
  return new Transform({
    transform(chunk: Buffer, _encoding, done) {
      if (left > 0) this.push(chunk.subarray(0, left));
      left -= chunk.length;
      if (left <= 0) this.push(null);
      done();
    },
    flush(done) {
      done();
    },
  });
}

const isAdding = (argv: readonly string[]): boolean => argv.at(-1) === "none";

async function copy({ closure, narSource }: TreeClosure, host: LocalHost): Promise<void> {
  await using store = await openPosixHostStore(host);
  await copyClosure(closure, store, { narSource });
}

function visible({ root }: LocalHost): string[] {
  return readdirSync(join(root, "nix/store")).filter((name) => !name.startsWith("."));
}

async function expectOnlyWhole(host: LocalHost): Promise<void> {
  expect(await verifyStore(host.runner, host)).toEqual([]);
}

describe("a copy to a host without Nix", () => {
  it("that is cut off at any byte leaves nothing half, and the next one succeeds", { timeout: 120_000 }, async () => {
    using trees = await openTrees();
    let length = 0;
    await using first = await openLocalHost(anyKind);
    const counting = localHostRunner(anyKind, {
      cut: (argv) =>
        isAdding(argv)
          ? new Transform({
              transform(chunk: Buffer, _encoding, done) {
                length += chunk.length;
                done(null, chunk);
              },
            })
          : undefined,
    });
    await copy(trees, { ...first, runner: counting });
    const offsets = Array.from({ length: 24 }, (_, at) => Math.floor((length * at) / 24));
    for (const offset of [...offsets, length - 1_025, length - 1_024, length - 600, length - 1]) {
      await using host = await openLocalHost(anyKind);
      const runner = localHostRunner(anyKind, { cut: (argv) => (isAdding(argv) ? cutAfter(offset) : undefined) });
      const error: unknown = await copy(trees, { ...host, runner }).catch((thrown: unknown) => thrown);
      const there = visible(host);
      // Without its last zero bytes an archive has all that matters.
      expect({ offset, there: there.length }).toEqual({ offset, there: error === undefined ? 4 : 0 });
      if (error !== undefined) expect(error).toBeInstanceOf(StoreError);
      if (offset < length - 1_536) expect(error).toBeInstanceOf(StoreError);
      await copy(trees, host);
      expect(visible(host)).toHaveLength(4);
      await expectOnlyWhole(host);
      expect(readdirSync(join(host.root, "nix/store"))).toHaveLength(4);
    }
  });

  it(
    "whose script is killed while it works leaves whole paths, and what it left is swept",
    { timeout: 120_000 },
    async () => {
      using trees = await openTrees();
      for (let delayMs = 0; delayMs < 250; delayMs += 20) {
        await using host = await openLocalHost(anyKind);
        const pids: number[] = [];
        const runner = localHostRunner(anyKind, {
          onStart: (argv, pid) => {
            if (isAdding(argv)) pids.push(pid);
          },
        });
        const copying = copy(trees, { ...host, runner }).catch(() => undefined);
        await expect.poll(() => pids.length, { interval: 1, timeout: 10_000 }).toBe(1);
        await new Promise((resolve) => setTimeout(resolve, delayMs));
        spawnSync("kill", ["-KILL", "--", `-${pids[0] ?? 0}`]);
        await copying;
        await expectOnlyWhole(host);
        await copy(trees, host);
        await expectOnlyWhole(host);
        expect(readdirSync(join(host.root, "nix/store"))).toHaveLength(4);
        expect(readdirSync(join(host.root, "nix/var/skep")).sort()).toEqual(["info", "lock", "temproots"]);
        expect(readdirSync(join(host.root, "nix/var/skep/lock"))).toEqual([]);
      }
    },
  );

  it("is safe beside others of the same and of other paths, and beside collections", { timeout: 120_000 }, async () => {
    using trees = await openTrees();
    using others = await openTreeClosure([
      { name: "lib", tree: folder({ "lib.so": text("x".repeat(3_000)) }) },
      { name: "other", tree: text("other"), references: ["lib"] },
    ]);
    for (const kind of availableHosts) {
      await using host = await openLocalHost(kind);
      const collect = async (): Promise<void> => {
        for (let round = 0; round < 3; round += 1) await collectGarbage(host.runner, host);
      };
      const copyAndCheck = async (made: TreeClosure): Promise<void> => {
        await using store = await openPosixHostStore(host);
        await copyClosure(made.closure, store, made);
        const { valid } = await store.queryValidPaths(pathsOf(made.closure), { substitute: false });
        expect(valid.size).toBe(made.closure.paths.length);
      };
      await Promise.all([copyAndCheck(trees), copyAndCheck(others), copyAndCheck(trees), collect()]);
      await expectOnlyWhole(host);
      await collectGarbage(host.runner, host);
      expect(readdirSync(join(host.root, "nix/store"))).toEqual([]);
    }
  });

  it("refuses a path that is not what it was registered as", async () => {
    using trees = await openTrees();
    await using host = await openLocalHost();
    const [first, ...rest] = trees.closure.paths;
    const wrong = { ...trees.closure, paths: [{ ...first!, narHash: rest[0]!.narHash }, ...rest] };
    await expect(copy({ ...trees, closure: wrong, [Symbol.dispose]: () => undefined }, host)).rejects.toMatchObject({
      code: "store/changed",
    });
    expect(visible(host)).toEqual([]);
  });

  it.each([
    ["loses a file", "rm -f p/*-web/bin/web"],
    ["cuts a file short", 'for f in p/*-db; do chmod u+w "$f"; echo >"$f"; chmod 444 "$f"; touch -d @1 "$f"; done'],
    ["forgets what may be executed", "chmod 444 p/*-web/bin/web"],
    ["takes its own time", "touch p/*-db"],
    ["turns a link into a file", 'for f in p/*-web/l; do rm "$f"; echo >"$f"; chmod 444 "$f"; touch -d @1 "$f"; done'],
  ])("is refused by the host where tar %s", async (_what, damage) => {
    using trees = await openTrees();
    await using host = await openLocalHost();
    const bin = join(host.root, "bin");
    mkdirSync(bin);
    writeFileSync(join(bin, "tar"), `#!/bin/sh\nPATH=\${PATH#*:}\ntar "$@" && { ${damage}; }\n`, { mode: 0o755 });
    const runner = localHostRunner({ ...anyKind, path: `${bin}:${anyKind.path}` });
    await expect(copy(trees, { ...host, runner })).rejects.toThrow("unpacking gave other files than were sent");
    expect(readdirSync(join(host.root, "nix/store"))).toEqual([]);
  });

  it("refuses paths that refer to what the host does not have", async () => {
    using trees = await openTrees();
    await using host = await openLocalHost();
    await using store = await openPosixHostStore(host);
    using nars = trees.narSource.openReader();
    await expect(store.addPaths(trees.closure.paths.slice(-1), { nars })).rejects.toThrow(
      /is referred to and is not valid/,
    );
    expect(visible(host)).toEqual([]);
    await expect(store.queryValidPaths([], { substitute: false })).rejects.toMatchObject({ code: "store/closed" });
  });

  it("ends when it is told to, leaving nothing", async () => {
    using trees = await openTrees();
    await using host = await openLocalHost();
    const stop = new AbortController();
    await using store = await openPosixHostStore(host);
    const copying = copyClosure(trees.closure, store, {
      narSource: trees.narSource,
      signal: stop.signal,
      onProgress: ({ bytes }) => {
        if (bytes > 0) stop.abort(new Error("enough"));
      },
    });
    await expect(copying).rejects.toThrow("enough");
    await expect.poll(() => readdirSync(join(host.root, "nix/store"))).toEqual([]);
  });

  const noMount = mountProblem();
  it.skipIf(noMount)("says when the disk is full, and leaves it as it was", async () => {
    for (const kind of availableHosts.filter(({ uid }) => uid === undefined)) {
      await using host = await openLocalHost(kind);
      using trees = await openTrees();
      using large = await openTreeClosure([
        { name: "lib", tree: folder({ "lib.so": text("x".repeat(3_000)) }) },
        {
          name: "large",
          tree: folder({ a: text("a".repeat(3_000_000)), b: text("b".repeat(30_000_000)) }),
          references: ["lib"],
        },
      ]);
      mkdirSync(join(host.root, "nix"));
      execFileSync("mount", ["-t", "tmpfs", "-o", "size=2m", "skep-test", join(host.root, "nix")]);
      try {
        await copy(trees, host);
        await expect(copy(large, host)).rejects.toMatchObject({
          code: "store/disk-full",
          hint: expect.stringContaining("skep gc") as string,
        });
        expect(readdirSync(join(host.root, "nix/store"))).toHaveLength(4);
        await expectOnlyWhole(host);
      } finally {
        execFileSync("umount", [join(host.root, "nix")]);
      }
    }
  });

  it("says what a host lacks, and where it may not write", async () => {
    using trees = await openTrees();
    await using host = await openLocalHost();
    const missing = localHostRunner({ ...anyKind, path: "/nowhere" });
    // The scripts look in the usual places too, so a shell is all that can be kept from them here.
    await expect(copy(trees, { ...host, runner: missing })).rejects.toThrow();
    const nobody = availableHosts.find(({ uid }) => uid !== undefined);
    if (nobody === undefined) return;
    await expect(copy(trees, { ...host, runner: localHostRunner(nobody) })).rejects.toMatchObject({
      code: "store/unwritable",
    });
  });
});

function pathsOf({ paths }: Closure) {
  return paths.map(({ path }) => path);
}

/** Why no small disk can be made here. */
function mountProblem(): string | undefined {
  const probe = spawnSync("unshare", ["-m", "mount", "-t", "tmpfs", "skep-probe", "/mnt"]);
  return process.getuid?.() === 0 && probe.status === 0 ? undefined : "mounting needs root";
}
