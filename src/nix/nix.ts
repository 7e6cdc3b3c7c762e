import { quoteArgv, succeeded } from "#core";
import { NixError } from "./errors.ts";
import { nixFailure, runNix } from "./run-nix.ts";

/** The operator's Nix. */
export interface Nix {
  /** Its version without the product's name: `2.26.3`. */
  readonly version: string;
  /** The environment its programs are started in, found on this environment's `PATH`. */
  readonly environment: Readonly<NodeJS.ProcessEnv>;
}

/** Words that switch on what is still called experimental, and add to the user's own settings. */
export const EXPERIMENTAL = ["--extra-experimental-features", "nix-command flakes"] as const;

const OLDEST = { major: 2, minor: 8 } as const;

/**
 * Finds the operator's Nix and asks its version.
 * @throws NixError `nix/missing`, `nix/too-old`.
 */
export async function openNix({
  signal,
  environment = process.env,
}: {
  readonly signal?: AbortSignal | undefined;
  /** Default: this process's own. */
  readonly environment?: Readonly<NodeJS.ProcessEnv> | undefined;
} = {}): Promise<Nix> {
  const argv = ["nix", "--version"] as const;
  const result = await runNix({ version: "", environment }, argv, { signal, timeoutMs: 30_000 });
  if (!succeeded(result)) throw nixFailure(`run ${quoteArgv(argv)}`, result);
  const version = parseNixVersion(result.stdout);
  if (version === undefined) {
    throw new NixError(
      "nix/failed",
      `could not read Nix's version from ${JSON.stringify(result.stdout.slice(0, 200))}`,
    );
  }
  if (isOlder(version)) {
    throw new NixError("nix/too-old", `could not use Nix ${version}: 2.8 is the oldest that is supported`, {
      hint: "upgrade Nix on this machine",
    });
  }
  return { version, environment };
}

/** The version in the output of `nix --version`: `2.8.0` in `nix (Nix) 2.8.0`, whatever the product calls itself. */
export function parseNixVersion(output: string): string | undefined {
  const firstLine = output.trimStart().split("\n", 1)[0] ?? "";
  return /\s(\d+\.\d+\S*)\s*$/.exec(firstLine)?.[1];
}

function isOlder(version: string): boolean {
  const [major = 0, minor = 0] = version.split(".").map((part) => Number.parseInt(part, 10));
  return major < OLDEST.major || (major === OLDEST.major && minor < OLDEST.minor);
}
