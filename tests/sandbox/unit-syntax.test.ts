import { mkdir, mkdtemp, rm, symlink } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import fc from "fast-check";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { placeWord } from "../../src/sandbox/systemd/place-words.ts";
import { resolveInRoot } from "../../src/sandbox/resolve-in-root.ts";
import { parseUnitTexts } from "../../src/sandbox/systemd/unit-text.ts";
import { expandSpecifiers, expandVariables, splitUnitWords } from "../../src/sandbox/systemd/unit-words.ts";

describe("parseUnitTexts()", () => {
  it("reads sections, lists, continued lines and comments", () => {
    const unit = parseUnitTexts([
      "# comment\n[Unit]\nAfter=a b\nAfter=c\n[Service]\nExecStart=/bin/a \\\n# between\n  b\n; comment\nRestart = always\n",
      "[Service]\nRestart=no\n",
    ]);
    expect(unit.words("Unit", "After")).toEqual(["a", "b", "c"]);
    expect(unit.get("Service", "ExecStart")).toBe("/bin/a  b");
    expect(unit.get("Service", "Restart")).toBe("no");
    expect(unit.get("Unit", "Restart")).toBeUndefined();
  });

  it("lets an empty value forget those before it", () => {
    const unit = parseUnitTexts(["[Service]\nExecStart=/bin/a\n", "[Service]\nExecStart=\nExecStart=/bin/b\n"]);
    expect(unit.all("Service", "ExecStart")).toEqual(["/bin/b"]);
  });
});

describe("splitUnitWords()", () => {
  it("undoes quotes and escapes", () => {
    expect(splitUnitWords(`a 'b c' "d \\"e" f\\x20g h"i j"k "" \\s`)).toEqual([
      "a",
      "b c",
      'd "e',
      "f g",
      "hi jk",
      "",
      " ",
    ]);
    expect(splitUnitWords("a 'b")).toBeUndefined();
  });

  it("gives back every word that was quoted", () => {
    fc.assert(
      fc.property(fc.array(fc.string({ unit: "binary" })), (words) => {
        const quoted = words.map((word) => `"${word.replaceAll(/[\\"]/g, "\\$&")}"`).join(" ");
        expect(splitUnitWords(quoted)).toEqual(words);
      }),
    );
  });
});

describe("expandVariables() and expandSpecifiers()", () => {
  it("put values in as systemd does", () => {
    expect(expandVariables(["$A", "${A}", "x${B}y", "$$A", "$NONE", "${NONE}"], { A: "1 2", B: "b" })).toEqual([
      ...["1", "2", "1 2", "xby", "$A", ""],
    ]);
    expect(expandSpecifiers("%n %N %p %i %H %% %q", { unit: "web@eu.service", hostName: "h" })).toBe(
      "web@eu.service web@eu web eu h % %q",
    );
  });
});

describe("paths below a root", () => {
  let root: string;
  beforeAll(async () => {
    root = await mkdtemp(join(tmpdir(), "skep-sandbox-root-"));
    await mkdir(join(root, "nix/store/a/bin"), { recursive: true });
    await mkdir(join(root, "etc"));
    await symlink("/nix/store/a", join(root, "current"));
    await symlink("../../../../current/bin", join(root, "etc/bin"));
    await symlink("nix/store/a", join(root, "kept"));
    await symlink("loop", join(root, "loop"));
  });
  afterAll(() => rm(root, { recursive: true, force: true }));

  it("resolveInRoot() follows links as if the root were /, and never leaves it", async () => {
    expect(await resolveInRoot(root, "/etc/bin/../x")).toBe(`${root}/nix/store/a/x`);
    expect(await resolveInRoot(root, "/../../etc")).toBe(`${root}/etc`);
    expect(await resolveInRoot(root, "/loop/x")).toBe(`${root}/loop/x`);
  });

  it("placeWord() knows what is below the root from what is this machine's", async () => {
    const place = (word: string): Promise<string> => placeWord(root, word);
    expect(await place("/current/bin")).toBe(`${root}/nix/store/a/bin`);
    expect(await place("/etc/bin/x")).toBe(`${root}/nix/store/a/bin/x`);
    expect(await place("/kept/bin/x")).toBe(`${root}/kept/bin/x`);
    expect(await place("--conf=/etc/new")).toBe(`--conf=${root}/etc/new`);
    expect(await place("/bin/sh")).toBe("/bin/sh");
    expect(await place("/new")).toBe("/new");
    expect(await place("cd /nix/store/b && /nix/store/c")).toBe(`cd ${root}/nix/store/b && ${root}/nix/store/c`);
    expect(await place(`${root}/nix/store/b`)).toBe(`${root}/nix/store/b`);
  });
});
