import { dirname, resolve } from "node:path";
import type { PastRunFormat } from "#report";
import { renderPastRun, useColors } from "#report";
import type { JournalRead } from "#rollout";
import { listRuns, runsFolder } from "#rollout";
import { CliError } from "../errors.ts";
import { findHive } from "../hive/find-hive.ts";
import { findRun } from "../runs/find-run.ts";
import { forPeople } from "../terminal/for-people.ts";
import type { Terminal } from "../terminal/terminal.ts";
import { writeOutput } from "../terminal/write-output.ts";
import type { ReportArguments } from "./report-command.ts";

const FORMATS = ["html", "markdown", "junit"] as const;

/** Makes reports of a run from its journal. The hive itself is not read. */
export async function report(args: ReportArguments, terminal: Terminal): Promise<number> {
  const { stdout, env, cwd } = terminal;
  const directory = dirname(await findHive({ file: args.hive, cwd, env }));
  const runs = await listRuns(runsFolder({ directory }));
  const wanted = wantedOf(args, runs);
  const journal = args.run === undefined ? newestOf(runs) : findRun(args.run, runs);
  const look = { colors: useColors(stdout, env), columns: stdout.columns ?? 120 };
  for (const { format, file } of wanted) {
    const text = renderPastRun(journal, { format, ...look });
    if (file !== undefined) await writeOutput(resolve(cwd, file), text, { what: "the report" });
    else if (format === "text") forPeople(stdout, terminal).write(text);
    else stdout.write(text);
  }
  return 0;
}

interface Wanted {
  readonly format: PastRunFormat;
  /** Undefined: standard output. */
  readonly file: string | undefined;
}

/** @throws CliError `cli/usage` when two would go to standard output, or a run's name was taken for a file's. */
function wantedOf(args: ReportArguments, runs: readonly JournalRead[]): readonly Wanted[] {
  const wanted = FORMATS.flatMap((format): Wanted[] => {
    const file = args[format];
    if (file === undefined) return [];
    if (args.run === undefined && runs.some(({ header }) => header.run === file)) {
      throw new CliError("cli/usage", `--${format} takes a file, and ${file} is a run`, {
        hint: `name the run first: skep report ${file} --${format}`,
      });
    }
    return [{ format, file: file === "" ? undefined : file }];
  });
  const toStdout = wanted.filter(({ file }) => file === undefined).map(({ format }) => `--${format}`);
  if (toStdout.length > 1) {
    throw new CliError("cli/usage", `${toStdout.join(" and ")} cannot both go to standard output`, {
      hint: `name a file: ${toStdout[0] ?? ""} FILE`,
    });
  }
  return wanted.length === 0 ? [{ format: "text", file: undefined }] : wanted;
}

/** @throws CliError `cli/usage` where there is none. */
function newestOf([newest]: readonly JournalRead[]): JournalRead {
  if (newest !== undefined) return newest;
  throw new CliError("cli/usage", "this hive has no runs yet, so there is nothing to report", {
    hint: "every deployment to real hosts leaves a journal in .skep/runs beside the hive",
  });
}
