import { chownSync, mkdirSync, readdirSync, readlinkSync, symlinkSync, writeFileSync } from "node:fs";
import { dirname, join } from "node:path";
import fc from "fast-check";
import { describe, expect, it } from "vitest";
import type { PathInfo, StorePath } from "#store";
import { collectGarbage, copyClosure, openPosixHostStore, verifyStore } from "#store";
import { planGarbage } from "../../../src/store/posix/plan-garbage.ts";
import { pathInfo, storePath } from "../closures.ts";
import type { LocalHost } from "./local-hosts.ts";
import { hostKinds, localHostRunner, openLocalHost } from "./local-hosts.ts";
import type { TreeSpec } from "./tree-closures.ts";
import { folder, openTreeClosure, text } from "./tree-closures.ts";

const SPECS: readonly TreeSpec[] = [
  { name: "lib", tree: text("lib") },
  ...[1, 2, 3, 4].flatMap((version) => [
    { name: `web-${version}`, tree: folder({ web: text(`${version}`) }), references: ["lib"] },
    { name: `v${version}`, tree: folder({}), references: [`web-${version}`] },
  ]),
  { name: "alone", tree: text("alone"), references: ["alone"] },
];

/** A host with four generations of which the last is the profile's. */
async function openUsedHost(kind = hostKinds[0]!): Promise<LocalHost> {
  const host = await openLocalHost(kind);
  using trees = await openTreeClosure([
    ...SPECS,
    { name: "all", tree: text(""), references: SPECS.map(({ name }) => name) },
  ]);
  {
    await using store = await openPosixHostStore(host);
    await copyClosure(trees.closure, store, trees);
  }
  for (const version of [1, 2, 3, 4]) {
    symlink(host, storePath(`v${version}`), `nix/var/nix/profiles/skep-${version}-link`);
  }
  symlink(host, "skep-4-link", "nix/var/nix/profiles/skep");
  if (kind.uid !== undefined) chownSync(join(host.root, "nix/var/nix/profiles"), kind.uid, kind.uid);
  return host;
}

function symlink({ root }: LocalHost, target: string, path: string): void {
  mkdirSync(dirname(join(root, path)), { recursive: true });
  symlinkSync(target, join(root, path));
}

function writeInfo({ root }: LocalHost, name: string, references: readonly string[] = []): void {
  const { path, narHash } = pathInfo(name);
  const bases = references.map((reference) => storePath(reference).slice(11)).join(" ");
  const text = `StorePath: ${path}\nNarHash: ${narHash}\nNarSize: 1\nReferences: ${bases}\n`;
  writeFileSync(join(root, "nix/var/skep/info", path.slice(11)), text);
}

function names({ root }: LocalHost): string[] {
  return readdirSync(join(root, "nix/store"))
    .map((base) => base.slice(33))
    .sort();
}

describe.each(hostKinds)("collectGarbage() on $name", (kind) => {
  it.skipIf(kind.unavailable)("takes what nothing reaches, first only saying so", async () => {
    await using host = await openUsedHost(kind);
    const before = names(host);
    const plan = await collectGarbage(host.runner, { ...host, dryRun: true });
    expect(names(host)).toEqual(before);
    expect([...plan.paths].sort()).toEqual([storePath("alone"), storePath("all")].sort());
    expect(await collectGarbage(host.runner, host)).toEqual(plan);
    expect(names(host)).toEqual(before.filter((name) => name !== "alone" && name !== "all"));
    expect(readdirSync(join(host.root, "nix/var/skep/info"))).toHaveLength(9);

    const kept = await collectGarbage(host.runner, { ...host, keep: 2 });
    expect(kept.generations).toEqual([1, 2]);
    expect(kept.bytes).toBeGreaterThan(0);
    expect(names(host)).toEqual(["lib", "v3", "v4", "web-3", "web-4"]);
    expect(await verifyStore(host.runner, host)).toEqual([]);
    expect(readdirSync(join(host.root, "nix/var/nix/profiles")).sort()).toEqual(["skep", "skep-3-link", "skep-4-link"]);
    expect(await collectGarbage(host.runner, { ...host, keep: 2 })).toMatchObject({ generations: [], paths: [] });
  });
});

describe("collectGarbage()", () => {
  it("keeps the running, the booted and the profile's system, whatever it keeps of the rest", async () => {
    await using host = await openUsedHost();
    symlink(host, storePath("v1"), "run/current-system");
    symlink(host, storePath("v2"), "run/booted-system");
    await collectGarbage(host.runner, { ...host, keep: 1 });
    expect(names(host)).toEqual(["lib", "v1", "v2", "v4", "web-1", "web-2", "web-4"]);
    expect(readlinkSync(join(host.root, "nix/var/nix/profiles/skep-1-link"))).toBe(storePath("v1"));
  });

  it.each([
    [
      "a link",
      (host: LocalHost) => {
        symlink(host, storePath("alone"), "nix/var/nix/gcroots/skep/wanted");
      },
    ],
    [
      "a link into a store object",
      (host: LocalHost) => {
        symlink(host, `${storePath("alone")}/bin/x`, "nix/var/nix/gcroots/x");
      },
    ],
    [
      "a link to a link",
      (host: LocalHost) => {
        symlink(host, storePath("alone"), "home/result");
        symlink(host, "/home/result", "nix/var/nix/gcroots/auto/1");
      },
    ],
    [
      "a link to a link beside it",
      (host: LocalHost) => {
        symlink(host, storePath("alone"), "nix/var/nix/gcroots/.b");
        symlink(host, ".b", "nix/var/nix/gcroots/a");
      },
    ],
    [
      "another profile",
      (host: LocalHost) => {
        symlink(host, storePath("alone"), "nix/var/nix/profiles/per-user/ada/p-1-link");
      },
    ],
    [
      "a file of that name",
      (host: LocalHost) => {
        mkdirSync(join(host.root, "nix/var/nix/gcroots"), { recursive: true });
        writeFileSync(join(host.root, "nix/var/nix/gcroots", storePath("alone").slice(11)), "");
      },
    ],
  ])("keeps what %s among the roots names", async (_what, plant) => {
    await using host = await openUsedHost();
    plant(host);
    await collectGarbage(host.runner, host);
    expect(names(host)).toContain("alone");
    expect(names(host)).not.toContain("all");
  });

  it("leaves alone what a copy has asked about, until it is over", async () => {
    await using host = await openUsedHost();
    {
      await using store = await openPosixHostStore(host);
      await store.queryValidPaths([storePath("alone"), storePath("yet-to-come")], { substitute: false });
      await collectGarbage(host.runner, host);
      expect(names(host)).toContain("alone");
    }
    await collectGarbage(host.runner, host);
    expect(names(host)).not.toContain("alone");
  });

  it.each([
    [
      "a root",
      (host: LocalHost) => {
        symlink(host, storePath("alone"), "nix/var/nix/gcroots/late");
      },
    ],
    [
      "a path that refers to it",
      (host: LocalHost) => {
        symlink(host, storePath("late"), "nix/var/nix/gcroots/late");
        writeFileSync(join(host.root, storePath("late")), "");
        writeInfo(host, "late", ["alone"]);
      },
    ],
  ])("thinks again when %s appears after it had decided", async (_what, plant) => {
    await using host = await openUsedHost();
    let scripts = 0;
    // The first script reads, the second one collects.
    const runner = localHostRunner(hostKinds[0]!, {
      onStart: () => {
        scripts += 1;
        if (scripts === 2) plant(host);
      },
    });
    const { paths } = await collectGarbage(runner, host);
    expect(scripts).toBe(4);
    expect(paths).toEqual([storePath("all")]);
    expect(names(host)).toContain("alone");
    expect(names(host)).not.toContain("all");
  });

  it("forgets infos whose path is not there, and removes paths that nobody knows", async () => {
    await using host = await openUsedHost();
    writeFileSync(join(host.root, storePath("stranger")), "");
    writeInfo(host, "gone");
    const { paths, forgotten } = await collectGarbage(host.runner, host);
    expect(paths).toContain(storePath("stranger"));
    expect(forgotten).toEqual([storePath("gone")]);
    expect(names(host)).not.toContain("stranger");
    expect(readdirSync(join(host.root, "nix/var/skep/info"))).toHaveLength(9);
  });

  it("refuses to guess what a root without a record needs, and a store of Nix", async () => {
    await using host = await openUsedHost();
    writeFileSync(join(host.root, storePath("stranger")), "");
    symlink(host, storePath("stranger"), "nix/var/nix/gcroots/stranger");
    await expect(collectGarbage(host.runner, host)).rejects.toMatchObject({ code: "store/unregistered" });
    mkdirSync(join(host.root, "nix/var/nix/db"));
    writeFileSync(join(host.root, "nix/var/nix/db/db.sqlite"), "");
    await expect(collectGarbage(host.runner, host)).rejects.toMatchObject({ code: "store/has-nix" });
    await expect(collectGarbage(host.runner, { ...host, keep: 0 })).rejects.toThrow(RangeError);
  });

  it("has nothing to do where there is no store", async () => {
    await using host = await openLocalHost();
    expect(await collectGarbage(host.runner, host)).toMatchObject({ paths: [], bytes: 0 });
  });
});

describe("planGarbage()", () => {
  /** Paths that refer to any others, which of them are there, and which are roots. */
  const anyStore = fc
    .array(fc.record({ to: fc.array(fc.nat(30), { maxLength: 4 }), root: fc.boolean(), there: fc.boolean() }), {
      minLength: 1,
      maxLength: 30,
    })
    .map((specs) =>
      specs.map(({ to, root, there }, at) => ({
        info: pathInfo(
          `p-${at}`,
          to.filter((other) => other < specs.length).map((other) => `p-${other}`),
        ),
        root: root && at % 5 === 0,
        there: there || root,
      })),
    );

  it("takes exactly what a walk from the roots does not meet, referrers first", () => {
    fc.assert(
      fc.property(anyStore, fc.option(fc.integer({ min: 1, max: 4 })), (store, keep) => {
        const infos = new Map<StorePath, PathInfo>(store.map(({ info }) => [info.path, info]));
        const stored = new Set(store.filter(({ there }) => there).map(({ info }) => info.path));
        const generations = store
          .filter(({ root }) => root)
          .map(({ info }, at) => ({ number: at + 1, path: info.path }));
        const current = generations[0]?.number;
        const plan = planGarbage({ stored, infos, generations, current, roots: [] }, { keep: keep ?? undefined });

        const kept = generations.filter(
          ({ number }) => keep === null || number > generations.length - keep || number === current,
        );
        const live = new Set<StorePath>(kept.map(({ path }) => path));
        for (let size = -1; size !== live.size;) {
          size = live.size;
          for (const path of [...live]) for (const other of infos.get(path)?.references ?? []) live.add(other);
        }
        expect(new Set(plan.paths)).toEqual(new Set([...stored].filter((path) => !live.has(path))));
        expect(plan.generations).toEqual(generations.filter((one) => !kept.includes(one)).map(({ number }) => number));
        expect(plan.forgotten).toHaveLength(store.length - stored.size);
      }),
    );
  });

  it("puts referrers before what they refer to", () => {
    const infos = new Map(
      [pathInfo("lib"), pathInfo("web", ["lib"]), pathInfo("db", ["lib", "db"]), pathInfo("system", ["db", "web"])].map(
        (info) => [info.path, info],
      ),
    );
    const { paths } = planGarbage({
      stored: new Set(infos.keys()),
      infos,
      generations: [],
      current: undefined,
      roots: [],
    });
    const at = (name: string): number => paths.indexOf(storePath(name));
    expect(paths).toHaveLength(4);
    expect(at("system")).toBe(0);
    expect(at("lib")).toBe(3);
  });
});
