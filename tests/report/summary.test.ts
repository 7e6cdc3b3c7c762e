import { describe, expect, it } from "vitest";
import { summary } from "#report";
import { GOALS } from "#hive";
import type { HostReport } from "#rollout";
import { BAD_GATEWAY, hostReport, rolloutReport, systemPath } from "./typical-run.ts";

const nothing = { from: undefined, to: undefined, generation: undefined, copiedBytes: 0 };
const hosts: readonly HostReport[] = [
  hostReport("db-1", { outcome: "stranded", error: BAD_GATEWAY, durationMs: 95_000 }),
  hostReport("web-1", { outcome: "deployed" }),
  hostReport("web-2", { outcome: "unchanged", to: systemPath("0", "web-2", "24.11"), copiedBytes: 0, durationMs: 800 }),
  hostReport("web-3", { ...nothing, outcome: "skipped", reason: "the run was interrupted" }),
  hostReport("web-4", { outcome: "failed", error: BAD_GATEWAY, from: undefined, generation: undefined }),
];
const report = rolloutReport(hosts);
const verdictOf = (text: string): string | undefined => text.trimEnd().split("\n").at(-1);

describe("summary()", () => {
  it("is a line per host, the worst last, and the verdict", () => {
    expect(summary(report, { colors: false, columns: 120 })).toBe(`\
HOST   OUTCOME    SYSTEM                                                                GENERATION    COPIED        TIME
web-2  unchanged  0c4x2ab nixos-system-web-2-24.11                                              43                 0.8 s
web-1  deployed   0c4x2ab nixos-system-web-1-24.11 -> 9c4x2ab nixos-system-web-1-25.05          43  38.0 MiB        12 s
web-3  skipped                                                                                                      12 s
web-4  failed     (not 9c4x2ab nixos-system-web-4-25.05)                                            38.0 MiB        12 s
db-1   stranded   0c4x2ab nixos-system-db-1-24.11 -> 9c4x2ab nixos-system-db-1-25.05            43  38.0 MiB  1 min 35 s

switch: 1 deployed, 1 unchanged, 1 skipped, 1 failed, 1 stranded in 42 s
`);
  });

  it("says less of the systems' names where there is less room, then drops columns", () => {
    const headAndHost = (columns: number): string[] =>
      summary(report, { colors: false, columns }).split("\n").slice(0, 3);
    expect(headAndHost(90)).toEqual([
      "HOST   OUTCOME    SYSTEM                          GENERATION    COPIED        TIME",
      "web-2  unchanged  0c4x2ab 24.11                           43                 0.8 s",
      "web-1  deployed   0c4x2ab 24.11 -> 9c4x2ab 25.05          43  38.0 MiB        12 s",
    ]);
    expect(headAndHost(72)).toEqual([
      "HOST   OUTCOME    SYSTEM              GENERATION    COPIED        TIME",
      "web-2  unchanged  0c4x2ab                     43                 0.8 s",
      "web-1  deployed   0c4x2ab -> 9c4x2ab          43  38.0 MiB        12 s",
    ]);
    expect(headAndHost(60)).toEqual([
      "HOST   OUTCOME    SYSTEM              GENERATION        TIME",
      "web-2  unchanged  0c4x2ab                     43       0.8 s",
      "web-1  deployed   0c4x2ab -> 9c4x2ab          43        12 s",
    ]);
    expect(headAndHost(48)[2]).toBe("web-1  deployed   0c4x2ab -> 9c4x2ab        12 s");
    expect(headAndHost(40)[2]).toBe("web-1  deployed         12 s");
  });

  it("fits the table into any number of columns", () => {
    for (let columns = 1; columns <= 140; columns += 1) {
      const table = summary(report, { colors: false, columns })
        .split("\n")
        .slice(0, hosts.length + 1);
      expect(Math.max(...table.map((line) => line.length))).toBeLessThanOrEqual(columns);
    }
  });

  it("is the same text with colours, outcomes in green and red", () => {
    const colored = summary(report, { colors: true, columns: 120 });
    expect(colored.replaceAll(/\u001b\[\d+m/gu, "")).toBe(summary(report, { colors: false, columns: 120 }));
    expect(colored).toContain("web-1  \u001b[32mdeployed\u001b[39m   0c4x2ab");
    expect(colored).toContain("db-1   \u001b[31mstranded\u001b[39m   0c4x2ab");
    expect(colored).toContain("\u001b[1mswitch:\u001b[22m \u001b[32m1 deployed\u001b[39m, ");
  });

  it("says what was reached in the words of the goal", () => {
    const deployed = [hostReport("web-1", { outcome: "deployed" })];
    const words = GOALS.map((goal) =>
      verdictOf(summary(rolloutReport(deployed, { goal }), { colors: false, columns: 99 })),
    );
    expect(words).toEqual([
      "build: 1 built in 42 s",
      "push: 1 pushed in 42 s",
      "dry-activate: 1 checked in 42 s",
      "secrets: 1 supplied in 42 s",
      "test: 1 tested in 42 s",
      "boot: 1 set for the next boot in 42 s",
      "switch: 1 deployed in 42 s",
    ]);
  });

  it("says that a run was interrupted, and that it had no hosts", () => {
    const options = { colors: false, columns: 120 };
    expect(verdictOf(summary(rolloutReport([], { interrupted: true }), options))).toBe(
      "switch: no hosts in 42 s, unfinished because interrupted",
    );
    const left = hostReport("web-2", { ...nothing, outcome: "skipped", reason: "the run was interrupted" });
    const done = hostReport("web-1", { outcome: "deployed" });
    expect(verdictOf(summary(rolloutReport([done, left], { interrupted: true }), options))).toBe(
      "switch: 1 deployed, 1 skipped in 42 s, unfinished because interrupted",
    );
    expect(verdictOf(summary(rolloutReport([done], { interrupted: true }), options))).toBe(
      "switch: 1 deployed in 42 s, interrupted",
    );
    expect(summary(rolloutReport([]), options)).toBe("switch: no hosts in 42 s\n");
  });

  it("leaves out columns that no host has anything for, as in a build", () => {
    const built = hostReport("web-1", { ...nothing, outcome: "deployed", to: systemPath("9", "web-1", "25.05") });
    expect(summary(rolloutReport([built], { goal: "build" }), { colors: false, columns: 80 })).toBe(`\
HOST   OUTCOME  SYSTEM                            TIME
web-1  built    9c4x2ab nixos-system-web-1-25.05  12 s

build: 1 built in 42 s
`);
  });
});
