import { describe, expect, it } from "vitest";
import { parseProxyJump } from "../../src/ssh/jump.ts";

describe("parseProxyJump()", () => {
  it.each([
    ["edge", { host: "edge" }],
    ["admin@edge:2222", { host: "edge", user: "admin", port: 2222 }],
    ["ssh://admin@edge:2222", { host: "edge", user: "admin", port: 2222 }],
    ["[fe80::1]:2222", { host: "fe80::1", port: 2222 }],
    ["far, near@inner:1, nearest", { host: "nearest", proxyJump: "far,near@inner:1" }],
  ])("reads %j", (text, expected) => {
    expect(parseProxyJump(text)).toEqual({ user: undefined, port: undefined, proxyJump: undefined, ...expected });
  });

  it.each(["", "edge,", "@edge", "edge:port", "a b:c:d"])("refuses %j", (text) => {
    expect(() => parseProxyJump(text)).toThrow(expect.objectContaining({ code: "ssh/config" }));
  });
});
