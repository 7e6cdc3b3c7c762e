import { resolve } from "node:path";

/** A file that the command line names, seen from the folder it was called in. */
export function fileIn(cwd: string, file: string | undefined): string | undefined {
  return file === undefined ? undefined : resolve(cwd, file);
}
