import { lstat, mkdtemp, open, readdir, readFile, rm } from "node:fs/promises";
import { basename, join } from "node:path";
import { messageOf } from "#core";
import { SecretsError } from "../errors.ts";
import { Plaintext } from "../plaintext.ts";
import { isInMemory } from "./is-in-memory.ts";

export interface PlaintextFileOptions {
  /** What the file is called. */
  readonly name: string;
  /** Folders to put it below; the first that is in memory is taken. */
  readonly folders: readonly string[];
}

/**
 * Lets something that needs a file, an editor, work on plaintext, and gives back what it made of it. The file lies in a
 * folder of its own that is in memory and that only its owner can enter; all in it is overwritten and removed at the end.
 * @throws SecretsError `secrets/no-tmpfs` when none of the folders is in memory.
 */
export async function withPlaintextFile(
  plaintext: Plaintext | undefined,
  { name, folders }: PlaintextFileOptions,
  use: (path: string, folder: string) => Promise<void>,
): Promise<Plaintext> {
  const folder = await mkdtemp(join(await folderInMemory(folders), "skep-edit-"));
  try {
    const path = join(folder, basename(name));
    await using file = await open(path, "wx", 0o600);
    await file.writeFile(plaintext?.reveal() ?? "");
    await use(path, folder);
    // An editor may have put another file in its place.
    return new Plaintext(await readFile(path));
  } catch (error) {
    if (error instanceof SecretsError) throw error;
    throw new SecretsError("secrets/file", `cannot edit ${name}: ${messageOf(error)}`, { cause: error });
  } finally {
    await wipeFolder(folder);
  }
}

/** Places that swap may write memory to, or an empty list. */
export async function readSwaps(): Promise<readonly string[]> {
  try {
    const lines = (await readFile("/proc/swaps", "utf8")).trim().split("\n").slice(1);
    // What is swapped to compressed memory does not leave it.
    return lines.map((line) => line.split(/\s+/)[0] ?? "").filter((device) => !/\/zram\d*$/.test(device));
  } catch {
    return [];
  }
}

async function folderInMemory(folders: readonly string[]): Promise<string> {
  for (const folder of folders) if (await isInMemory(folder)) return folder;
  throw new SecretsError(
    "secrets/no-tmpfs",
    `cannot put plaintext into a file: none of ${folders.join(", ")} is a tmpfs, and what is on a disk stays there`,
    { hint: "mount a tmpfs on /dev/shm, or give the new content on standard input" },
  );
}

async function wipeFolder(folder: string): Promise<void> {
  for (const name of await readdir(folder, { recursive: true })) {
    const path = join(folder, name);
    const found = await lstat(path);
    if (!found.isFile()) continue;
    await using file = await open(path, "r+");
    await file.write(Buffer.alloc(found.size));
  }
  await rm(folder, { recursive: true, force: true });
}
