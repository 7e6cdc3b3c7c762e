import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { makeClosure, storePathName } from "#store";
import { anyClosure, pathInfo, storePath } from "./closures.ts";

describe("makeClosure()", () => {
  it("orders references before referrers, the toplevel last", () => {
    fc.assert(
      fc.property(anyClosure, fc.infiniteStream(fc.nat()), (closure, numbers) => {
        const shuffled = closure.paths
          .map((info) => ({ info, key: numbers.next().value as number }))
          .sort((a, b) => a.key - b.key)
          .map(({ info }) => info);
        const { paths, toplevel, narSize } = makeClosure(closure.toplevel, shuffled);
        const seen = new Set<string>();
        for (const info of paths) {
          for (const reference of info.references) expect(reference === info.path || seen.has(reference)).toBe(true);
          seen.add(info.path);
        }
        expect(seen.size).toBe(closure.paths.length);
        expect(paths.at(-1)?.path).toBe(toplevel);
        expect(narSize).toBe(paths.reduce((sum, info) => sum + info.narSize, 0));
      }),
    );
  });

  it("leaves out what the toplevel does not reach", () => {
    const infos = [pathInfo("system", ["web"]), pathInfo("web"), pathInfo("stranger", ["system"])];
    const { paths } = makeClosure(storePath("system"), infos);
    expect(paths.map(({ path }) => storePathName(path))).toEqual(["web", "system"]);
  });

  it("names a missing reference and who refers to it", () => {
    const infos = [pathInfo("system", ["web"])];
    expect(() => makeClosure(storePath("system"), infos)).toThrow(
      `the closure lacks ${storePath("web")}: ${storePath("system")} refers to it`,
    );
    expect(() => makeClosure(storePath("web"), infos)).toThrow("it is not among the paths given");
  });

  it("refuses references that go in a circle, but not to oneself", () => {
    const circle = [pathInfo("system", ["web"]), pathInfo("web", ["db"]), pathInfo("db", ["web", "db"])];
    expect(() => makeClosure(storePath("system"), circle)).toThrow("references go in a circle");
    expect(makeClosure(storePath("system"), [pathInfo("system", ["system"])]).paths).toHaveLength(1);
  });

  it("takes a chain far longer than the call stack is deep", () => {
    const infos = Array.from({ length: 50_000 }, (_, index) =>
      pathInfo(`p-${index}`, index === 0 ? [] : [`p-${index - 1}`]),
    );
    expect(makeClosure(storePath("p-49999"), infos).paths).toHaveLength(50_000);
  });
});
