import { stat } from "node:fs/promises";
import { join } from "node:path";
import { makeOutputFolder, removeOutput } from "../terminal/write-output.ts";

/** What the pipeline is to keep, in a folder of its own. */
export const ARTIFACTS = { plan: "plan.json", markdown: "plan.md", junit: "junit.xml", page: "report.html" } as const;

/**
 * Makes the folder, and removes what an earlier job left in it: nothing of that is to pass for this job's.
 * @param folder absolute.
 * @param options.plan the file of a plan that is to be deployed, absolute, which may lie there: it stays.
 * @throws CliError `cli/file`.
 */
export async function openArtifacts(folder: string, { plan }: { readonly plan: string | undefined }): Promise<string> {
  await makeOutputFolder(folder, { what: "the artifacts" });
  for (const name of Object.values(ARTIFACTS)) {
    const file = join(folder, name);
    if (plan === undefined || !(await isSame(file, plan))) await removeOutput(file, { what: "an earlier job's" });
  }
  return folder;
}

async function isSame(one: string, other: string): Promise<boolean> {
  if (one === other) return true;
  const [first, second] = await Promise.all([one, other].map((file) => stat(file).catch(() => undefined)));
  return first !== undefined && first.ino === second?.ino && first.dev === second.dev;
}
