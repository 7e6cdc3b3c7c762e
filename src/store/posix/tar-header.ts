/**
 * Tar, as GNU tar, busybox and libarchive read it alike. Pax headers are not that: busybox passes them over, and would
 * cut a name after 100 bytes without a word.
 *
 *     entry   = [ long 'K' target ] [ long 'L' name ] header contents zeros-to-512
 *     long    = header of a file called ././@LongLink with that type, its contents the bytes and a zero byte
 *     header  = name 100, mode 8, uid 8, gid 8, size 12, mtime 12, checksum 8, type 1, target 100,
 *               "ustar  " and a zero byte, zeros to 512
 *
 * Numbers are octal digits and a zero byte; a size past 8 GiB is big-endian binary with the first bit set. The owner is
 * root, the time one second after 1970, both as in a Nix store.
 */
const BLOCK = 512;
const NAME_BYTES = 100;
const SIZE_DIGITS = 11;
const LONG_LINK = Buffer.from("././@LongLink");
const NOTHING = Buffer.alloc(0);

export interface TarEntry {
  readonly type: "file" | "directory" | "symlink";
  readonly name: Buffer;
  readonly mode: number;
  /** Bytes of contents that follow; only files have any. */
  readonly size?: number;
  readonly target?: Buffer;
}

const TYPE_FLAGS = { file: "0", symlink: "2", directory: "5", longTarget: "K", longName: "L" } as const;

/** What comes before an entry's contents. */
export function tarHeader({ type, name, mode, size = 0, target = NOTHING }: TarEntry): Buffer {
  return Buffer.concat([
    ...(target.length > NAME_BYTES ? longText("longTarget", target) : []),
    ...(name.length > NAME_BYTES ? longText("longName", name) : []),
    block(type, { name, mode, size, target }),
  ]);
}

/** Zero bytes that follow contents of `size` bytes. */
export function tarPadding(size: number): Buffer {
  return Buffer.alloc((BLOCK - (size % BLOCK)) % BLOCK);
}

/** What ends an archive. */
export const TAR_END = Buffer.alloc(2 * BLOCK);

/** What all headers have in common, with blanks where the checksum goes. */
const BLANK = Buffer.alloc(BLOCK);
BLANK.write(octal(0, 7), 108);
BLANK.write(octal(0, 7), 116);
BLANK.write(octal(1, SIZE_DIGITS), 136);
BLANK.fill(" ", 148, 156);
BLANK.write("ustar  ", 257);
const END_OF_FIELDS = 265;

function longText(type: "longTarget" | "longName", text: Buffer): Buffer[] {
  const size = text.length + 1;
  return [
    block(type, { name: LONG_LINK, mode: 0o644, size, target: NOTHING }),
    text,
    Buffer.alloc(1),
    tarPadding(size),
  ];
}

function block(
  type: keyof typeof TYPE_FLAGS,
  { name, mode, size, target }: { readonly name: Buffer; readonly mode: number; readonly size: number; target: Buffer },
): Buffer {
  const bytes = Buffer.from(BLANK);
  name.copy(bytes, 0, 0, NAME_BYTES);
  bytes.write(octal(mode, 7), 100, "latin1");
  writeSize(bytes, size);
  bytes.write(TYPE_FLAGS[type], 156, "latin1");
  target.copy(bytes, 157, 0, NAME_BYTES);
  let checksum = 0;
  for (let at = 0; at < END_OF_FIELDS; at += 1) checksum += bytes[at] ?? 0;
  bytes.write(`${octal(checksum, 6)}\0 `, 148, "latin1");
  return bytes;
}

function writeSize(bytes: Buffer, size: number): void {
  if (size < 8 ** SIZE_DIGITS) {
    bytes.write(octal(size, SIZE_DIGITS), 124, "latin1");
    return;
  }
  bytes.writeUInt8(0x80, 124);
  bytes.writeBigUInt64BE(BigInt(size), 128);
}

function octal(value: number, digits: number): string {
  return value.toString(8).padStart(digits, "0");
}
