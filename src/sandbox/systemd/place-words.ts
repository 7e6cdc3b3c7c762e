import { access, readlink, realpath } from "node:fs/promises";
import { basename, dirname, join } from "node:path";
import { resolveInRoot } from "../resolve-in-root.ts";

/**
 * A word of a unit's command line, environment or directory, as a process outside the root must be told it. An absolute
 * path, also one behind `--option=`, that is below the root (or whose folder is) means the one there; any other is this
 * machine's own, such as `/bin/sh`. `/nix/store/` and `/nix/var/` inside a word always mean those below the root.
 */
export async function placeWord(root: string, word: string): Promise<string> {
  const [, option = "", path] = /^(-[^=/]*=)?(\/.*)$/s.exec(word) ?? [];
  if (path !== undefined && path !== root && !path.startsWith(`${root}/`)) {
    const inside = await resolveWord(root, path);
    if (
      inside !== root &&
      ((await isThere(inside)) || (dirname(inside) !== root && (await isThere(dirname(inside)))))
    ) {
      return option + inside;
    }
  }
  return word.replace(/(^|[^\w/.-])\/nix\/(?=(store|var)\/)/g, (_whole, before: string) => `${before}${root}/nix/`);
}

/**
 * A link that leads to a path of its own host's is followed, for outside it leads elsewhere. Any other is left as it is: a
 * program may go by the name it was called, and a link may lead elsewhere later.
 */
async function resolveWord(root: string, path: string): Promise<string> {
  const place = join(await resolveFolder(root, dirname(path)), basename(path));
  const target = await readlink(place).catch(() => "");
  return target.startsWith("/") ? resolveInRoot(root, path) : place;
}

async function resolveFolder(root: string, path: string): Promise<string> {
  const folder = await resolveInRoot(root, path);
  const unresolved = join(root, path);
  try {
    return (await realpath(unresolved)) === (await realpath(folder)) ? unresolved : folder;
  } catch {
    return folder;
  }
}

async function isThere(path: string): Promise<boolean> {
  try {
    await access(path);
    return true;
  } catch {
    return false;
  }
}
