import fc from "fast-check";
import { expect, it } from "vitest";
import { quoteNixString } from "../../src/nix/nix-string.ts";
import { runNix } from "../../src/nix/run-nix.ts";
import { needsNix, nixFixture } from "./fixture.ts";

it("quoteNixString() writes any text so that Nix reads exactly that text", async (context) => {
  needsNix(context);
  await using fixture = await nixFixture();
  const hostile = ["${builtins.abort 1}", "$${x}", '"; throw "', "\\${x}", "a\r\nb\rc", "\\", "$", "''${x}''", "ü€😀"];
  const sampled = fc.sample(
    fc.string({ unit: fc.constantFrom("$", "{", "}", '"', "\\", "n", "'", "\n", "\r", "\t", " ") }),
    500,
  );
  const texts = [...hostile, ...sampled];
  const file = await fixture.write("texts.nix", `[ ${texts.map(quoteNixString).join(" ")} ]`);
  const result = await runNix(fixture.nix, ["nix-instantiate", "--eval", "--strict", "--json", file]);
  expect(result.stderr).toBe("");
  expect(JSON.parse(result.stdout)).toEqual(texts);
});
