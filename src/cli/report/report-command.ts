import type { Argv as Yargs, InferredOptionTypes } from "yargs";
import { hiveOptions } from "../options/hive-options.ts";
import type { Terminal } from "../terminal/terminal.ts";

/** The options of `skep report`. A format without a file goes to standard output. */
export const reportOptions = {
  hive: hiveOptions.hive,
  html: { type: "string", description: "One page that needs nothing else; to a file, or to standard output" },
  markdown: { type: "string", description: "For a comment or a wiki" },
  junit: { type: "string", description: "JUnit XML, as CI systems read it" },
} as const;

export type ReportArguments = InferredOptionTypes<typeof reportOptions> & { readonly run?: string | undefined };

/** `skep report [run]`. What does the work is loaded when it is needed. */
export function addReportCommand(parser: Yargs, terminal: Terminal, finish: (exitCode: number) => void): void {
  parser.command(
    "report [run]",
    "Tell how a run went: in words, or as a page, Markdown or JUnit XML",
    (command) =>
      command
        .positional("run", { type: "string", description: "The name of a run; else the newest" })
        .options(reportOptions)
        .example("skep report", "how the last run ended, as it was told then")
        .example("skep report --html report.html", "hosts and steps along the time, for a browser")
        .example("skep report 20260131-142501-3f9a --junit skep.xml --markdown skep.md", "an earlier run, twice"),
    async (args) => {
      const { report } = await import("./report.ts");
      finish(await report(args, terminal));
    },
  );
}
