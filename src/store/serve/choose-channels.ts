import type { PathInfo } from "../path-info.ts";

const LONG_ROUND_TRIP_MS = 10;
const VERY_LONG_ROUND_TRIP_MS = 50;
/** OpenSSH lets 2 MiB be under way on a channel; one that carries less than twice that gains little. */
const BYTES_WORTH_A_CHANNEL = 4 * 1024 * 1024;
const BYTES_BESIDE_A_NAR = 512;

/**
 * How many channels to send paths over. Each lets only so many bytes be under way, which on a long line holds a copy
 * up; on a short one a second channel only makes the host's Nix contend with itself.
 */
export function chooseChannels(
  infos: readonly PathInfo[],
  { roundTripMs, maxChannels = 8 }: { readonly roundTripMs: number; readonly maxChannels?: number | undefined },
): number {
  if (roundTripMs < LONG_ROUND_TRIP_MS) return 1;
  const bytes = infos.reduce((sum, { narSize }) => sum + narSize + BYTES_BESIDE_A_NAR, 0);
  const useful = Math.min(infos.length, Math.ceil(bytes / BYTES_WORTH_A_CHANNEL));
  const wanted = roundTripMs < VERY_LONG_ROUND_TRIP_MS ? 4 : 8;
  return Math.max(1, Math.min(useful, wanted, maxChannels));
}
