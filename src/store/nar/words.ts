import { encodeWords, NAR_MAGIC } from "./grammar.ts";

/** The runs of words of the grammar that writers put between names, targets and contents. */
export const BEGIN = encodeWords(NAR_MAGIC);
export const ENTRY = encodeWords("entry", "(", "name");
export const NODE = encodeWords("node");
export const REGULAR = encodeWords("(", "type", "regular", "contents");
export const EXECUTABLE = encodeWords("(", "type", "regular", "executable", "", "contents");
export const SYMLINK = encodeWords("(", "type", "symlink", "target");
export const DIRECTORY = encodeWords("(", "type", "directory");
export const CLOSE = encodeWords(")");
/** Closes an object and the entry it is in. */
export const CLOSE_BOTH = encodeWords(")", ")");
