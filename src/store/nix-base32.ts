/**
 * Nix's own base32: digits without `e o t u`, least significant five bits last in the text, no padding.
 *
 * A text of `n` bytes has `ceil(n × 8 / 5)` digits. Digit `i`, counted from the end, holds the bits `5i … 5i + 4` of
 * the bytes read as one little-endian number; bits past the end must be zero.
 */
export const NIX_BASE32_DIGITS = "0123456789abcdfghijklmnpqrsvwxyz";

/** Bytes as nixbase32 text. */
export function encodeNixBase32(bytes: Uint8Array): string {
  let text = "";
  for (let digit = nixBase32Length(bytes.length) - 1; digit >= 0; digit -= 1) {
    const bit = digit * 5;
    const at = bit >>> 3;
    const pair = (bytes[at] ?? 0) | ((bytes[at + 1] ?? 0) << 8);
    text += NIX_BASE32_DIGITS.charAt((pair >>> (bit & 7)) & 31);
  }
  return text;
}

/** The bytes of a nixbase32 text, or undefined when it is none (foreign digits, an impossible length, bits left over). */
export function decodeNixBase32(text: string): Buffer | undefined {
  const length = Math.floor((text.length * 5) / 8);
  if (nixBase32Length(length) !== text.length) return undefined;
  const bytes = Buffer.alloc(length + 1);
  for (let digit = 0; digit < text.length; digit += 1) {
    const value = NIX_BASE32_DIGITS.indexOf(text.charAt(text.length - 1 - digit));
    if (value === -1) return undefined;
    const bit = digit * 5;
    const at = bit >>> 3;
    const pair = value << (bit & 7);
    bytes[at] = (bytes[at] ?? 0) | (pair & 0xff);
    if (pair > 0xff) bytes[at + 1] = (bytes[at + 1] ?? 0) | (pair >>> 8);
  }
  return bytes[length] === 0 ? bytes.subarray(0, length) : undefined;
}

/** How many digits `bytes` bytes take. */
export function nixBase32Length(bytes: number): number {
  return Math.ceil((bytes * 8) / 5);
}
