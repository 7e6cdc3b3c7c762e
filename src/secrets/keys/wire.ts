/**
 * The data types of SSH (RFC 4251, section 5): `string` is a 4-byte length and that many bytes, `mpint` a string with a
 * number in it, big endian, of which the first bit is the sign.
 */
export class WireReader {
  readonly #bytes: Buffer;
  #at = 0;

  constructor(bytes: Buffer) {
    this.#bytes = bytes;
  }

  get rest(): Buffer {
    return this.#bytes.subarray(this.#at);
  }

  uint32(): number {
    const value = this.take(4).readUInt32BE(0);
    return value;
  }

  string(): Buffer {
    return this.take(this.uint32());
  }

  /** @throws RangeError past the end. */
  take(length: number): Buffer {
    const end = this.#at + length;
    if (end > this.#bytes.length) throw new RangeError("cut short");
    const taken = this.#bytes.subarray(this.#at, end);
    this.#at = end;
    return taken;
  }

  /** A positive number without its leading zeros. */
  number(): Buffer {
    const bytes = this.string();
    const first = bytes.findIndex((byte) => byte !== 0);
    return bytes.subarray(first === -1 ? bytes.length : first);
  }
}

/** Strings, one after another. */
export function writeStrings(...strings: readonly (Buffer | string)[]): Buffer {
  return Buffer.concat(
    strings.flatMap((string) => {
      const bytes = Buffer.from(string);
      const length = Buffer.alloc(4);
      length.writeUInt32BE(bytes.length);
      return [length, bytes];
    }),
  );
}
