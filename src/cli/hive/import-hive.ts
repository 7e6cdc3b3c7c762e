import { readFile } from "node:fs/promises";
import { createRequire, SourceMap } from "node:module";
import { extname } from "node:path";
import { createJiti } from "jiti";
import * as skep from "skep";
import type { SourceMaps } from "./explain-thrown.ts";
import { HiveSyntaxError } from "./explain-thrown.ts";

/** What running a hive file gave, and how to find its lines again in what it throws, now or later. */
export interface ImportedHive extends Disposable {
  /** The file's exports. Rejects with whatever the file threw. */
  readonly exports: Promise<Readonly<Record<string, unknown>>>;
  readonly maps: SourceMaps;
}

/**
 * Runs a hive file: TypeScript or JavaScript, with imports, JSON and top-level await. `import … from "skep"` gives this
 * very skep wherever the file lies. The file, the TypeScript and the data it imports are read anew each time; JavaScript
 * that it imports is run by Node, once in the life of the process. Dispose it when the hive's own functions have run.
 */
export function importHive(path: string): ImportedHive {
  const maps = new Map<string, SourceMap>();
  const loadedBefore = new Set(Object.keys(requireCache));
  return {
    exports: run(path, maps),
    maps,
    [Symbol.dispose]() {
      for (const file of Object.keys(requireCache)) {
        // JSON goes through Node's own cache, which would serve it stale the next time.
        if (!loadedBefore.has(file) && !file.includes("/node_modules/")) Reflect.deleteProperty(requireCache, file);
      }
    },
  };
}

const requireCache = createRequire(import.meta.url).cache;

async function run(path: string, maps: Map<string, SourceMap>): Promise<Readonly<Record<string, unknown>>> {
  // The file system cache would lie in a folder that others can write to, and what is in it is run.
  const options = { fsCache: false, moduleCache: false, interopDefault: false, sourceMaps: true } as const;
  const translator = createJiti(path, options);
  const runner = createJiti(path, {
    ...options,
    virtualModules: { skep },
    transform: (request) => {
      const code = translator.transform(request);
      if (code.startsWith("exports.__JITI_ERROR__")) throw new HiveSyntaxError(code);
      const [program = "", map] = code.split("\n//# sourceMappingURL=data:application/json;charset=utf-8;base64,");
      if (request.filename !== undefined && map !== undefined) maps.set(request.filename, readSourceMap(map));
      // On a line of its own the program's columns are not shifted by what it is wrapped in.
      return { code: `\n${program}` };
    },
  });
  const source = await readFile(path, "utf8");
  if (extname(path) === ".json") return { default: JSON.parse(source) as unknown };
  const exports = runner.evalModule(source, {
    id: path,
    filename: path,
    ext: extname(path),
    async: true,
    // Left to itself, jiti hands an .mjs to Node, which knows no "skep" and never runs a file twice.
    forceTranspile: true,
  });
  return (await exports) as Readonly<Record<string, unknown>>;
}

function readSourceMap(base64: string): SourceMap {
  return new SourceMap(
    JSON.parse(Buffer.from(base64, "base64").toString("utf8")) as ConstructorParameters<typeof SourceMap>[0],
  );
}
