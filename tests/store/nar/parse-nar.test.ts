import fc from "fast-check";
import { describe, expect, it } from "vitest";
import type { NarEvent } from "#store";
import { parseNar } from "#store";
import { encodeWords } from "../../../src/store/nar/grammar.ts";

async function eventsOf(chunks: Iterable<Uint8Array>): Promise<NarEvent[]> {
  const events: NarEvent[] = [];
  for await (const event of parseNar(chunks)) events.push(event);
  return events;
}

const entry = (name: string, ...object: string[]): string[] => ["entry", "(", "name", name, "node", ...object, ")"];
const file = (contents: string): string[] => ["(", "type", "regular", "contents", contents, ")"];
const folder = (...entries: string[][]): string[] => ["(", "type", "directory", ...entries.flat(), ")"];
const nar = (...words: string[]): Buffer => encodeWords("nix-archive-1", ...words);

const sample = nar(
  ...folder(
    entry("bin", ...folder(entry("web", "(", "type", "regular", "executable", "", "contents", "#!/bin/sh", ")"))),
    entry("current", "(", "type", "symlink", "target", "bin/web", ")"),
    entry("empty", ...file("")),
    entry("share", ...folder()),
  ),
);

describe("parseNar()", () => {
  it("tells of every object in order", async () => {
    const events = (await eventsOf([sample])).map((event) =>
      event.kind === "contents" ? event.bytes.toString() : `${event.kind} ${event.path.toString()}`,
    );
    expect(events).toEqual([
      "directory ",
      "directory bin",
      "file bin/web",
      "#!/bin/sh",
      "directory-end bin",
      "symlink current",
      "file empty",
      "directory share",
      "directory-end share",
      "directory-end ",
    ]);
  });

  it("reads the same byte by byte", async () => {
    const bytes = [...sample].map((byte) => Uint8Array.of(byte));
    const whole = await eventsOf([sample]);
    const events = await eventsOf(bytes);
    const join = (list: NarEvent[]): string =>
      list.map((event) => (event.kind === "contents" ? event.bytes.toString() : JSON.stringify(event))).join("");
    expect(join(events)).toBe(join(whole));
  });

  it("refuses it at every length short of the whole, and one byte past it", async () => {
    for (let length = 0; length < sample.length; length += 1) {
      await expect(eventsOf([sample.subarray(0, length)])).rejects.toMatchObject({
        code: "store/nar",
        message: "could not read a NAR: it ends early",
      });
    }
    await expect(eventsOf([sample, Uint8Array.of(0)])).rejects.toThrow("bytes follow its end");
  });

  it("never does anything but succeed or refuse, whatever byte is changed", async () => {
    await fc.assert(
      fc.asyncProperty(fc.nat(sample.length - 1), fc.integer({ min: 1, max: 255 }), async (at, change) => {
        const changed = Buffer.from(sample);
        changed[at] = (changed[at]! + change) % 256;
        await eventsOf([changed]).catch((error: unknown) => {
          expect(error).toMatchObject({ code: "store/nar" });
        });
      }),
      { numRuns: 500 },
    );
  });

  it.each([
    ["no magic", encodeWords("nix-archive-2", ...file("x")), 'expected nix-archive-1, found "nix-archive-2"'],
    ["another type", nar("(", "type", "fifo", ")"), 'expected regular, symlink or directory, found "fifo"'],
    ["entries out of order", nar(...folder(entry("b", ...file("")), entry("a", ...file("")))), "is not sorted after"],
    ["the same entry twice", nar(...folder(entry("a", ...file("")), entry("a", ...file("")))), "is not sorted after"],
    ["a way out", nar(...folder(entry("..", ...file("")))), '".." cannot be the name of an entry'],
    ["a dot", nar(...folder(entry(".", ...file("")))), '"." cannot be the name of an entry'],
    ["a name with a slash", nar(...folder(entry("a/b", ...file("")))), '"a/b" cannot be the name of an entry'],
    ["a name with a zero byte", nar(...folder(entry("a\0", ...file("")))), "cannot be the name of an entry"],
    ["an entry without a name", nar(...folder(entry("", ...file("")))), '"" cannot be the name of an entry'],
    ["a long name", nar(...folder(entry("a".repeat(256), ...file("")))), "has 256 bytes, more than 255"],
    ["a long target", nar("(", "type", "symlink", "target", "a".repeat(4_096), ")"), "has 4096 bytes, more than 4095"],
    ["an empty target", nar("(", "type", "symlink", "target", "", ")"), "target is empty"],
    ["a file without contents", nar("(", "type", "regular", ")"), 'expected contents, found ")"'],
    ["executable with a value", nar("(", "type", "regular", "executable", "yes"), "expected an empty string"],
  ])("refuses %s", async (_, bytes, message) => {
    await expect(eventsOf([bytes])).rejects.toThrow(message);
  });

  it("refuses padding that is not zero", async () => {
    const bytes = Buffer.from(nar(...file("abc")));
    bytes[bytes.indexOf("abc") + 3] = 1;
    await expect(eventsOf([bytes])).rejects.toThrow("padding is not zero");
  });

  it("refuses a length no number can hold without asking for that much memory", async () => {
    const bytes = Buffer.concat([nar(), Buffer.alloc(8, 0xff)]);
    await expect(eventsOf([bytes])).rejects.toThrow("a length is past 2^53");
    const long = Buffer.concat([nar("(", "type"), Buffer.from([0, 0, 0, 0, 0xff, 0, 0, 0])]);
    await expect(eventsOf([long])).rejects.toThrow("more than 16");
  });

  it("refuses directories nested without end", async () => {
    function* endless(): Generator<Buffer> {
      yield nar("(", "type", "directory");
      for (;;) yield encodeWords("entry", "(", "name", "a", "node", "(", "type", "directory");
    }
    await expect(eventsOf(endless())).rejects.toThrow("more than 1024 deep");
  });
});
