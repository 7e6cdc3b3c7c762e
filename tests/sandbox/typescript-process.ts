import { spawn } from "node:child_process";
import type { ChildProcessByStdio } from "node:child_process";
import type { Readable } from "node:stream";

/** `load()` of a folder's door from its TypeScript sources, and those it imports, whatever was built before. */
export const LOAD = `
import { readdirSync } from "node:fs";
import { createJiti } from "jiti";
const doors = readdirSync("src", { withFileTypes: true }).filter((entry) => entry.isDirectory());
const alias = Object.fromEntries(doors.map(({ name }) => ["#" + name, process.cwd() + "/src/" + name + "/index.ts"]));
const load = (door) => createJiti(process.cwd() + "/test.js", { alias }).import(door);
`;

/** Starts another Node.js process with a module that has `load("#door")`. */
export function startTypeScript(
  module: string,
  args: readonly string[] = [],
): ChildProcessByStdio<null, Readable, Readable> {
  return spawn(process.execPath, ["--input-type=module", "-e", LOAD + module, "--", ...args], {
    stdio: ["ignore", "pipe", "pipe"],
  });
}
