import { describe, expect, it } from "vitest";
import { chooseChannels } from "../../../src/store/serve/choose-channels.ts";
import { pathInfo, wideClosure } from "../closures.ts";

const MIB = 1024 * 1024;
const many = wideClosure(2_000, MIB / 4).paths;
const tiny = wideClosure(2_000, 200).paths;

describe("chooseChannels()", () => {
  it.each([
    ["one on a short line", many, { roundTripMs: 2 }, 1],
    ["some on a long line", many, { roundTripMs: 20 }, 4],
    ["more on a very long line", many, { roundTripMs: 100 }, 8],
    ["no more than allowed", many, { roundTripMs: 100, maxChannels: 2 }, 2],
    ["one for as little as fits its window", tiny, { roundTripMs: 100 }, 1],
    ["one for one path, however large", [pathInfo("image", [], 1024 * MIB)], { roundTripMs: 100 }, 1],
    ["one when there is nothing to send", [], { roundTripMs: 100 }, 1],
  ])("takes %s", (_, infos, options, channels) => {
    expect(chooseChannels(infos, options)).toBe(channels);
  });
});
