import { appendFile } from "node:fs/promises";
import { reasonOf, writeFileAtomically } from "#core";
import { junitXml } from "./junit/junit-xml.ts";
import { markdownReport } from "./markdown/markdown-report.ts";
import type { RunState } from "./run/run-state.ts";

/** Where a run leaves reports beside what it prints. */
export interface ReportFiles {
  /** Gets JUnit XML, whole or not at all. */
  readonly junit: string | undefined;
  /** Gets Markdown, behind what it has: GitHub's `GITHUB_STEP_SUMMARY`. */
  readonly summary: string | undefined;
}

/** Writes the reports that are asked for. @returns what could not be written, in words. */
export async function writeReportFiles(state: RunState, { junit, summary }: ReportFiles): Promise<readonly string[]> {
  const troubles: string[] = [];
  const write = async (file: string | undefined, work: (file: string) => Promise<void>): Promise<void> => {
    if (file === undefined) return;
    try {
      await work(file);
    } catch (error) {
      troubles.push(`cannot write the report ${file}: ${reasonOf(error)}`);
    }
  };
  await write(junit, (file) => writeFileAtomically(file, junitXml(state)));
  await write(summary, (file) => appendFile(file, markdownReport(state)));
  return troubles;
}
