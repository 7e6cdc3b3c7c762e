import { join } from "node:path";
import { STATE_FOLDER } from "#hive";

/** The folder that holds the journals of a hive's runs. */
export function runsFolder({ directory }: { readonly directory: string }): string {
  return join(directory, STATE_FOLDER, "runs");
}
