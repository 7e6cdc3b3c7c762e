import { createHash } from "node:crypto";
import fc from "fast-check";
import type { Closure, NarSource, PathInfo, StorePath } from "#store";
import { encodeNixBase32, makeClosure, narHashOf, parseStorePath } from "#store";

/** A store path with a digest made from its name. */
export function storePath(name: string): StorePath {
  const digest = createHash("sha256").update(name).digest().subarray(0, 20);
  return parseStorePath(`/nix/store/${encodeNixBase32(digest)}-${name}`);
}

/** A path info whose NAR is what {@link madeUpNars} gives for it. */
export function pathInfo(name: string, references: readonly string[] = [], narSize = 128): PathInfo {
  return {
    path: storePath(name),
    narHash: narHashOf(createHash("sha256").update(name).digest()),
    narSize,
    references: references.map(storePath),
    signatures: [],
  };
}

/** NARs of the right size with nothing in them, in pieces of at most 64 KiB. */
export const madeUpNars: NarSource = {
  openReader: () => ({
    async *read({ narSize }) {
      for (let left = narSize; left > 0; left -= 65_536) {
        await Promise.resolve();
        yield { bytes: Buffer.alloc(Math.min(left, 65_536)), release: () => undefined };
      }
    },
    [Symbol.dispose]: () => undefined,
  }),
};

/** A closure of `count` paths whose toplevel refers to all others, which refer to nothing. */
export function wideClosure(count: number, narSize = 128): Closure {
  const names = Array.from({ length: count - 1 }, (_, index) => `unit-${index}`);
  return makeClosure(storePath("system"), [
    ...names.map((name) => pathInfo(name, [], narSize)),
    pathInfo("system", names, narSize),
  ]);
}

/** Closures of any shape: each path refers to some of those before it, the toplevel to all that nobody refers to. */
export const anyClosure: fc.Arbitrary<Closure> = fc
  .array(fc.tuple(fc.array(fc.nat(60), { maxLength: 4 }), fc.boolean(), fc.constantFrom(128, 1_000, 70_000)), {
    minLength: 1,
    maxLength: 60,
  })
  .map((specs) => {
    const infos = specs.map(([back, toItself, narSize], index) => {
      const references = [...new Set(back.map((step) => index - 1 - step).filter((at) => at >= 0))];
      if (toItself) references.push(index);
      return pathInfo(
        `p-${index}`,
        references.map((at) => `p-${at}`),
        narSize,
      );
    });
    const names = infos.map((_, index) => `p-${index}`);
    return makeClosure(storePath("system"), [...infos, pathInfo("system", names)]);
  });
