import { readdirSync } from "node:fs";
import { describe, expect, it } from "vitest";
import type { StoredPath, StorePath } from "#store";
import { copyClosure, openPosixHostStore, readNixHostStore, readPosixHostStore } from "#store";
import { storePath } from "./closures.ts";
import { openLocalChannel } from "./local-channel.ts";
import { hostKinds, openLocalHost } from "./posix/local-hosts.ts";
import { folder, link, openTreeClosure, text } from "./posix/tree-closures.ts";
import { noNix, openRealStore } from "./real-store.ts";

const byPath = (paths: readonly StoredPath[] = []): StoredPath[] =>
  paths.map(({ path, narSize }) => ({ path, narSize })).sort((a, b) => (a.path < b.path ? -1 : 1));
const ELSEWHERE = storePath("elsewhere");

describe.each(hostKinds)("readPosixHostStore() on $name", (kind) => {
  it.skipIf(kind.unavailable)("tells the closure of a system and what is missing, and changes nothing", async () => {
    await using host = await openLocalHost(kind);
    using trees = await openTreeClosure([
      { name: "site", tree: text("hello"), references: ["site"] },
      { name: "unit", tree: text("[Service]"), references: ["site"] },
      { name: "system", tree: folder({ unit: link(storePath("unit")) }), references: ["unit", "site"] },
      { name: "other", tree: text("not of it"), references: ["system"] },
    ]);
    const { closure } = trees;
    {
      await using store = await openPosixHostStore(host);
      await copyClosure(closure, store, trees);
    }
    const before = readdirSync(host.root, { recursive: true });
    const toplevel = storePath("system");
    const wanted = [storePath("site"), ELSEWHERE];
    const reading = await readPosixHostStore({ ...host, toplevel, wanted });
    expect(byPath(reading.closure)).toEqual(byPath(closure.paths.filter(({ path }) => path !== storePath("other"))));
    expect(reading.missing).toEqual([ELSEWHERE]);
    expect(readdirSync(host.root, { recursive: true })).toEqual(before);
  });

  it.skipIf(kind.unavailable)("makes no store where there is none", async () => {
    await using host = await openLocalHost(kind);
    const reading = await readPosixHostStore({ ...host, toplevel: storePath("system"), wanted: [ELSEWHERE] });
    expect(reading).toEqual({ closure: undefined, missing: [ELSEWHERE] });
    expect(readdirSync(host.root)).toEqual([]);
  });
});

describe.skipIf(noNix)("readNixHostStore()", { timeout: 60_000 }, () => {
  it("tells the same of a Nix store, over a channel that cannot write", async () => {
    await using store = await openRealStore();
    const [toplevel] = await store.addTexts(
      'map builtins.unsafeDiscardStringContext [ (builtins.toFile "system" (builtins.toFile "unit" "[Service]")) ]',
    );
    if (toplevel === undefined) throw new Error("there is a system");
    const argv = ["nix-store", "--store", store.root, "--serve"] as const;
    const env = { NIX_CONFIG: "build-users-group =\nsubstituters =" };
    const read = (of: StorePath, sizeOf?: (path: StorePath) => number | undefined) =>
      readNixHostStore({
        openChannel: () => Promise.resolve(openLocalChannel(argv, { env })),
        ...{ toplevel: of, wanted: [toplevel, ELSEWHERE], sizeOf },
      });
    const infos = await store.pathInfos([toplevel]);
    const reading = await read(toplevel);
    expect(byPath(reading.closure)).toEqual(byPath(infos));
    expect(reading.missing).toEqual([ELSEWHERE]);
    expect(byPath((await read(toplevel, () => 7)).closure)).toEqual(
      byPath(infos.map(({ path }) => ({ path, narSize: 7 }))),
    );
    expect(await read(ELSEWHERE)).toEqual({ closure: undefined, missing: [ELSEWHERE] });
  });
});
