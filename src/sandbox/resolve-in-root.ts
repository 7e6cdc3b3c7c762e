import { readlink } from "node:fs/promises";
import { join } from "node:path";
import { errnoOf } from "#core";
import { SECRETS_MOUNT } from "./secrets-mount.ts";

const MAX_LINKS = 40;

/**
 * Where an absolute path of a host leads when `root` is its `/`, every symbolic link on the way followed as if one had
 * changed root into it. What is not there is taken as it is written. The link that stands for a mount is none to the host.
 * @returns a path below `root`.
 */
export async function resolveInRoot(root: string, path: string): Promise<string> {
  const left = partsOf(path);
  const done: string[] = [];
  for (let links = 0; left.length > 0;) {
    const part = left.shift();
    if (part === undefined) break;
    if (part === "..") {
      done.pop();
      continue;
    }
    const place = join(root, ...done, part);
    const mayBeLink = links < MAX_LINKS && place !== join(root, SECRETS_MOUNT);
    const target = mayBeLink ? await readLink(place) : undefined;
    if (target === undefined) {
      done.push(part);
      continue;
    }
    links += 1;
    if (target.startsWith("/")) done.length = 0;
    // Some tools write the root into a link's target; it still means the same place.
    const inner = target === root || target.startsWith(`${root}/`) ? target.slice(root.length) : target;
    left.unshift(...partsOf(inner));
  }
  return join(root, ...done);
}

function partsOf(path: string): string[] {
  return path.split("/").filter((part) => part !== "" && part !== ".");
}

async function readLink(path: string): Promise<string | undefined> {
  try {
    return await readlink(path);
  } catch (error) {
    const code = errnoOf(error);
    if (code === "EINVAL" || code === "ENOENT" || code === "ENOTDIR") return undefined;
    throw error;
  }
}
