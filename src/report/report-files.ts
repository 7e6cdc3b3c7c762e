import { appendFile } from "node:fs/promises";
import { reasonOf, writeFileAtomically } from "#core";
import { htmlReport } from "./html/html-report.ts";
import { originOf } from "./html/origin.ts";
import { junitXml } from "./junit/junit-xml.ts";
import { markdownReport } from "./markdown/markdown-report.ts";
import type { RunState } from "./run/run-state.ts";

/** Where a run leaves reports beside what it prints. */
export interface ReportFiles {
  /** Gets JUnit XML, whole or not at all. */
  readonly junit: string | undefined;
  /** Gets the run as a page, whole or not at all. */
  readonly html: string | undefined;
  /** Gets Markdown, behind what it has: GitHub's `GITHUB_STEP_SUMMARY`. */
  readonly summary: string | undefined;
}

/** Writes the reports that are asked for, of a run of which something is known. @returns what could not be written, in words. */
export async function writeReportFiles(
  state: RunState,
  { junit, html, summary }: ReportFiles,
): Promise<readonly string[]> {
  const troubles: string[] = [];
  if (state.startedAt === undefined) return troubles;
  const write = async (file: string | undefined, work: (file: string) => Promise<void>): Promise<void> => {
    if (file === undefined) return;
    try {
      await work(file);
    } catch (error) {
      troubles.push(`cannot write the report ${file}: ${reasonOf(error)}`);
    }
  };
  await write(junit, (file) => writeFileAtomically(file, junitXml(state)));
  await write(html, (file) => writeFileAtomically(file, htmlReport(state, originOf(state))));
  await write(summary, (file) => appendFile(file, markdownReport(state)));
  return troubles;
}
