import { execFileSync } from "node:child_process";
import fc from "fast-check";
import { describe, expect, it } from "vitest";
import type { ClosureDiff, PackageChange, StoredPath } from "#store";
import { diffClosures, storePathName } from "#store";
import { compareVersions, parsePackageName } from "../../src/store/package-name.ts";
import { storePath } from "./closures.ts";
import { noNix, openRealStore } from "./real-store.ts";

const stored = (name: string, narSize = 1_000): StoredPath => ({ path: storePath(name), narSize });

describe("diffClosures()", () => {
  it("says of each package that is not as it was what became of it", () => {
    const before = [stored("nginx-1.24.0"), stored("openssl-3.0.13-dev"), stored("perl-5.38"), stored("zlib-1.3")];
    const after = [
      ...[stored("nginx-1.26.1", 3_000), stored("openssl-3.0.12"), stored("brotli-1.1.0", 50), stored("zlib-1.3")],
      stored("zlib-1.3-dev", 700),
    ];
    expect(diffClosures(before, after)).toEqual({
      packages: [
        { name: "brotli", kind: "added", from: [], to: ["1.1.0"], sizeDelta: 50 },
        { name: "nginx", kind: "up", from: ["1.24.0"], to: ["1.26.1"], sizeDelta: 2_000 },
        { name: "openssl", kind: "down", from: ["3.0.13"], to: ["3.0.12"], sizeDelta: 0 },
        { name: "perl", kind: "removed", from: ["5.38"], to: [], sizeDelta: -1_000 },
        { name: "zlib", kind: "rebuilt", from: [], to: [], sizeDelta: 700 },
      ],
      ...{ pathsAdded: 4, pathsRemoved: 3, sizeBefore: 4_000, sizeAfter: 5_750 },
    });
  });

  it("calls a version that came beside another one added, and one that stays beside it not gone", () => {
    const [python3, python2] = [stored("python-3.12"), stored("python-2.7")];
    const beside = (change: ClosureDiff): Partial<PackageChange> | undefined => change.packages[0];
    expect(beside(diffClosures([python2], [python2, python3]))).toMatchObject({
      kind: "added",
      from: [],
      to: ["3.12"],
    });
    expect(beside(diffClosures([python2, python3], [python3]))).toMatchObject({
      kind: "removed",
      from: ["2.7"],
      to: [],
    });
  });

  /** Few names and versions, so that they meet. */
  const anyPaths = fc
    .uniqueArray(
      fc.tuple(
        fc.constantFrom("nginx", "openssl", "lib-foo", "unit-web.service"),
        fc.constantFrom("", "-1.0", "-1.1", "-2.0-dev", "-2.0"),
        fc.nat(3),
      ),
      { selector: ([name, version, build]) => `${name}${version}|${build}`, maxLength: 14 },
    )
    .map((specs) => specs.map(([name, version, build]) => pathOf(`${name}${version}`, build)));

  it("applied to what was there gives what is wanted, by versions and by size", () => {
    fc.assert(
      fc.property(anyPaths, anyPaths, (before, after) => {
        const diff = diffClosures(before, after);
        const versions = versionsOf(before);
        for (const { name, from, to } of diff.packages) {
          const known = versions.get(name) ?? new Set<string>();
          versions.set(name, known);
          for (const version of from) expect(known.delete(version)).toBe(true);
          for (const version of to) expect(known.has(version)).toBe(false);
          for (const version of to) known.add(version);
        }
        for (const [name, left] of versions) if (left.size === 0) versions.delete(name);
        expect(versions).toEqual(versionsOf(after));
        const delta = diff.packages.reduce((sum, { sizeDelta }) => sum + sizeDelta, 0);
        expect(delta).toBe(diff.sizeAfter - diff.sizeBefore);
      }),
    );
  });

  it("is empty exactly when nothing changed, and the way back is its mirror", () => {
    const mirrored = {
      up: "down",
      down: "up",
      added: "removed",
      removed: "added",
      changed: "changed",
      rebuilt: "rebuilt",
    };
    fc.assert(
      fc.property(anyPaths, anyPaths, (before, after) => {
        expect(diffClosures(before, [...before].reverse()).packages).toEqual([]);
        const there = diffClosures(before, after);
        const back = diffClosures(after, before);
        expect(there.packages.length === 0).toBe(there.pathsAdded + there.pathsRemoved === 0);
        expect(
          back.packages.map(({ name, kind, from, to, sizeDelta }) => ({
            ...{ name, kind: mirrored[kind], from: to, to: from },
            sizeDelta: 0 - sizeDelta,
          })),
        ).toEqual(there.packages.map((change) => ({ ...change, sizeDelta: 0 + change.sizeDelta })));
      }),
    );
  });
});

/** A path has one size, whichever closure it is in. */
function pathOf(name: string, build: number): StoredPath {
  const digest = storePath(`${name}/${build}`.replace("/", "_")).slice(0, "/nix/store/".length + 32);
  return { path: `${digest}-${name}` as StoredPath["path"], narSize: 120 * 10 ** build };
}

function versionsOf(paths: readonly StoredPath[]): Map<string, Set<string>> {
  const versions = new Map<string, Set<string>>();
  for (const { path } of paths) {
    const { name, version } = parsePackageName(storePathName(path));
    versions.set(name, (versions.get(name) ?? new Set()).add(version));
  }
  return versions;
}

describe.skipIf(noNix)("beside real Nix", { timeout: 120_000 }, () => {
  it("diffClosures() says what nix store diff-closures says", async () => {
    await using store = await openRealStore();
    // What is larger by less than 8 KiB is not shown there.
    const [before, after] = await store.addTexts(`
      let
        text = name: size: builtins.toFile name (builtins.concatStringsSep "" (builtins.genList (_: "x") size));
        rebuilt = name: builtins.toFile name "another";
        system = name: paths: builtins.toFile name (builtins.concatStringsSep "\\n" paths);
      in map builtins.unsafeDiscardStringContext [
        (system "nixos-system-web-1-24.05" [
          (text "nginx-1.24.0" 100) (text "openssl-3.0.13-dev" 9000) (text "perl-5.38" 20000) (text "zlib-1.3" 10)
          (text "lib-foo-bar" 50) (text "source" 30000) (text "python3-3.11.8" 1) (text "python3-3.12.2" 2)
          (text "glibc-2.38-44-bin" 3) (text "acl-2.3.2-lib" 70000) (text "unit-web.service" 5)
        ])
        (system "nixos-system-web-1-24.11" [
          (text "nginx-1.26.1" 90000) (text "openssl-3.0.13" 9000) (text "brotli-1.1.0pre1" 50) (rebuilt "zlib-1.3")
          (text "lib-foo-bar" 50) (text "source" 100) (text "python3-3.12.2" 2)
          (text "glibc-2.38-66-bin" 3) (text "acl-2.3.2" 70000) (text "unit-web.service" 5000)
        ])
      ]
    `);
    if (before === undefined || after === undefined) throw new Error("there are two systems");
    const theirs = await store.nix("store", "diff-closures", before, after);
    const ours = diffClosures(await store.pathInfos([before]), await store.pathInfos([after]));
    expect(ours.packages.flatMap(asNixSaysIt)).toEqual(
      theirs
        .replaceAll(/\u001b\[[\d;]*m/g, "")
        .trimEnd()
        .split("\n"),
    );
    expect(ours.packages.map(({ name }) => name)).toContain("unit-web.service");
  });

  const anyVersion = fc.oneof(
    fc.stringMatching(/^[0-9]{1,2}(\.[0-9]{1,2}){0,2}(pre[0-9]|-rc[0-9]|[a-c])?$/),
    fc.string({ unit: fc.constantFrom("1", "10", "pre", "a", ".", "-", "_", "+"), maxLength: 6 }),
  );

  it("names and versions are split and compared as Nix does it", () => {
    const versions = fc.sample(fc.tuple(anyVersion, anyVersion), { numRuns: 400, seed: 7 });
    const names = ["a-1", "a-b-1.0-2", "a", "a-", "a--1", "a-b", "unit-web.service", "x-_1", "linux-6.6.2-modules"];
    const text = `[
      (map (pair: builtins.compareVersions (builtins.elemAt pair 0) (builtins.elemAt pair 1)) (builtins.fromJSON ''${JSON.stringify(versions)}''))
      (map builtins.parseDrvName (builtins.fromJSON ''${JSON.stringify(names)}''))
    ]`;
    const answer = execFileSync("nix-instantiate", ["--eval", "--strict", "--json", "-E", text], { encoding: "utf8" });
    const [orders, parsed] = JSON.parse(answer) as [number[], unknown[]];
    expect(versions.map(([one, other]) => Math.sign(compareVersions(one, other)))).toEqual(orders);
    // The output's name goes first, which is not parseDrvName's to know.
    expect(names.map((name) => parsePackageName(`${name}-out`))).toEqual(parsed);
  });
});

function asNixSaysIt({ name, from, to, sizeDelta }: PackageChange): string[] {
  const said = (versions: readonly string[]): string =>
    versions.length === 0
      ? "∅"
      : [...versions]
          .sort()
          .map((version) => version || "ε")
          .join(", ");
  const items = from.length + to.length > 0 ? [`${said(from)} → ${said(to)}`] : [];
  if (Math.abs(sizeDelta) >= 8192) items.push(`${sizeDelta > 0 ? "+" : ""}${(sizeDelta / 1024).toFixed(1)} KiB`);
  return items.length === 0 ? [] : [`${name}: ${items.join(", ")}`];
}
