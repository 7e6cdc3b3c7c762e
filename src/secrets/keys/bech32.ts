/**
 * Bech32 (BIP 173) as age has it, of any length:
 *
 *     text = prefix "1" *data 6checksum        all in upper or all in lower case
 *
 * Only the prefix and the checksum are looked at here: what the data mean is for whom it is for.
 */
const CHARACTERS = "qpzry9x8gf2tvdw0s3jn54khce6mua7l";
const GENERATOR = [0x3b6a57b2, 0x26508e6d, 0x1ea119fa, 0x3d4233dd, 0x2a1462b3];
const CHECKSUM = 6;

/** The prefix of a text, in lower case; undefined when it is no Bech32, or its checksum is wrong. */
export function bech32Prefix(text: string): string | undefined {
  const lower = text.toLowerCase();
  if (text !== lower && text !== text.toUpperCase()) return undefined;
  const at = lower.lastIndexOf("1");
  const prefix = lower.slice(0, at);
  const data = Array.from(lower.slice(at + 1), (character) => CHARACTERS.indexOf(character));
  if (at < 1 || data.length < CHECKSUM || data.includes(-1) || !/^[\x21-\x7e]+$/.test(prefix)) return undefined;
  const codes = [...Buffer.from(prefix, "latin1")];
  return polymod([...codes.map((code) => code >> 5), 0, ...codes.map((code) => code & 31), ...data]) === 1
    ? prefix
    : undefined;
}

function polymod(values: readonly number[]): number {
  let sum = 1;
  for (const value of values) {
    const top = sum >>> 25;
    sum = ((sum & 0x1ffffff) << 5) ^ value;
    for (const [bit, generator] of GENERATOR.entries()) if (((top >>> bit) & 1) === 1) sum ^= generator;
  }
  return sum;
}
