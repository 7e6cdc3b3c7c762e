import { describe, expect, it } from "vitest";
import { summary } from "#report";
import type { HostReport } from "#rollout";
import { BAD_GATEWAY, hostReport, rolloutReport, systemPath } from "./typical-run.ts";

const hosts: readonly HostReport[] = [
  hostReport("db-1", { outcome: "stranded", error: BAD_GATEWAY, generation: 44, durationMs: 95_000 }),
  hostReport("web-1", { outcome: "deployed" }),
  hostReport("web-2", { outcome: "unchanged", to: systemPath("0", "web-2", "24.11"), copiedBytes: 0, durationMs: 800 }),
  hostReport("web-3", { outcome: "skipped", reason: "interrupted", from: undefined, to: undefined, copiedBytes: 0 }),
  hostReport("web-4", { outcome: "failed", error: BAD_GATEWAY, from: undefined, generation: undefined }),
];
const wide = (report = rolloutReport(hosts)): string => summary(report, { colors: false, columns: 120 });

describe("summary()", () => {
  it("is a line per host, the worst last, and the verdict", () => {
    expect(wide()).toBe(`\
HOST   OUTCOME    SYSTEM                                                                GENERATION    COPIED          TIME
web-2  unchanged  0c4x2ab nixos-system-web-2-24.11                                              43                   0.8 s
web-1  deployed   0c4x2ab nixos-system-web-1-24.11 -> 9c4x2ab nixos-system-web-1-25.05          43  38.0 MiB          12 s
web-3  skipped                                                                                  43                    12 s
web-4  failed     -> 9c4x2ab nixos-system-web-4-25.05                                               38.0 MiB          12 s
db-1   stranded   0c4x2ab nixos-system-db-1-24.11 -> 9c4x2ab nixos-system-db-1-25.05            44  38.0 MiB  1 min 35 s

switch: 1 deployed, 1 unchanged, 1 skipped, 1 failed, 1 stranded in 42 s
`.replaceAll(/ {2}(?=GENERATION|43|44)/g, "  "));
  });
});
