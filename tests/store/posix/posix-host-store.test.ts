import { lstatSync, readdirSync } from "node:fs";
import { join } from "node:path";
import fc from "fast-check";
import { describe, expect, it } from "vitest";
import type { StorePath } from "#store";
import { copyClosure, openPosixHostStore } from "#store";
import { anyTree } from "../trees.ts";
import { storePath } from "../closures.ts";
import type { LocalHost } from "./local-hosts.ts";
import { hostKinds, openLocalHost } from "./local-hosts.ts";
import type { TreeClosure } from "./tree-closures.ts";
import { folder, hashNar, link, ODD, openTreeClosure, text } from "./tree-closures.ts";

async function copyTo(host: LocalHost, { closure, narSource }: TreeClosure, compression?: "none" | "gzip") {
  await using store = await openPosixHostStore({ ...host, compression });
  return await copyClosure(closure, store, { narSource });
}

function storeOf({ root }: LocalHost): string[] {
  return readdirSync(join(root, "nix/store")).sort();
}

async function expectWhole(host: LocalHost, { closure }: TreeClosure, paths?: readonly StorePath[]): Promise<void> {
  for (const { path, narHash } of closure.paths) {
    if (paths?.includes(path) === false) continue;
    const copy = join(host.root, path);
    expect({ path, narHash: (await hashNar(copy)).narHash }).toEqual({ path, narHash });
    expectCanonical(copy);
  }
}

/** The modes and times of a Nix store. */
function expectCanonical(path: string): void {
  const bytes = Buffer.from(path, "latin1");
  const stat = lstatSync(bytes);
  const shown = { path, mode: (stat.mode & 0o7777).toString(8), mtime: stat.mtimeMs };
  if (stat.isSymbolicLink()) expect(shown.mtime).toBe(1_000);
  else
    expect(shown).toMatchObject({
      mode: stat.isDirectory() || (stat.mode & 0o111) !== 0 ? "555" : "444",
      mtime: 1_000,
    });
  if (!stat.isDirectory()) return;
  for (const name of readdirSync(bytes, "latin1")) expectCanonical(`${path}/${name}`);
}

describe.each(hostKinds)("openPosixHostStore() on $name", (kind) => {
  const { unavailable } = kind;
  it.skipIf(unavailable)("copies files, links and folders of all names, as a Nix store has them", async () => {
    await using host = await openLocalHost(kind);
    using trees = await openTreeClosure([
      { name: "plain", tree: text("only a file") },
      { name: "executable", tree: text("#!/bin/sh\n", { executable: true }) },
      { name: "link", tree: link("/nix/store") },
      { name: "odd", tree: ODD, references: ["plain", "odd"] },
      { name: "system", tree: folder({ odd: link(storePath("odd")) }), references: ["odd", "executable", "link"] },
    ]);
    expect(await copyTo(host, trees)).toMatchObject({ paths: 5, alreadyThere: 0 });
    await expectWhole(host, trees);
    expect(storeOf(host)).toEqual(trees.closure.paths.map(({ path }) => path.slice("/nix/store/".length)).sort());
    expect(await copyTo(host, trees)).toMatchObject({ paths: 0, alreadyThere: 5, substituted: 0 });
    expect(readdirSync(join(host.root, "nix/var/skep/temproots"))).toEqual([]);
  });

  it.skipIf(unavailable)("copies any tree so that its NAR stays the same", { timeout: 60_000 }, async () => {
    await fc.assert(
      fc.asyncProperty(fc.array(anyTree, { minLength: 1, maxLength: 4 }), fc.boolean(), async (all, packed) => {
        await using host = await openLocalHost(kind);
        using trees = await openTreeClosure(
          all.map((tree, at) => ({ name: `t-${at}`, tree, references: at === 0 ? [] : [`t-${at - 1}`] })),
        );
        await copyTo(host, trees, packed ? "gzip" : "none");
        await expectWhole(host, trees);
      }),
      { numRuns: 15 },
    );
  });
});
