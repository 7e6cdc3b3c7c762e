import { describe, expect, it } from "vitest";
import { parsePlanFacts } from "../../src/activation/plan-facts.ts";

const UNIT = `/nix/store/${"0".repeat(32)}-unit-web.service`;

describe("parsePlanFacts()", () => {
  it("tells units that were recorded from a record of none, which is an empty line, and from no record", () => {
    const recordedIn = (text: string) => parsePlanFacts(text, []).units.recorded;
    expect(recordedIn(`systemctl\nunits\nunit\tweb.service\t${UNIT}\ncomplete\n`)).toEqual(
      new Map([["web.service", UNIT]]),
    );
    expect(recordedIn("systemctl\nunits\nunit\t\ncomplete\n")).toEqual(new Map());
    expect(recordedIn("systemctl\ncomplete\n")).toBeUndefined();
  });
});
