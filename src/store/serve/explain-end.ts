import { describeExit } from "#core";
import { StoreError } from "../errors.ts";
import type { Diagnosis, ProgramEnd } from "../program-end.ts";
import { linesOf } from "../program-end.ts";

const NO_NIX: Diagnosis = {
  code: "store/no-nix",
  pattern: /nix-store: (?:command )?not found|nix-store: No such file/i,
  hint: "install Nix on the host, or put nix-store on the PATH of its non-interactive logins",
};

const DIAGNOSES: readonly Diagnosis[] = [
  {
    code: "store/disk-full",
    pattern: /no space left on device|disk quota exceeded|database or disk is full/i,
    hint: "free space on the host, for example with nix-collect-garbage, and deploy again",
  },
  {
    code: "store/denied",
    pattern: /lacks a (?:valid )?signature|not (?:a )?trusted user|paths is not allowed|permission denied/i,
    hint: "log in as root, elevate, or name the login user in trusted-users in the host's nix.conf",
  },
  {
    code: "store/changed",
    pattern: /hash mismatch (?:importing|in NAR)|size mismatch (?:importing|in NAR)/i,
    hint: "the path changed on the operator's disk; run nix-store --verify --check-contents --repair there",
  },
  NO_NIX,
];

/** The error for a `nix-store --serve` that ended while we waited for it, from what it left behind. */
export function explainServeEnd({ attempt, exit, stderr, cause }: ProgramEnd): StoreError {
  const said = lastErrorIn(linesOf(stderr));
  const how =
    exit === undefined ? "nix-store --serve closed its output" : `nix-store --serve ended with ${describeExit(exit)}`;
  const found = DIAGNOSES.find(({ pattern }) => pattern.test(stderr)) ?? (exit?.exitCode === 127 ? NO_NIX : undefined);
  return new StoreError(found?.code ?? "store/ended", `${attempt} failed: ${how}${said === "" ? "" : `: ${said}`}`, {
    hint: found?.hint,
    cause,
  });
}

/** The lines from the last `error:` on, or the last few. */
function lastErrorIn(lines: readonly string[]): string {
  const error = lines.findLastIndex((line) => line.startsWith("error:"));
  return lines
    .slice(error === -1 ? -3 : error)
    .slice(0, 6)
    .join(" ");
}
