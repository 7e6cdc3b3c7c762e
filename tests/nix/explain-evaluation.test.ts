import { describe, expect, it } from "vitest";
import { trimEvaluationError } from "../../src/nix/explain-evaluation.ts";

describe("trimEvaluationError()", () => {
  it("drops what comes before the error and Nix's advice after it", () => {
    const said = [
      "warning: Git tree '/fleet' is dirty",
      "trace: hello",
      "error: attribute 'prot' missing",
      "",
      "       at /fleet/web.nix:3:9:",
      "(use '--show-trace' to show detailed location information)",
    ];
    expect(trimEvaluationError(said.join("\n"))).toBe(
      "error: attribute 'prot' missing\n\n       at /fleet/web.nix:3:9:",
    );
  });

  it("keeps of a long error its first line and its last, 20 together", () => {
    const said = [
      "error:",
      ...Array.from({ length: 40 }, (_, index) => `       … line ${String(index)}`),
      "       error: oops",
    ];
    const lines = trimEvaluationError(said.join("\n")).split("\n");
    expect(lines).toHaveLength(20);
    expect([lines[0], lines[1], lines.at(-1)]).toEqual(["error:", "…", "       error: oops"]);
  });

  it("keeps all there is when nothing looks like an error", () => {
    expect(trimEvaluationError("Segmentation fault\n")).toBe("Segmentation fault");
    expect(trimEvaluationError("")).toBe("");
  });
});
