import { execFile } from "node:child_process";
import { join } from "node:path";
import { promisify } from "node:util";

/** What `evaluate.nix` tells of a system. */
export interface NixosSystem {
  readonly age: {
    readonly secrets: Readonly<Record<string, Readonly<Record<string, unknown>>>>;
    readonly identityPaths: readonly string[];
    readonly [option: string]: unknown;
  };
  readonly activationScripts: Readonly<Record<string, ActivationScript>>;
  readonly services: Readonly<Record<string, Unit>>;
  readonly systemPackages: readonly string[];
  /** The messages of assertions that do not hold. */
  readonly problems: readonly string[];
}

export interface ActivationScript {
  readonly text: string;
  readonly deps: readonly string[];
  readonly supportsDryActivation: boolean;
}

export interface Unit {
  readonly after: readonly string[];
  readonly before: readonly string[];
  readonly requiredBy: readonly string[];
  readonly wantedBy: readonly string[];
  readonly restartIfChanged: boolean;
  readonly unitConfig: Readonly<Record<string, unknown>>;
  readonly serviceConfig: Readonly<Record<string, unknown>>;
}

export interface EvaluateOptions {
  /** A folder of the test's own, where the store is. */
  readonly directory: string;
  readonly packages?: string | undefined;
  readonly runtimeShell?: string | undefined;
}

/** Evaluates a system of nix/module.nix and `module`, a Nix expression, with the real Nix and a store of its own. */
export async function evaluate(
  module: string,
  { directory, packages = "/usr", runtimeShell = "/bin/bash" }: EvaluateOptions,
): Promise<NixosSystem> {
  const expression = `import ${join(import.meta.dirname, "evaluate.nix")} {
    module = ${module};
    packages = "${packages}";
    runtimeShell = "${runtimeShell}";
  }`;
  const { stdout } = await promisify(execFile)(
    "nix-instantiate",
    ["--eval", "--strict", "--json", "--read-write-mode", "--expr", expression],
    {
      cwd: directory,
      env: {
        ...process.env,
        NIX_CONFIG: "build-users-group =\nsubstituters =",
        NIX_STORE_DIR: join(directory, "store"),
        NIX_STATE_DIR: join(directory, "state"),
      },
    },
  );
  return JSON.parse(stdout) as NixosSystem;
}

/** A Nix string. */
export function nixString(text: string): string {
  return JSON.stringify(text).replaceAll("$", "\\$");
}
