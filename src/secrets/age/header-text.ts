/**
 * The header of an age file (C2SP age, "Header"), as it is written:
 *
 *     header = "age-encryption.org/v1" LF 1*stanza "---" SP 43base64 LF
 *     stanza: see stanza-text.ts
 *
 * What follows `---` is HMAC-SHA256 of all up to there, with the key HKDF-SHA256(file key, no salt, info = "header").
 */
import { createHmac, hkdfSync, timingSafeEqual } from "node:crypto";
import { messageOf } from "#core";
import { SecretsError } from "../errors.ts";
import type { Stanza } from "./stanza.ts";
import { decodeBase64, encodeBase64 } from "./stanza.ts";
import { formatStanza, StanzaReader } from "./stanza-text.ts";

export interface Header {
  /** All of it. */
  readonly bytes: Buffer;
  readonly stanzas: readonly Stanza[];
}

/** More than any header of thousands of recipients, and little enough to hold. */
const MAX_HEADER = 8 * 1024 * 1024;
export const FILE_KEY_LENGTH = 16;
const VERSION = Buffer.from("age-encryption.org/v1\n", "latin1");
const MAC_LINE = Buffer.from("\n---", "latin1");
const MAC_LENGTH = 32;
/** ` `, 43 characters, LF. */
const MAC_TEXT_LENGTH = 45;
const LINE_END = 10;

/**
 * Where the header ends and the payload starts, or undefined when more is needed to tell.
 * @throws SecretsError `secrets/not-age` when it is the start of something else.
 */
export function headerEnd(bytes: Buffer): number | undefined {
  const start = bytes.subarray(0, VERSION.length);
  if (!start.equals(VERSION.subarray(0, start.length))) throw malformed("it does not start as one");
  const mac = bytes.indexOf(MAC_LINE);
  const end = mac === -1 ? -1 : bytes.indexOf(LINE_END, mac + 1);
  if (end !== -1) return end + 1;
  if (bytes.length > MAX_HEADER) throw malformed("its header has no end");
  return undefined;
}

/** Reads a header that {@link headerEnd} found the end of. @throws SecretsError `secrets/not-age`. */
export function parseHeader(bytes: Buffer): Header {
  if (macOf(bytes)?.length !== MAC_LENGTH) throw malformed("the last line of its header is malformed");
  const reader = new StanzaReader();
  try {
    const stanzas = [...reader.push(bytes.subarray(VERSION.length, sealedLength(bytes) - "---".length))];
    if (!reader.isDone || stanzas.length === 0) throw new RangeError("it is cut short");
    return { bytes, stanzas };
  } catch (error) {
    throw malformed(`its header has a malformed stanza: ${messageOf(error)}`);
  }
}

/** Whether a header was made by somebody who has this file key. */
export function isSealedWith({ bytes }: Header, fileKey: Uint8Array): boolean {
  const mac = macOf(bytes);
  return mac !== undefined && timingSafeEqual(mac, authenticate(bytes.subarray(0, sealedLength(bytes)), fileKey));
}

/** The header of a file whose key these stanzas wrap. */
export function formatHeader(stanzas: readonly Stanza[], fileKey: Uint8Array): Buffer {
  const sealed = Buffer.from(`${VERSION.toString("latin1")}${stanzas.map(formatStanza).join("")}---`, "latin1");
  return Buffer.concat([sealed, Buffer.from(` ${encodeBase64(authenticate(sealed, fileKey))}\n`, "latin1")]);
}

/** An error for bytes that are no age file. */
export function malformed(why: string): SecretsError {
  return new SecretsError("secrets/not-age", `cannot read an age file: ${why}`);
}

/** An error for a header whose parts do not belong together. */
export function damagedHeader(why: string): SecretsError {
  return new SecretsError("secrets/damaged", `cannot open the header of an age file: ${why}`);
}

function macOf(bytes: Buffer): Buffer | undefined {
  const text = bytes.toString("latin1", sealedLength(bytes));
  return text.startsWith(" ") ? decodeBase64(text.slice(1, -1)) : undefined;
}

/** How much of a header its MAC is of. */
function sealedLength(bytes: Buffer): number {
  return bytes.length - MAC_TEXT_LENGTH;
}

function authenticate(sealed: Buffer, fileKey: Uint8Array): Buffer {
  const key = Buffer.from(hkdfSync("sha256", fileKey, "", "header", 32));
  const mac = createHmac("sha256", key).update(sealed).digest();
  key.fill(0);
  return mac;
}
