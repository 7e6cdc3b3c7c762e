/**
 * Stanzas as text, as headers and plugins have them (C2SP age, "Header"):
 *
 *     stanza = "->" 1*(SP argument) LF *(64base64 LF) *63base64 LF
 *
 * Arguments are of visible ASCII; the base64 is canonical and unpadded, and its last line, which may be empty, is short.
 * A stanza of more than {@link MAX_STANZA} characters is refused by the reader here.
 */
import type { Stanza } from "./stanza.ts";
import { decodeBase64, encodeBase64 } from "./stanza.ts";

const MAX_STANZA = 256 * 1024;
const LINE_CHARACTERS = 64;
const FIRST_LINE = /^->( [\x21-\x7e]+)+$/;

export function formatStanza({ args, body }: Stanza): string {
  // What follows the full lines is the last line, and may be nothing.
  return `-> ${args.join(" ")}\n${encodeBase64(body).replaceAll(/.{64}/g, "$&\n")}\n`;
}

/** Reads stanzas, one after another, from text as it comes. */
export class StanzaReader {
  #text = "";
  #args: readonly string[] | undefined;
  #body = "";

  /** Whether all that came belongs to stanzas that were whole. */
  get isDone(): boolean {
    return this.#args === undefined && this.#text === "";
  }

  /** The stanzas that are whole now. @throws RangeError at the first thing that belongs to none. */
  *push(chunk: Uint8Array): Generator<Stanza, void, undefined> {
    this.#text += Buffer.from(chunk.buffer, chunk.byteOffset, chunk.byteLength).toString("latin1");
    let start = 0;
    for (let end = this.#text.indexOf("\n"); end !== -1; end = this.#text.indexOf("\n", start)) {
      const stanza = this.#line(this.#text.slice(start, end));
      start = end + 1;
      if (stanza !== undefined) yield stanza;
    }
    this.#text = this.#text.slice(start);
    if (this.#text.length + this.#body.length > MAX_STANZA) throw new RangeError("it is too long");
  }

  #line(line: string): Stanza | undefined {
    if (this.#args === undefined) {
      if (!FIRST_LINE.test(line)) throw new RangeError("its first line is malformed");
      this.#args = line.split(" ").slice(1);
      return undefined;
    }
    this.#body += line;
    if (line.length > LINE_CHARACTERS) throw new RangeError("its lines are too long");
    if (line.length === LINE_CHARACTERS) return undefined;
    const body = decodeBase64(this.#body);
    if (body === undefined) throw new RangeError("its body is not base64");
    const stanza = { args: this.#args, body };
    this.#args = undefined;
    this.#body = "";
    return stanza;
  }
}
