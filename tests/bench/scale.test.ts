import { execFile, execFileSync } from "node:child_process";
import { existsSync } from "node:fs";
import { join } from "node:path";
import { promisify } from "node:util";
import { describe, expect, it } from "vitest";

const ROOT = join(import.meta.dirname, "../..");
const TIMEOUT_MS = 180_000;

interface Row {
  readonly case: string;
  readonly tool: string;
  readonly medianSeconds: number;
}

// It measures what was built, with OpenSSH's client beside it.
const isReady = existsSync(join(ROOT, "dist/cli/main.js")) && hasSsh();

describe.skipIf(!isReady)("bench/scale.ts", () => {
  it(
    "brings two hosts up to date with skep and with ssh, and fails unless each is",
    async () => {
      const args = [
        "bench/scale.ts",
        "--quick",
        "--json",
        "--only",
        "2 hosts up to date",
        "--only",
        "2 hosts with a change",
      ];
      const { stdout } = await promisify(execFile)(process.execPath, ["--import", "jiti/register", ...args], {
        cwd: ROOT,
      });
      const rows = stdout
        .trimEnd()
        .split("\n")
        .map((line) => JSON.parse(line) as Row);
      const tools = ["skep", "skep --parallel 50", "xargs -P10 ssh"];
      for (const kind of ["2 hosts with a change", "2 hosts up to date"]) {
        const wall = rows.filter((row) => row.case === kind);
        expect(wall.map(({ tool }) => tool)).toEqual(tools);
        expect(wall.every(({ medianSeconds }) => medianSeconds > 0)).toBe(true);
      }
    },
    TIMEOUT_MS,
  );
});

function hasSsh(): boolean {
  try {
    execFileSync("ssh", ["-V"], { stdio: "ignore" });
    return true;
  } catch {
    return false;
  }
}
