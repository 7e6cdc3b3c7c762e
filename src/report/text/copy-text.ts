import { formatBytes } from "#core";
import type { CopyProgress } from "#rollout";
import type { CopySample } from "../run/run-state.ts";
import { counted } from "./words.ts";

const BAR_WIDTH = 12;
const SHORTEST_MEASURED_MS = 500;

/** What was copied: `120 paths, 38.0 MiB`. */
export function copiedText(paths: number, bytes: number): string {
  return `${counted(paths, "path")}, ${formatBytes(bytes)}`;
}

/** How far a copy is: `61%  38.0 of 62.0 MiB, 120 of 230 paths`. */
export function copyProgressText(copy: CopyProgress): string {
  const percent = Math.floor(shareOf(copy) * 100);
  return `${percent}%  ${bytesOf(copy.bytes, copy.bytesTotal)}, ${copy.paths} of ${counted(copy.pathsTotal, "path")}`;
}

/** The same as a bar: `[#######.....]`. */
export function copyBar(copy: CopyProgress): string {
  const done = Math.floor(shareOf(copy) * BAR_WIDTH);
  return `[${"#".repeat(done)}${".".repeat(BAR_WIDTH - done)}]`;
}

/** How fast the last seconds went: `11.0 MiB/s`. Undefined while there is too little to tell from. */
export function copyRate(samples: readonly CopySample[], now: number): string | undefined {
  const first = samples[0];
  const last = samples.at(-1);
  if (first === undefined || last === undefined) return undefined;
  const elapsedMs = Math.max(now, last.at) - first.at;
  if (elapsedMs < SHORTEST_MEASURED_MS || last.bytes < first.bytes) return undefined;
  return `${formatBytes(((last.bytes - first.bytes) * 1_000) / elapsedMs)}/s`;
}

function shareOf({ bytes, bytesTotal, paths, pathsTotal }: CopyProgress): number {
  const share = bytesTotal > 0 ? bytes / bytesTotal : pathsTotal > 0 ? paths / pathsTotal : 1;
  return Math.min(1, Math.max(0, share));
}

/** `38.0 of 62.0 MiB`: the unit once where both have the same. */
function bytesOf(bytes: number, total: number): string {
  const [whole, unit] = formatBytes(total).split(" ");
  const [part, partUnit] = formatBytes(bytes).split(" ");
  return partUnit === unit
    ? `${part ?? ""} of ${whole ?? ""} ${unit ?? ""}`
    : `${formatBytes(bytes)} of ${formatBytes(total)}`;
}
