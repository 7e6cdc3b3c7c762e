import { randomBytes } from "node:crypto";
import { open, realpath, rename, rm, stat, writeFile } from "node:fs/promises";
import { dirname } from "node:path";
import { makeFolder } from "./make-folder.ts";

/**
 * Writes a file whole or not at all: to a temporary name beside it, synced, then renamed. Makes its folder. A link is
 * followed, and what is no file, such as `/dev/stdout` or a pipe, is written to as it is: a rename would replace it.
 */
export async function writeFileAtomically(
  path: string,
  content: string | Uint8Array,
  { mode = 0o644 }: { readonly mode?: number } = {},
): Promise<void> {
  const found = await stat(path).catch(() => undefined);
  if (found !== undefined && !found.isFile() && !found.isDirectory()) {
    await writeFile(path, content);
    return;
  }
  const file = found === undefined ? path : await realpath(path);
  await makeFolder(dirname(file));
  const temporary = `${file}.${randomBytes(6).toString("hex")}.tmp`;
  try {
    const written = await open(temporary, "wx", mode);
    try {
      await written.writeFile(content);
      await written.sync();
    } finally {
      await written.close();
    }
    await rename(temporary, file);
  } catch (error) {
    await rm(temporary, { force: true });
    throw error;
  }
}
