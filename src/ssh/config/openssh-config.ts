import { execFile } from "node:child_process";
import { promisify } from "node:util";
import { errnoOf, messageOf } from "#core";
import { SshError } from "../errors.ts";
import type { SshTarget } from "../target.ts";
import type { RawSettings } from "./raw-settings.ts";
import { parseSshG } from "./raw-settings.ts";
import type { SettingsOptions } from "./settings.ts";

const execute = promisify(execFile);

/** `Match exec` may run anything, but not for long. */
const TIMEOUT_MS = 15_000;

/** The settings OpenSSH's client itself would use, or undefined where it is not installed. */
export async function readSettingsFromOpenSsh(
  target: SshTarget,
  { configFile, signal }: SettingsOptions,
): Promise<RawSettings | undefined> {
  try {
    const { stdout } = await execute("ssh", queryArguments(target, configFile), { timeout: TIMEOUT_MS, signal });
    return parseSshG(stdout);
  } catch (error) {
    signal?.throwIfAborted();
    if (errnoOf(error) === "ENOENT") return undefined;
    throw new SshError("ssh/config", `reading the SSH configuration for ${target.host}: ${reasonOf(error)}`, {
      cause: error,
    });
  }
}

function queryArguments({ host, user, port }: SshTarget, configFile: string | undefined): string[] {
  return [
    "-G",
    // Without it ssh remarks on a missing terminal.
    "-T",
    ...(configFile === undefined ? [] : ["-F", configFile]),
    ...(user === undefined ? [] : ["-l", user]),
    ...(port === undefined ? [] : ["-p", String(port)]),
    "--",
    host,
  ];
}

function reasonOf(error: unknown): string {
  const stderr = error instanceof Error && "stderr" in error ? String(error.stderr).trim() : "";
  return stderr === "" ? messageOf(error) : stderr;
}
