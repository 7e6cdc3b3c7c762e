/**
 * NAR, the Nix archive: one file-system object as bytes, the same bytes for the same object everywhere.
 *
 *     nar       = "nix-archive-1" object
 *     object    = "(" "type" ( regular | symlink | directory ) ")"
 *     regular   = "regular" [ "executable" "" ] "contents" string
 *     symlink   = "symlink" "target" string
 *     directory = "directory" { "entry" "(" "name" string "node" object ")" }
 *
 * Every word in quotes is a `string` of wire.ts, as are names, targets and contents. Entries are sorted by the bytes
 * of their names, each name once. No owner, no time, and of the mode only whether the owner may execute.
 *
 * Limits, held by the reader here and by Linux: a name has 1 to 255 bytes, no slash, no zero byte, and is neither `.`
 * nor `..`; a target has 1 to 4,095 bytes and no zero byte; a contents length is a whole number below 2^53.
 */
import { encodedLength, writeString } from "../wire.ts";

export const NAR_MAGIC = "nix-archive-1";
export const MAX_NAME_BYTES = 255;
export const MAX_TARGET_BYTES = 4_095;

/** Several words of the grammar as the bytes they are. */
export function encodeWords(...words: string[]): Buffer {
  const bytes = Buffer.alloc(words.reduce((sum, word) => sum + encodedLength(word.length), 0));
  let offset = 0;
  for (const word of words) offset = writeString(bytes, word, { offset });
  return bytes;
}
