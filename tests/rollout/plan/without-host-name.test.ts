import { expect, it } from "vitest";
import { withoutHostName } from "../../../src/rollout/plan/without-host-name.ts";

it.each([
  ["etc-web-1", "web-1", "etc-{host}"],
  ["nixos-system-web-1-24.11", "web-1", "nixos-system-{host}-24.11"],
  ["configuration-old-nix", "old-nix", "configuration-{host}"],
  ["unit-web-10.service", "web-1", "unit-web-10.service"],
  ["site-1.0", "web-1", "site-1.0"],
  ["website", "web", "website"],
])("withoutHostName() of %s on %s is %s", (name, host, expected) => {
  expect(withoutHostName(name, host)).toBe(expected);
});
