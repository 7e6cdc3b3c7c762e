import { existsSync, readFileSync } from "node:fs";
import { delimiter, join } from "node:path";
import type { Browser } from "puppeteer-core";
import { launch } from "puppeteer-core";

const PROGRAMS = ["chromium", "chromium-browser", "google-chrome"] as const;
const LAUNCH_TIMEOUT_MS = 60_000;

/** The browser of this machine; undefined where there is none. */
export const browserPath: string | undefined = PROGRAMS.flatMap((program) =>
  (process.env.PATH ?? "").split(delimiter).map((folder) => join(folder, program)),
).find((file) => existsSync(file));

/**
 * Why tests that need a browser are skipped; undefined when they are not.
 * @throws where `CI` is set and `node tests/set-up.js` could have installed one.
 */
export function whyNoBrowser(): string | undefined {
  if (browserPath !== undefined) return undefined;
  const isCi = !["", "0", "false", undefined].includes(process.env.CI);
  if (isCi && process.getuid?.() === 0 && isDebian()) {
    throw new Error("CI is set, and there is no chromium: run node tests/set-up.js");
  }
  return "there is no chromium on the PATH";
}

function isDebian(): boolean {
  const release = existsSync("/etc/os-release") ? readFileSync("/etc/os-release", "utf8") : "";
  return /^ID(_LIKE)?=.*\b(debian|ubuntu)\b/m.test(release);
}

/** A browser of its own, without a network's help. */
export function openBrowser(): Promise<Browser> {
  return launch({
    executablePath: browserPath ?? "",
    pipe: true,
    timeout: LAUNCH_TIMEOUT_MS,
    args: ["--no-sandbox", "--disable-gpu", "--disable-dev-shm-usage"],
  });
}
