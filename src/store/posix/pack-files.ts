import { TAR_END, tarHeader, tarPadding } from "./tar-header.ts";

/** A file for {@link packFiles}. */
export interface PackedFile {
  /** Below the folder it is unpacked in. The folders above it must be packed before it. */
  readonly name: string;
  /** Permissions; default 0600, of a folder 0751. */
  readonly mode?: number | undefined;
  /** Undefined for a folder. */
  readonly bytes: Uint8Array | undefined;
}

/** A few small files as one tar archive in memory that every host's tar reads. */
export function packFiles(files: readonly PackedFile[]): Buffer {
  const parts = files.flatMap(({ name, mode, bytes }) =>
    bytes === undefined
      ? [tarHeader({ type: "directory", name: Buffer.from(`${name}/`), mode: mode ?? 0o751 })]
      : [
          tarHeader({ type: "file", name: Buffer.from(name), mode: mode ?? 0o600, size: bytes.length }),
          bytes,
          tarPadding(bytes.length),
        ],
  );
  return Buffer.concat([...parts, TAR_END]);
}
