import type { CaseResult, Samples } from "./rows.ts";
import { median } from "./rows.ts";

/** One case of several that differ in the number of hosts alone. */
export interface GrowthCase {
  readonly hosts: number;
  readonly result: CaseResult;
}

const HEAD = [
  "| hosts | tool | median s | ratio to skep | CPU s | CPU ms a host more | peak MiB | KiB a host more | logins a host |",
  "| --- | --- | --- | --- | --- | --- | --- | --- | --- |",
];

/** Cases as one Markdown table. A host more is the difference to the row of the same tool with fewer hosts, shared by the hosts. */
export function growthMarkdown(title: string, cases: readonly GrowthCase[]): string {
  const rows = cases.flatMap(({ hosts, result }, index) =>
    [...result.tools].map(([tool, samples]) => {
      const fewer = cases.slice(0, index).findLast((one) => one.result.tools.has(tool));
      const before = fewer?.result.tools.get(tool);
      const more = hosts - (fewer?.hosts ?? 0);
      const base = result.tools.get("skep")?.seconds ?? [];
      const cells = [
        hosts.toLocaleString("en"),
        tool,
        seconds(median(samples.seconds)),
        fixed(median(samples.seconds) / median(base), 2),
        seconds(cpu(samples)),
        before === undefined ? "" : fixed(((cpu(samples) - cpu(before)) / more) * 1_000, 1),
        fixed(peak(samples) / 1024 / 1024, 0),
        before === undefined ? "" : fixed((peak(samples) - peak(before)) / more / 1024, 0),
        samples.logins.length === 0 ? "" : [...new Set(samples.logins)].join(", "),
      ];
      return `| ${cells.join(" | ")} |`;
    }),
  );
  return `#### ${title}\n\n${[...HEAD, ...rows].join("\n")}\n`;
}

function cpu({ cpuSeconds }: Samples): number {
  return median(cpuSeconds);
}

/** Not the highest: how much is garbage yet when a run ends is a matter of luck. */
function peak({ peakBytes }: Samples): number {
  return median(peakBytes);
}

function seconds(value: number): string {
  return fixed(value, 2);
}

function fixed(value: number, digits: number): string {
  return Number.isNaN(value) ? "" : value.toFixed(digits);
}
