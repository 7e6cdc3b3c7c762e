import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { parsePathInfos, StoreError } from "#store";
import { noNix, openRealStore } from "./real-store.ts";

const SYSTEM = "/nix/store/294inrcsfhyn13r17vc6cq6jjkmldkp1-hello";
const DERIVER = "/nix/store/ra9ls9k9bp7xxfqa6x95y35jijbzzyl7-hello.drv";
/** As Nix 2.8.0 printed it. */
const OLD = [
  {
    path: SYSTEM,
    narHash: "sha256-EFUdrtf6Rn0LWIJufrmg8q99aT3jGfLvd1//zaJEufY=",
    narSize: 120,
    references: [SYSTEM],
    deriver: DERIVER,
    registrationTime: 1795179731,
    ultimate: true,
  },
];
/** As Nix prints it from 2.19 on. */
const NEW = {
  [SYSTEM]: {
    ca: null,
    deriver: DERIVER,
    narHash: "sha256-EFUdrtf6Rn0LWIJufrmg8q99aT3jGfLvd1//zaJEufY=",
    narSize: 120,
    references: [SYSTEM],
    registrationTime: 1795179731,
    signatures: [],
    ultimate: true,
  },
};
const READ = {
  path: SYSTEM,
  narHash: "sha256-EFUdrtf6Rn0LWIJufrmg8q99aT3jGfLvd1//zaJEufY=",
  narSize: 120,
  references: [SYSTEM],
  deriver: DERIVER,
  signatures: [],
  ca: undefined,
  ultimate: true,
};

describe("parsePathInfos()", () => {
  it("reads both shapes alike", () => {
    expect(parsePathInfos(JSON.stringify(OLD))).toEqual([READ]);
    expect(parsePathInfos(JSON.stringify(NEW))).toEqual([READ]);
  });

  it("reads hashes in nixbase32 too", () => {
    const narHash = "sha256:0xmr8mi6rzvzfypz4crkds4sq7qcp5zpmbzs12iyvykqs3l1ylwf";
    const [info] = parsePathInfos(JSON.stringify([{ ...OLD[0], narHash }]));
    expect(info?.narHash).toMatch(/^sha256-[A-Za-z0-9+/]{43}=$/);
  });

  it.each([
    ["null for it", { [SYSTEM]: null }],
    ["valid: false", [{ path: SYSTEM, valid: false }]],
  ])("says which path is not valid when Nix gives %s", (_, value) => {
    expect(() => parsePathInfos(JSON.stringify(value))).toThrow(`${SYSTEM} is not valid in this store`);
  });

  it.each([
    ["not JSON", "warning: what", "it is not JSON"],
    ["a number", "7", "neither an array nor an object"],
    ["an entry without a path", "[{}]", "an entry has no path"],
    ["a path elsewhere", '{"/etc/passwd":{}}', '"/etc/passwd" is not a store path'],
    ["a negative size", JSON.stringify([{ ...OLD[0], narSize: -1 }]), "narSize of"],
    ["a size as text", JSON.stringify([{ ...OLD[0], narSize: "120" }]), "narSize of"],
    ["a bad hash", JSON.stringify([{ ...OLD[0], narHash: "sha256-?" }]), "is not a SHA-256"],
    ["a reference elsewhere", JSON.stringify([{ ...OLD[0], references: ["/etc"] }]), "is not a store path"],
    ["references of another type", JSON.stringify([{ ...OLD[0], references: {} }]), "references of"],
    ["a ca of another type", JSON.stringify([{ ...OLD[0], ca: { method: "nar" } }]), "ca of"],
  ])("refuses %s", (_, json, message) => {
    expect(() => parsePathInfos(json)).toThrow(message);
  });

  it("throws nothing but a StoreError, whatever JSON comes", () => {
    fc.assert(
      fc.property(
        fc.oneof(
          fc.json(),
          fc.json().map((json) => `{"${SYSTEM}":${json}}`),
        ),
        (json) => {
          try {
            parsePathInfos(json);
          } catch (error) {
            expect(error).toBeInstanceOf(StoreError);
          }
        },
      ),
    );
  });

  it.skipIf(noNix)("reads what the Nix installed here prints", async () => {
    await using store = await openRealStore();
    const [path] = await store.addTexts(
      'map builtins.unsafeDiscardStringContext [ (builtins.toFile "page" "${builtins.toFile "style" "s"}") ]',
    );
    const infos = await store.pathInfos([path!]);
    expect(infos.map(({ narSize, references }) => [narSize, references.length])).toContainEqual([168, 1]);
    expect(infos.every(({ ca }) => ca?.startsWith("text:sha256:"))).toBe(true);
  });
});
