import { link, rename, rm } from "node:fs/promises";
import { dirname, join } from "node:path";
import { errnoOf, makeFolder, messageOf } from "#core";
import { CliError } from "../errors.ts";
import { isThere } from "./choose-kind.ts";

/** @throws CliError `cli/init` naming every one of these files that is there already. */
export async function refuseExisting(folder: string, names: readonly string[]): Promise<void> {
  const found: string[] = [];
  for (const name of names) if (await isThere(join(folder, name))) found.push(name);
  if (found.length === 0) return;
  const which = found.length === 1 ? "is there already" : "are there already";
  throw new CliError("cli/init", `nothing was written to ${folder}: ${found.join(", ")} ${which}`, {
    hint: "skep init overwrites nothing: name another folder, or move them away",
  });
}

/**
 * Gives files that are written to their end their places: all of them, or, when one cannot have its own, none.
 * @throws CliError `cli/init`.
 */
export async function placeFiles(
  names: readonly string[],
  { from, to }: { readonly from: string; readonly to: string },
): Promise<void> {
  const placed: string[] = [];
  try {
    for (const name of names) {
      await makeFolder(dirname(join(to, name)));
      await place(join(from, name), join(to, name));
      placed.push(name);
    }
  } catch (error) {
    for (const name of placed) await rm(join(to, name), { force: true });
    throw new CliError("cli/init", `nothing was written to ${to}: ${messageOf(error)}`, { cause: error });
  }
}

/** A link never takes the place of a file that came meanwhile, as a rename would. */
async function place(from: string, to: string): Promise<void> {
  try {
    await link(from, to);
  } catch (error) {
    if (!["EPERM", "ENOTSUP", "EMLINK"].includes(errnoOf(error) ?? "")) throw error;
    if (await isThere(to)) throw error;
    await rename(from, to);
  }
}
