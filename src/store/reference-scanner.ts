import { NIX_BASE32_DIGITS } from "./nix-base32.ts";
import type { StorePath } from "./store-path.ts";
import { storePathDigest } from "./store-path.ts";

const DIGEST_LENGTH = 32;
const IS_DIGIT = new Uint8Array(256);
for (const digit of NIX_BASE32_DIGITS) IS_DIGIT[digit.charCodeAt(0)] = 1;

/**
 * Finds which store paths a stream of bytes mentions, as Nix does: a path is a reference when the 32 digits of its
 * digest stand anywhere in the bytes, whatever is before and after. A digest cut in two by the end of a chunk is found.
 */
export class ReferenceScanner {
  readonly #candidates: ReadonlyMap<string, StorePath>;
  readonly #found = new Set<StorePath>();
  /** The end of what was scanned, in which a digest may have begun; the next bytes are put after it. */
  readonly #seam = Buffer.alloc(2 * (DIGEST_LENGTH - 1));
  #kept = 0;

  /** @param candidates the paths to look for, by their digests. */
  constructor(candidates: ReadonlyMap<string, StorePath>) {
    this.#candidates = candidates;
  }

  get found(): ReadonlySet<StorePath> {
    return this.#found;
  }

  push(chunk: Uint8Array): void {
    if (this.#candidates.size === 0) return;
    const bytes = Buffer.from(chunk.buffer, chunk.byteOffset, chunk.byteLength);
    const fresh = bytes.copy(this.#seam, this.#kept, 0, DIGEST_LENGTH - 1);
    const seam = this.#seam.subarray(0, this.#kept + fresh);
    this.#scan(seam);
    this.#scan(bytes);
    const end = bytes.length >= DIGEST_LENGTH - 1 ? bytes : seam;
    this.#kept = Math.min(end.length, DIGEST_LENGTH - 1);
    Buffer.from(end.subarray(end.length - this.#kept)).copy(this.#seam);
  }

  /** Looks at each window of 32 bytes from its end, so that one foreign byte there skips the whole window. */
  #scan(bytes: Buffer): void {
    let start = 0;
    /** How many bytes from `start` on are known to be digits. */
    let known = 0;
    while (start + DIGEST_LENGTH <= bytes.length) {
      let at = start + DIGEST_LENGTH - 1;
      const end = start + known;
      while (at >= end && IS_DIGIT[bytes[at] ?? 0] === 1) at -= 1;
      if (at >= end) {
        known = start + DIGEST_LENGTH - 1 - at;
        start = at + 1;
        continue;
      }
      const path = this.#candidates.get(bytes.toString("latin1", start, start + DIGEST_LENGTH));
      if (path !== undefined) this.#found.add(path);
      start += 1;
      known = DIGEST_LENGTH - 1;
    }
  }
}

/** Paths by their digests, as {@link ReferenceScanner} wants them. */
export function byDigest(paths: Iterable<StorePath>): Map<string, StorePath> {
  return new Map([...paths].map((path) => [storePathDigest(path), path]));
}
