import { access } from "node:fs/promises";
import { dirname } from "node:path";
import { resolveInRoot } from "./resolve-in-root.ts";

/**
 * A word of a unit's command line, environment or directory, as a process outside the root must be told it. An absolute
 * path, also one behind `--option=`, that is below the root (or whose folder is) means the one there; any other is this
 * machine's own, such as `/bin/sh`. `/nix/store/` and `/nix/var/` inside a word always mean those below the root.
 */
export async function placeWord(root: string, word: string): Promise<string> {
  const [, option = "", path] = /^(-[^=/]*=)?(\/.*)$/s.exec(word) ?? [];
  if (path !== undefined && path !== root && !path.startsWith(`${root}/`)) {
    const inside = await resolveInRoot(root, path);
    if (
      inside !== root &&
      ((await isThere(inside)) || (dirname(inside) !== root && (await isThere(dirname(inside)))))
    ) {
      return option + inside;
    }
  }
  return word.replace(/(^|[^\w/.-])\/nix\/(?=(store|var)\/)/g, (_whole, before: string) => `${before}${root}/nix/`);
}

async function isThere(path: string): Promise<boolean> {
  try {
    await access(path);
    return true;
  } catch {
    return false;
  }
}
