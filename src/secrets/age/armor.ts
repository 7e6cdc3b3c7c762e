/**
 * age's ASCII armor, a strict subset of PEM (RFC 7468):
 *
 *     armor = *WSP-or-EOL "-----BEGIN AGE ENCRYPTED FILE-----" eol *(64base64 eol) 1*64base64 eol
 *             "-----END AGE ENCRYPTED FILE-----" *WSP-or-EOL
 *     eol   = LF / CRLF
 *
 * Base64 is canonical, padded, and only its last line may be short.
 */
import { SecretsError } from "../errors.ts";

const BEGIN = "-----BEGIN AGE ENCRYPTED FILE-----";
const END = "-----END AGE ENCRYPTED FILE-----";
const LINE_BYTES = 48;
const LINE_CHARACTERS = 64;

/** More space before it is neither that nor the start of armor. */
export const MAX_SPACE = 1024;

/** Whether this is armor, going by its start. */
export function isArmored(file: Uint8Array): boolean {
  return /^\s*-/.test(Buffer.from(file.subarray(0, MAX_SPACE)).toString("latin1"));
}

/** Armors bytes of any number as they come. */
export class Armorer {
  #rest = Buffer.alloc(0);
  #begun = false;

  push(chunk: Uint8Array): Buffer {
    const bytes = Buffer.concat([this.#rest, chunk]);
    const whole = bytes.length - (bytes.length % LINE_BYTES);
    this.#rest = bytes.subarray(whole);
    return Buffer.from(this.#begin() + linesOf(bytes.subarray(0, whole)), "latin1");
  }

  finish(): Buffer {
    return Buffer.from(`${this.#begin()}${linesOf(this.#rest)}${END}\n`, "latin1");
  }

  #begin(): string {
    if (this.#begun) return "";
    this.#begun = true;
    return `${BEGIN}\n`;
  }
}

/** Takes the armor off as it comes. Holds no more than a line. */
export class Dearmorer {
  #text = "";
  #state: "before" | "lines" | "after" = "before";
  #short = false;
  #lines = 0;

  /** @throws SecretsError `secrets/not-age` at the first thing that does not belong there. */
  push(chunk: Uint8Array): Buffer {
    const parts: Buffer[] = [];
    this.#text += Buffer.from(chunk.buffer, chunk.byteOffset, chunk.byteLength).toString("latin1");
    if (this.#state === "before") this.#text = this.#text.trimStart();
    let start = 0;
    for (let end = this.#text.indexOf("\n"); end !== -1; end = this.#text.indexOf("\n", start)) {
      this.#line(this.#text.slice(start, end).replace(/\r$/, ""), parts);
      start = end + 1;
    }
    this.#text = this.#text.slice(start);
    // No line is longer, whatever the sender says.
    if (this.#state !== "after" && this.#text.length > LINE_CHARACTERS + 1) throw malformed("a line is too long");
    if (this.#state === "after") this.#onlySpace();
    return Buffer.concat(parts);
  }

  /** The last of it. @throws SecretsError `secrets/not-age` when the armor does not end. */
  finish(): Buffer {
    const parts: Buffer[] = [];
    if (this.#state === "lines") this.#line(this.#text.replace(/\r$/, "").trimEnd(), parts);
    if (this.#state !== "after") throw malformed("it has no end");
    return Buffer.concat(parts);
  }

  #line(line: string, parts: Buffer[]): void {
    if (this.#state === "before") {
      if (line !== BEGIN) throw malformed("its first line is another");
      this.#state = "lines";
    } else if (this.#state === "after") {
      if (line.trim() !== "") throw malformed("something follows its end");
    } else if (line.startsWith("-")) {
      if (line.trimEnd() !== END) throw malformed("its last line is another");
      if (this.#lines === 0) throw malformed("it is empty");
      this.#state = "after";
    } else {
      parts.push(this.#decode(line));
    }
  }

  #decode(line: string): Buffer {
    if (this.#short || line.length === 0 || line.length > LINE_CHARACTERS) {
      throw malformed("its lines are of the wrong length");
    }
    const bytes = Buffer.from(line, "base64");
    // Node's decoder forgives much; what it makes must give the same text again.
    if (bytes.toString("base64") !== line) throw malformed("it is not base64");
    this.#short = line.length < LINE_CHARACTERS || line.endsWith("=");
    this.#lines += 1;
    return bytes;
  }

  #onlySpace(): void {
    if (this.#text.trim() !== "") throw malformed("something follows its end");
    this.#text = "";
  }
}

function linesOf(bytes: Buffer): string {
  return bytes.toString("base64").replaceAll(/.{1,64}/g, "$&\n");
}

function malformed(why: string): SecretsError {
  return new SecretsError("secrets/not-age", `cannot read the armor of an age file: ${why}`);
}
