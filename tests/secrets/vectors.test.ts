import { createHash } from "node:crypto";
import { inflateSync } from "node:zlib";
import * as vectors from "cctv-age";
import { describe, expect, it } from "vitest";
import type { Opener, SecretsError } from "#secrets";
import { openStream, parseIdentities, passphraseIdentity } from "#secrets";

/** What each expectation of the vectors may be called here. */
const CODES: Readonly<Record<string, readonly string[]>> = {
  success: [],
  "no match": ["secrets/cannot-open"],
  "HMAC failure": ["secrets/damaged"],
  "header failure": ["secrets/not-age", "secrets/damaged"],
  "payload failure": ["secrets/damaged"],
  "armor failure": ["secrets/not-age"],
};

interface Vector {
  readonly name: string;
  readonly expect: string;
  readonly payload: string | undefined;
  readonly identities: readonly string[];
  readonly passphrases: readonly string[];
  readonly file: Buffer;
}

const all = Object.entries(vectors).map(([name, bytes]) => readVector(name, Buffer.from(bytes)));

describe("the vectors of CCTV", () => {
  it("are all here", () => {
    expect(all).toHaveLength(143);
  });

  it.each(all)("$name: $expect", async (vector) => {
    const whole = await open(vector, [vector.file]);
    check(vector, whole);
    expect(await open(vector, pieces(vector.file, 1021))).toEqual(whole);
    // A megabyte byte by byte says nothing that a few chunks do not.
    expect(await open(vector, pieces(vector.file, vector.file.length > 300_000 ? 4_093 : 1))).toEqual(whole);
  });
});

interface Opened {
  readonly sha256: string;
  readonly code: string | undefined;
}

async function open(vector: Vector, chunks: Iterable<Uint8Array>): Promise<Opened> {
  const identities: Opener[] = [
    ...(vector.identities.length === 0
      ? []
      : await parseIdentities(vector.identities.join("\n"), { file: "the vector" })),
    ...vector.passphrases.map((passphrase) => passphraseIdentity(passphrase)),
  ];
  const hash = createHash("sha256");
  let code: string | undefined;
  try {
    for await (const part of openStream(chunks, identities)) hash.update(part);
  } catch (error) {
    code = (error as SecretsError).code;
  }
  return { sha256: hash.digest("hex"), code };
}

function check(vector: Vector, { sha256, code }: Opened): void {
  expect(CODES[vector.expect]).toEqual(code === undefined ? [] : (expect.arrayContaining([code]) as string[]));
  if (vector.payload !== undefined) expect(sha256).toBe(vector.payload);
}

function readVector(name: string, bytes: Buffer): Vector {
  const end = bytes.indexOf("\n\n");
  const fields = bytes
    .toString("latin1", 0, end)
    .split("\n")
    .map((line) => line.split(": ", 2) as [string, string]);
  const all = (key: string): string[] => fields.filter(([name]) => name === key).map(([, value]) => value);
  const file = bytes.subarray(end + 2);
  return {
    name,
    expect: all("expect")[0] ?? "",
    payload: all("payload")[0],
    identities: all("identity"),
    passphrases: all("passphrase"),
    file: all("compressed").length > 0 ? inflateSync(file) : file,
  };
}

function* pieces(bytes: Buffer, size: number): Generator<Buffer> {
  for (let at = 0; at < bytes.length; at += size) yield bytes.subarray(at, at + size);
}
