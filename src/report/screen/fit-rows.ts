import { counted } from "../text/words.ts";
import type { FrameRow } from "./frame-row.ts";

/**
 * As many rows as fit into `height`. When not all do, the hosts under way and those in trouble stay, the latter first;
 * the others are only counted. When these are still too many, those that are at the same step or have the same trouble
 * share a row, the largest group first.
 */
export function fitRows(rows: readonly FrameRow[], height: number): readonly FrameRow[] {
  if (rows.length <= height) return rows;
  let fitted = [...rows.filter(({ kind }) => kind === "trouble"), ...rows.filter(({ kind }) => kind === "under-way")];
  while (fitted.length > height) {
    const group = largestGroup(fitted);
    if (group === undefined) return fitted.slice(fitted.length - height);
    fitted = foldGroup(fitted, group);
  }
  return fitted;
}

/** The group with the most rows, if any has more than one. */
function largestGroup(rows: readonly FrameRow[]): string | undefined {
  const sizes = new Map<string, number>();
  for (const { group } of rows) sizes.set(group, (sizes.get(group) ?? 0) + 1);
  let largest: string | undefined;
  for (const [group, size] of sizes) {
    if (size > 1 && size > (sizes.get(largest ?? "") ?? 1)) largest = group;
  }
  return largest;
}

function foldGroup(rows: readonly FrameRow[], group: string): FrameRow[] {
  const members = rows.filter((row) => row.group === group);
  const first = members[0];
  return rows.flatMap((row) => {
    if (row.group !== group) return [row];
    return row === first ? [foldedRow(row, members)] : [];
  });
}

function foldedRow(first: FrameRow, members: readonly FrameRow[]): FrameRow {
  const names = members.map(({ name }) => name).join(", ");
  const name = counted(members.length, "host");
  const times = members.flatMap(({ timeMs }) => timeMs ?? []);
  const timeMs = first.kind === "under-way" && times.length > 0 ? Math.max(...times) : undefined;
  return { ...first, name, timeMs, detail: first.kind === "trouble" ? first.detail : names, log: [] };
}
