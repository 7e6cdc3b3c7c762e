import { chmodSync, mkdirSync, mkdtempSync, rmSync, symlinkSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import type { PathInfo } from "#store";
import {
  byDigest,
  makeTextObject,
  makeTreeObject,
  parseStorePath,
  readFileTree,
  readTreeObject,
  treeFile,
} from "#store";
import type { RealStore } from "./real-store.ts";
import { noNix, openRealStore } from "./real-store.ts";

const NONE = byDigest([]);

let folder = "";
beforeAll(() => {
  folder = mkdtempSync(join(tmpdir(), "skep-objects-"));
  mkdirSync(join(folder, "hive/a.b"), { recursive: true });
  mkdirSync(join(folder, "empty-folder"));
  writeFileSync(join(folder, "hive/honey"), "sweet\n");
  writeFileSync(join(folder, "hive/a b\n\u00e9"), "odd name");
  writeFileSync(join(folder, "hive/a.b/bee"), "#!/bin/sh\necho buzz\n");
  chmodSync(join(folder, "hive/a.b/bee"), 0o755);
  symlinkSync("../hive/honey", join(folder, "hive/link"));
  symlinkSync("nowhere", join(folder, "dangling"));
  writeFileSync(join(folder, "empty"), "");
  writeFileSync(join(folder, "large"), Buffer.alloc(3_000_001, "wax"));
  writeFileSync(join(folder, "run"), "#!/bin/sh\n");
  chmodSync(join(folder, "run"), 0o755);
});
afterAll(() => {
  rmSync(folder, { recursive: true, force: true });
});

async function added(name: string): Promise<PathInfo> {
  return (await readTreeObject(name, await readFileTree(join(folder, name)), { candidates: NONE })).info;
}

describe("content-addressed objects have the paths that Nix gives them", () => {
  // Recorded from Nix 2.8.0: `nix-store --add` of each name below, and builtins.toFile of the texts.
  it.each([
    ["hive", "/nix/store/4czv4cj30mfigjak3mxqm9bykllkjcp6-hive"],
    ["empty-folder", "/nix/store/cqg4l81a3bg4ncb8ficxabjbr6i36170-empty-folder"],
    ["dangling", "/nix/store/i9s602wqnwlz1rz6979x039a1snpz3wf-dangling"],
    ["empty", "/nix/store/lx5i78a4izwk2qj1nq8rdc07y8zrwy90-empty"],
    ["large", "/nix/store/20w50dk6skhpf6hwswvfxgcnrmy8v382-large"],
    ["run", "/nix/store/fhsg3jqz69b5s1ng2y2947cgd10nvswa-run"],
  ])("%s, as recorded", async (name, path) => {
    expect((await added(name)).path).toBe(path);
  });

  it("texts that refer to each other, as recorded", () => {
    const { flower, bee } = texts();
    expect(flower.path).toBe("/nix/store/h9b64pcjw5vjm67wg54qrknvxck415g5-flower");
    expect(bee.path).toBe("/nix/store/jpmqm1jmwgrz55cmglc5m56p4npkdwja-bee.conf");
    expect(bee.references).toEqual([flower.path]);
  });

  describe.skipIf(noNix !== undefined)(`Nix itself${noNix === undefined ? "" : ` (${noNix})`}`, () => {
    let store: RealStore;
    beforeAll(async () => {
      store = await openRealStore();
    });
    afterAll(() => store[Symbol.asyncDispose]());

    it.each(["hive", "empty-folder", "dangling", "empty", "large", "run"])("agrees about %s", async (name) => {
      const path = await store.add(join(folder, name));
      const [theirs] = await store.pathInfos([path]);
      expect(theirs).toMatchObject(described(await added(name)));
    });

    it("agrees about texts with and without references", async () => {
      const { flower, bee } = texts();
      const paths = await store.addTexts(`
        let flower = builtins.toFile "flower" "yellow\\n";
        in [ flower (builtins.toFile "bee.conf" "visits \${flower} twice: \${flower}\\n") ]`);
      expect(paths).toEqual([flower.path, bee.path]);
      const theirs = await store.pathInfos(paths);
      expect(theirs.find(({ path }) => path === bee.path)).toMatchObject(described(bee));
      expect(theirs.find(({ path }) => path === flower.path)).toMatchObject(described(flower));
    });
  });

  function texts(): { readonly flower: PathInfo; readonly bee: PathInfo } {
    const flower = makeTextObject("flower", "yellow\n", NONE).info;
    const text = `visits ${flower.path} twice: ${flower.path}\n`;
    return { flower, bee: makeTextObject("bee.conf", text, byDigest([flower.path])).info };
  }
});

function described({ path, narHash, narSize, references, ca }: PathInfo): object {
  return { path, narHash, narSize, references, ca };
}

describe("a content-addressed object", () => {
  const flower = parseStorePath("/nix/store/00000000000000000000000000000000-flower");

  it("has another path when it refers to something", () => {
    const tree = treeFile(`visits ${flower}\n`);
    const without = makeTreeObject("bee", tree, NONE).info;
    const candidate = makeTreeObject("bee", tree, byDigest([flower])).info;
    expect(candidate.references).toEqual([flower]);
    expect(without.references).toEqual([]);
    expect(candidate.path).not.toBe(without.path);
    expect(candidate.ca).toBe(without.ca);
  });

  it.each(["", ".", "..", ".-bee", "a/b", "a b", "x".repeat(212)])("cannot be named %j", (name) => {
    expect(() => makeTextObject(name, "", NONE)).toThrow(/is not a store path/);
  });

  it("is refused when a file changes between its reading and its copying", async () => {
    const tree = await readFileTree(join(folder, "run"));
    writeFileSync(join(folder, "run"), "#!/bin/sh\nmore\n");
    await expect(readTreeObject("run", tree, { candidates: NONE })).rejects.toMatchObject({ code: "store/changed" });
    writeFileSync(join(folder, "run"), "#!/bin/sh\n");
  });
});
