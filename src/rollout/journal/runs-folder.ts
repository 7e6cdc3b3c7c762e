import { join } from "node:path";

/** The folder that holds the journals of a hive's runs. */
export function runsFolder({ directory }: { readonly directory: string }): string {
  return join(directory, ".skep", "runs");
}
