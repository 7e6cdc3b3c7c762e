/**
 * What this operator brought to hosts, so that the next deployment knows what it takes the place of without asking them:
 * `.skep/systems/<base of the toplevel>.json` for each system that was made without Nix; what Nix made its store has.
 *
 *     { "v": 1, "paths": [[path, NAR size], …], "etc": [[path below /etc, how it is made], …], "units": [name, …] }
 *
 * A file that is not whole counts as not there. The newest two thousand are kept.
 */
import { readdir, readFile, rm, stat } from "node:fs/promises";
import { basename, join } from "node:path";
import { makeFolder, writeFileAtomically } from "#core";
import { STATE_FOLDER } from "#hive";
import type { StorePath } from "#store";
import { isStorePath } from "#store";
import type { KnownSystem } from "./known-systems.ts";

export interface RememberedSystems extends AsyncDisposable {
  read(toplevel: StorePath): Promise<KnownSystem | undefined>;
  /** Writes it down, as far as that can be; waited for at the disposal. */
  remember(toplevel: StorePath, system: KnownSystem): void;
}

const MOST_KEPT = 2_000;

/** @param directory the hive's folder. */
export function rememberedSystems(directory: string): RememberedSystems {
  const folder = join(directory, STATE_FOLDER, "systems");
  const fileOf = (toplevel: StorePath): string => join(folder, `${basename(toplevel)}.json`);
  const writing = new Set<Promise<void>>();
  let made: Promise<unknown> | undefined;
  const write = async (file: string, { paths, etc, units }: KnownSystem): Promise<void> => {
    made ??= makeFolder(folder, { mode: 0o700 });
    await made;
    const lines = paths.map(({ path, narSize }) => [path, narSize]);
    const text = `${JSON.stringify({ v: 1, paths: lines, etc: [...(etc ?? [])], units })}\n`;
    await writeFileAtomically(file, text, { mode: 0o600 });
  };
  return {
    async read(toplevel) {
      try {
        return parse(await readFile(fileOf(toplevel), "utf8"));
      } catch {
        return undefined;
      }
    },
    remember(toplevel, system) {
      const written = write(fileOf(toplevel), system).catch(() => undefined);
      writing.add(written);
      void written.then(() => writing.delete(written));
    },
    async [Symbol.asyncDispose]() {
      await Promise.all(writing);
      if (made !== undefined) await forgetOld(folder).catch(() => undefined);
    },
  };
}

function parse(text: string): KnownSystem | undefined {
  const value = JSON.parse(text) as Readonly<Record<string, unknown>>;
  if (value.v !== 1 || ![value.paths, value.etc, value.units].every(Array.isArray)) return undefined;
  const pairs = value.paths as readonly (readonly [unknown, unknown])[];
  return {
    paths: pairs.flatMap(([path, narSize]) =>
      typeof path === "string" && isStorePath(path) && typeof narSize === "number" ? [{ path, narSize }] : [],
    ),
    etc: new Map(value.etc as readonly (readonly [string, string])[]),
    units: value.units as readonly string[],
  };
}

async function forgetOld(folder: string): Promise<void> {
  const names = await readdir(folder);
  if (names.length <= MOST_KEPT) return;
  const files = await Promise.all(
    names.map(async (name) => ({ file: join(folder, name), at: (await stat(join(folder, name))).mtimeMs })),
  );
  files.sort((one, other) => other.at - one.at);
  await Promise.all(files.slice(MOST_KEPT).map(({ file }) => rm(file, { force: true })));
}
