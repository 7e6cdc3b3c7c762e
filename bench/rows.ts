/** What one tool needed in one case, a number for each run. */
export interface Samples {
  readonly seconds: number[];
  /** Of the operator's side. */
  readonly cpuSeconds: number[];
  readonly peakBytes: number[];
  readonly logins: number[];
}

/** All of one case, by tool. The tool `skep` is what the others are compared with. */
export interface CaseResult {
  readonly bench: string;
  readonly name: string;
  readonly tools: ReadonlyMap<string, Samples>;
}

/** One row as `--json` prints it. */
export interface Row {
  readonly bench: string;
  readonly case: string;
  readonly tool: string;
  readonly medianSeconds: number;
  readonly ratioToSkep: number;
}

const CPU = "client CPU";

/** The rows of a case: wall time, then client CPU where it was measured. */
export function rowsOf({ bench, name, tools }: CaseResult): Row[] {
  const rows = (what: string, pick: (samples: Samples) => readonly number[]): Row[] => {
    const ours = tools.get("skep");
    const base = ours === undefined ? NaN : median(pick(ours));
    return [...tools].flatMap(([tool, samples]) => {
      if (pick(samples).length === 0) return [];
      const medianSeconds = round(median(pick(samples)));
      return [{ bench, case: what, tool, medianSeconds, ratioToSkep: round(median(pick(samples)) / base) }];
    });
  };
  return [...rows(name, ({ seconds }) => seconds), ...rows(`${name}, ${CPU}`, ({ cpuSeconds }) => cpuSeconds)];
}

/** A case as a Markdown table under its name. */
export function markdownOf({ name, tools }: CaseResult): string {
  const base = tools.get("skep");
  const lines = [...tools].map(([tool, samples]) => {
    const ratio = base === undefined ? NaN : median(samples.seconds) / median(base.seconds);
    const cpu = samples.cpuSeconds.length === 0 ? "" : median(samples.cpuSeconds).toFixed(2);
    const peak = samples.peakBytes.length === 0 ? "" : (Math.max(...samples.peakBytes) / 1024 / 1024).toFixed(0);
    const cells = [tool, median(samples.seconds).toFixed(2), ratio.toFixed(2), cpu, peak, samples.seconds.length];
    return `| ${cells.join(" | ")} |`;
  });
  const head =
    "| tool | median s | ratio to skep | client CPU s | peak MiB | runs |\n| --- | --- | --- | --- | --- | --- |";
  return `### ${name}\n\n${head}\n${lines.join("\n")}\n`;
}

/** A case as lines of text. */
export function textOf({ name, tools }: CaseResult): string {
  const rows = rowsOf({ bench: "", name, tools });
  const lines = rows.map(
    (row) =>
      `  ${row.tool.padEnd(28)} ${row.medianSeconds.toFixed(2).padStart(9)} s ${row.ratioToSkep.toFixed(2).padStart(8)} ×  ${row.case === name ? "" : CPU}`,
  );
  return `${name}\n${lines.join("\n")}\n`;
}

export function median(values: readonly number[]): number {
  const sorted = [...values].sort((a, b) => a - b);
  const middle = sorted.length >> 1;
  const [low = NaN, high = NaN] = [sorted[sorted.length % 2 === 0 ? middle - 1 : middle], sorted[middle]];
  return (low + high) / 2;
}

function round(value: number): number {
  return Math.round(value * 1_000) / 1_000;
}
