import { statfs } from "node:fs/promises";

/** statfs(2) calls these file systems so; both live in memory. */
const IN_MEMORY = new Set([0x01021994 /* tmpfs */, 0x858458f6 /* ramfs */]);

/** Whether what is written to a folder stays in memory, by the file system's own word. One that is not there does not. */
export async function isInMemory(folder: string): Promise<boolean> {
  try {
    return IN_MEMORY.has((await statfs(folder)).type);
  } catch {
    return false;
  }
}
