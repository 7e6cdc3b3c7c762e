import type { HiveRevision } from "#activation";
import { plainLine } from "#report";

/** `0123456789ab`, with `, changed` where there were uncommitted changes; nothing outside of git. */
export function shortRevision({ revision, dirty }: HiveRevision): string {
  return revision === null ? "" : plainLine(revision).slice(0, 12) + (dirty ? ", changed" : "");
}
