import { describe, expect, it } from "vitest";
import { ActivationError } from "#activation";
import { parseFacts } from "../../src/activation/probe-host.ts";

const SYSTEM = "/nix/store/0c4x2abc4x2abc4x2abc4x2abc4x2abc-nixos-system-web-1-24.11";

const ANSWER = `uid=0
nixos=yes
systemd=yes
nix=nix-store (Nix) 2.26.3
running=${SYSTEM}
booted=${SYSTEM}
profile_link=system-41-link
profile_system=${SYSTEM}
secrets_generation=7
secrets_set=5f1c0d
secrets_waiting=token
secrets_waiting=db/password
secrets_boot_set=5f1c0e
cut_run=20260131-142501-3f9a
cut_system=${SYSTEM}
boot_id=5f1c
free_kib=1024
failed=a.service
failed=b.mount
probe=complete
`;

function codeOf(text: string): string {
  try {
    parseFacts(text, { root: "" });
  } catch (error) {
    if (error instanceof ActivationError) return error.code;
  }
  return "none";
}

describe("parseFacts()", () => {
  it("reads everything a host says", () => {
    expect(parseFacts(ANSWER, { root: "" })).toEqual({
      nixos: true,
      systemd: true,
      nixVersion: "2.26.3",
      running: SYSTEM,
      booted: SYSTEM,
      profile: { path: "/nix/var/nix/profiles/system", generation: 41, system: SYSTEM },
      secrets: { generation: 7, set: "5f1c0d", waiting: ["token", "db/password"], bootSet: "5f1c0e" },
      cutCommit: { run: "20260131-142501-3f9a", system: SYSTEM },
      bootId: "5f1c",
      storeFreeBytes: 1_048_576,
      failedUnits: ["a.service", "b.mount"],
    });
  });

  it("takes what is not there for not there", () => {
    expect(parseFacts("uid=0\nnix=\nboot_id=5f1c\nprobe=complete\n", { root: "" })).toEqual({
      nixos: false,
      systemd: false,
      nixVersion: undefined,
      running: undefined,
      booted: undefined,
      profile: { path: "/nix/var/nix/profiles/skep", generation: undefined, system: undefined },
      secrets: { generation: undefined, set: undefined, waiting: [], bootSet: undefined },
      cutCommit: undefined,
      bootId: "5f1c",
      storeFreeBytes: undefined,
      failedUnits: [],
    });
  });

  it("refuses an answer that was cut short anywhere", () => {
    for (let end = 0; end < ANSWER.length - 1; end += 1) expect(codeOf(ANSWER.slice(0, end))).toBe("activation/probe");
  });

  it("refuses a login that is not root, unless all it does lies below a root of its own", () => {
    expect(codeOf("uid=1000\nprobe=complete\n")).toBe("activation/not-root");
    expect(parseFacts("uid=1000\nprobe=complete\n", { root: "/srv/image" }).systemd).toBe(false);
  });
});
