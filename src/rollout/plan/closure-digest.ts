import { createHash } from "node:crypto";
import type { Closure } from "#store";
import { narHashHex } from "#store";

/** SHA-256, in hex, over every path of a closure and the hash of its files: byte for byte the same, or another. */
export function closureDigest({ paths }: Closure): string {
  const lines = paths.map(({ path, narHash }) => `${path} ${narHashHex(narHash)}\n`).sort();
  const hash = createHash("sha256");
  for (const line of lines) hash.update(line);
  return hash.digest("hex");
}
