import { mkdir, readFile, statfs } from "node:fs/promises";
import { join } from "node:path";
import { must } from "./run.ts";

const OVERLAYFS_MAGIC = 0x794c7630;
const MEMORY_DISK = "4G";

/**
 * Mounts a host's root file system at `folder/root`: an overlay over its base image.
 * @param options.size limits it (`"200M"`): what the host writes is then kept in memory.
 */
export async function mountDisk(
  folder: string,
  { image, size }: { readonly image: string; readonly size?: string | undefined },
): Promise<string> {
  const [disk, root] = [join(folder, "disk"), join(folder, "root")];
  await mkdir(disk, { recursive: true });
  await mkdir(root, { recursive: true });
  // An overlay cannot be written into another, which is what a container's own disk is.
  const inMemory = size !== undefined || (await statfs(disk)).type === OVERLAYFS_MAGIC;
  if (inMemory) await must(["mount", "-t", "tmpfs", "-o", `size=${size ?? MEMORY_DISK},mode=755`, "tmpfs", disk]);
  const [upper, work] = [join(disk, "upper"), join(disk, "work")];
  await mkdir(upper);
  await mkdir(work);
  const options = `lowerdir=${image},upperdir=${upper},workdir=${work}`;
  await must(["mount", "-t", "overlay", "-o", options, "overlay", root]);
  return root;
}

/** Unmounts everything at and below a folder, deepest first. */
export async function unmountBelow(folder: string): Promise<void> {
  for (const mountPoint of [...(await mountsBelow(folder))].reverse()) await must(["umount", mountPoint]);
}

/** What is mounted at or below a folder, in the order it was mounted. */
export async function mountsBelow(folder: string): Promise<readonly string[]> {
  const table = await readFile("/proc/self/mountinfo", "utf8");
  return table.split("\n").flatMap((line) => {
    const mountPoint = line.split(" ")[4]?.replaceAll(/\\(\d{3})/g, (_, octal: string) => charOf(octal));
    return mountPoint === folder || mountPoint?.startsWith(`${folder}/`) ? [mountPoint] : [];
  });
}

function charOf(octal: string): string {
  return String.fromCharCode(Number.parseInt(octal, 8));
}
