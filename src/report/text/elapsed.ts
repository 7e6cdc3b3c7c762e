import { formatDuration } from "#core";

/** A time that is looked at while it passes, in whole seconds: `0 s`, `42 s`, `3 min 05 s`. */
export function formatElapsed(ms: number): string {
  const seconds = Math.max(0, Math.floor(ms / 1_000));
  return seconds < 60 ? `${seconds} s` : formatDuration(seconds * 1_000);
}
