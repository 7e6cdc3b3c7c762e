/**
 * The two shapes everything Nix streams is made of, in NARs as in the serve protocol:
 *
 *     u64    = 8 bytes, little-endian
 *     string = u64 length, that many bytes, zero bytes up to a multiple of 8
 */

/** Bytes of zero that follow `length` bytes. */
export function paddingOf(length: number): number {
  return (8 - (length % 8)) % 8;
}

/** Bytes a string of `length` bytes takes. */
export function encodedLength(length: number): number {
  return 8 + length + paddingOf(length);
}

/** Writes a number and returns the offset after it. */
export function writeU64(target: Buffer, value: number, offset: number): number {
  target.writeUInt32LE(value % 0x1_0000_0000, offset);
  return target.writeUInt32LE(Math.floor(value / 0x1_0000_0000), offset + 4);
}

/** The number in the first 8 bytes, or undefined when it is past what a JavaScript number counts exactly. */
export function readU64(bytes: Buffer): number | undefined {
  const value = bytes.readUInt32LE(4) * 0x1_0000_0000 + bytes.readUInt32LE(0);
  return Number.isSafeInteger(value) ? value : undefined;
}

/** Writes a string and returns the offset after its padding. */
export function writeString(
  target: Buffer,
  text: string,
  { offset, encoding = "utf8" }: { readonly offset: number; readonly encoding?: "utf8" | "latin1" },
): number {
  const start = offset + 8;
  const length = target.write(text, start, encoding);
  writeU64(target, length, offset);
  const end = start + length + paddingOf(length);
  target.fill(0, start + length, end);
  return end;
}
