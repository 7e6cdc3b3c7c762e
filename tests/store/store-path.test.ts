import { describe, expect, it } from "vitest";
import { isStorePath, parseStorePath, storePathDigest, storePathName } from "#store";

const DIGEST = "dkh8w20v1xj7a3yjwjl1mglpxlzvn46m";

describe("parseStorePath()", () => {
  it.each(["hello-2.12", "nixos-system-web-1-24.05pre-git", ".hidden", "a", "x+y_z=1?.drv", "n".repeat(211)])(
    "takes the name %s",
    (name) => {
      const path = parseStorePath(`/nix/store/${DIGEST}-${name}`);
      expect([storePathDigest(path), storePathName(path)]).toEqual([DIGEST, name]);
    },
  );

  it.each([
    ["", "not in /nix/store"],
    [`${DIGEST}-hello`, "not in /nix/store"],
    [`/gnu/store/${DIGEST}-hello`, "not in /nix/store"],
    [`/nix/store/${DIGEST}-hello/bin/hello`, "leads inside a store object"],
    [`/nix/store/../store/${DIGEST}-hello`, "leads inside a store object"],
    [`/nix/store/${DIGEST.replace("d", "e")}-hello`, "32 digits of nixbase32"],
    ["/nix/store/.links", "32 digits of nixbase32"],
    [`/nix/store/${DIGEST}`, "no dash follows"],
    [`/nix/store/${DIGEST}-`, "has no name"],
    [`/nix/store/${DIGEST}-he llo`, "characters other than"],
    [`/nix/store/${DIGEST}-hello\n`, "characters other than"],
    [`/nix/store/${DIGEST}-$(reboot)`, "characters other than"],
    [`/nix/store/${DIGEST}-..`, "only dots"],
    [`/nix/store/${DIGEST}-.-x`, "only dots"],
    [`/nix/store/${DIGEST}-${"n".repeat(212)}`, "longer than 211"],
  ])("refuses %j", (text, why) => {
    expect(isStorePath(text)).toBe(false);
    expect(() => parseStorePath(text)).toThrow(why);
  });
});
