import { describe, expect, it } from "vitest";
import { planEvaluation } from "../../src/nix/system-request.ts";
import { named } from "./fixture.ts";

describe("planEvaluation()", () => {
  it("takes nixosConfigurations.<host> of a flake, and <host> of a file", () => {
    const flake = planEvaluation(
      named("web-1.example"),
      { kind: "nix-flake", flake: "", attribute: undefined },
      "/fleet",
    );
    expect(flake.request.path).toEqual(["nixosConfigurations", "web-1.example"]);
    expect(flake.origin.argv.at(-1)).toBe(".#nixosConfigurations");
    const file = planEvaluation(
      named("web-1"),
      { kind: "nix-file", file: "./hosts.nix", attribute: undefined },
      "/fleet",
    );
    expect(file.request.path).toEqual(["web-1"]);
    expect(file.origin.argv.slice(-2)).toEqual(["--file", "/fleet/hosts.nix"]);
  });

  it("encodes in a flake's fragment what would end it", () => {
    const source = { kind: "nix-flake", flake: "./infra", attribute: '"a#b?c d%".web-1' } as const;
    expect(planEvaluation(named("web-1"), source, "/fleet").origin.argv.at(-1)).toBe("./infra#%22a%23b%3Fc%20d%25%22");
  });

  it("evaluates a flake purely, and a file as nix-build does", () => {
    const flake = planEvaluation(named("web-1"), { kind: "nix-flake", flake: ".", attribute: undefined }, "/fleet");
    const file = planEvaluation(named("web-1"), { kind: "nix-file", file: "x.nix", attribute: undefined }, "/fleet");
    expect(flake.origin.argv).not.toContain("--impure");
    expect(file.origin.argv).toContain("--impure");
  });
});
