import {
  chmodSync,
  existsSync,
  lstatSync,
  readdirSync,
  renameSync,
  rmSync,
  symlinkSync,
  unlinkSync,
  writeFileSync,
} from "node:fs";
import { join } from "node:path";
import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { copyClosure, openPosixHostStore, verifyStore } from "#store";
import { storePath } from "../closures.ts";
import { anyTree } from "../trees.ts";
import type { LocalHost } from "./local-hosts.ts";
import { hostKinds, openLocalHost } from "./local-hosts.ts";
import { folder, link, ODD, openTreeClosure, text } from "./tree-closures.ts";
import type { TreeSpec } from "./tree-closures.ts";

async function install(host: LocalHost, specs: readonly TreeSpec[]): Promise<void> {
  using trees = await openTreeClosure(specs);
  await using store = await openPosixHostStore(host);
  await copyClosure(trees.closure, store, trees);
}

const DB: TreeSpec = { name: "db", tree: text("db") };
const UNIT: TreeSpec = {
  name: "unit",
  tree: folder({ run: text("#!/bin/sh\n", { executable: true }), "unit.conf": text("port=80"), link: link("run") }),
  references: ["db"],
};

/** What can befall a path, and what is said of it then. */
const PLANTED: readonly [what: string, plant: (path: string) => void, kind: string][] = [
  [
    "a changed byte",
    (path) => {
      rewrite(join(path, "unit.conf"), "port=81");
    },
    "changed",
  ],
  [
    "a missing file",
    (path) => {
      unlinkSync(join(path, "unit.conf"));
    },
    "changed",
  ],
  [
    "an extra file",
    (path) => {
      writeFileSync(join(path, ".extra"), "");
      chmodSync(join(path, ".extra"), 0o444);
    },
    "changed",
  ],
  [
    "another name",
    (path) => {
      renameSync(join(path, "unit.conf"), join(path, "unit.Conf"));
    },
    "changed",
  ],
  [
    "another link",
    (path) => {
      unlinkSync(join(path, "link"));
      symlinkSync("unit.conf", join(path, "link"));
    },
    "changed",
  ],
  [
    "a program that is none",
    (path) => {
      chmodSync(join(path, "run"), 0o444);
    },
    "changed",
  ],
  [
    "a file to write to",
    (path) => {
      chmodSync(join(path, "unit.conf"), 0o644);
    },
    "mode",
  ],
  [
    "a folder to write to",
    (path) => {
      chmodSync(path, 0o777);
    },
    "mode",
  ],
  [
    "a missing path",
    (path) => {
      rmSync(path, { recursive: true });
    },
    "dangling",
  ],
];

function rewrite(file: string, contents: string): void {
  chmodSync(file, 0o644);
  writeFileSync(file, contents);
  chmodSync(file, 0o444);
}

describe.each(hostKinds)("verifyStore() on $name", (kind) => {
  it.skipIf(kind.unavailable)("finds all that was planted, and nothing else", async () => {
    await using host = await openLocalHost(kind);
    const units = PLANTED.map((_, at) => ({ ...UNIT, name: `unit-${at}` }));
    await install(host, [DB, ...units, { name: "system", tree: text(""), references: units.map(({ name }) => name) }]);
    expect(await verifyStore(host.runner, host)).toEqual([]);
    for (const [at, [, plant]] of PLANTED.entries()) {
      const path = join(host.root, storePath(`unit-${at}`));
      chmodSync(path, 0o755);
      plant(path);
      if (existsSync(path) && lstatSync(path).mode % 0o1000 === 0o755) chmodSync(path, 0o555);
    }
    const problems = await verifyStore(host.runner, host);
    const found = PLANTED.map(([what], at) => [
      what,
      ...problems
        .filter((one) => (one.kind === "dangling" ? one.reference : one.path) === storePath(`unit-${at}`))
        .map((one) => one.kind),
    ]);
    expect(found).toEqual(PLANTED.map(([what, , ...kinds]) => [what, ...kinds]));
    expect(problems).toHaveLength(PLANTED.length);
  });

  it.skipIf(kind.unavailable)("hashes names of all kinds in the order of their bytes", async () => {
    await using host = await openLocalHost(kind);
    await install(host, [{ name: "odd", tree: ODD }]);
    expect(await verifyStore(host.runner, host)).toEqual([]);
  });

  it.skipIf(kind.unavailable)("hashes any tree as Nix does", { timeout: 60_000 }, async () => {
    await fc.assert(
      fc.asyncProperty(fc.array(anyTree, { minLength: 6, maxLength: 6 }), async (all) => {
        await using host = await openLocalHost(kind);
        await install(host, [
          ...all.map((tree, at) => ({ name: `t-${at}`, tree })),
          { name: "system", tree: text(""), references: all.map((_, at) => `t-${at}`) },
        ]);
        const hashed: string[] = [];
        expect(await verifyStore(host.runner, { ...host, onHashed: (path) => hashed.push(path) })).toEqual([]);
        expect(hashed).toHaveLength(all.length + 1);
      }),
      { numRuns: 8 },
    );
  });
});

describe("verifyStore()", () => {
  it("tells of paths without a record, and of references that are gone", async () => {
    await using host = await openLocalHost();
    await install(host, [DB, UNIT]);
    const base = storePath("db").slice("/nix/store/".length);
    rmSync(join(host.root, "nix/var/skep/info", base));
    expect(await verifyStore(host.runner, host)).toEqual(
      [
        { kind: "unregistered", path: storePath("db") },
        { kind: "dangling", path: storePath("unit"), reference: storePath("db") },
      ].sort((a, b) => (a.path < b.path ? -1 : 1)),
    );
    expect(await verifyStore(host.runner, { ...host, paths: [storePath("stranger")] })).toEqual([
      { kind: "missing", path: storePath("stranger") },
    ]);
    expect(readdirSync(join(host.root, "nix/store"))).toHaveLength(2);
  });
});
