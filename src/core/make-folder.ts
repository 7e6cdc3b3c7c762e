import { mkdir, stat } from "node:fs/promises";
import { dirname } from "node:path";
import { errnoOf } from "./errors.ts";

/**
 * Makes a folder, and those above it that are not there. A folder that is there already is left as it is.
 *
 * Node's own `recursive` never ends where a folder that is there answers that it is not, as those of `/proc` do.
 * @returns the uppermost folder that was made; undefined where all were there.
 * @throws what `mkdir` says.
 */
export async function makeFolder(path: string, options: { readonly mode?: number } = {}): Promise<string | undefined> {
  const found = await attempt(path, options);
  if (found !== "has-none-above") return found === "made" ? path : undefined;
  const parent = dirname(path);
  const first = parent === path ? undefined : await makeFolder(parent, options);
  // Of that which is there now and takes no folders, this says why.
  await mkdir(path, options).catch(unlessThere(path));
  return first ?? path;
}

async function attempt(
  path: string,
  options: { readonly mode?: number },
): Promise<"made" | "was-there" | "has-none-above"> {
  try {
    await mkdir(path, options);
    return "made";
  } catch (error) {
    if (errnoOf(error) === "ENOENT") return "has-none-above";
    await unlessThere(path)(error);
    return "was-there";
  }
}

/** Whatever is wrong with making a folder that is there: it is there. */
function unlessThere(path: string): (error: unknown) => Promise<void> {
  return async (error) => {
    const found = await stat(path).catch(() => undefined);
    if (found?.isDirectory() !== true) throw error;
  };
}
