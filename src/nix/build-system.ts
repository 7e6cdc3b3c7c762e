import { readlink } from "node:fs/promises";
import { describeExit, quoteArgv, succeeded } from "#core";
import type { StorePath } from "#store";
import type { BuildFailure, BuildLogLine } from "./build-log.ts";
import { readBuildLog } from "./build-log.ts";
import { NixError } from "./errors.ts";
import type { EvaluatedSystem } from "./evaluate-systems.ts";
import type { Nix } from "./nix.ts";
import { isRooted, rootOf } from "./roots.ts";
import { runNix } from "./run-nix.ts";

export interface BuildSystemOptions {
  /** Absolute; the root goes to `<rootsDirectory>/<host>/toplevel`. */
  readonly rootsDirectory: string;
  readonly signal?: AbortSignal | undefined;
  /** Called with each line that a builder prints. */
  readonly onLogLine?: ((line: BuildLogLine) => void) | undefined;
}

/**
 * Builds or substitutes a host's system, with the remote builders and substituters that the user has configured, and
 * registers its root in the same process. A system given as a store path is substituted unless it is here. Nothing runs
 * when the root is there already. A build has no deadline.
 * @throws NixError `nix/build` with the last 20 lines of the derivation that failed, `nix/store-path-invalid`,
 * `nix/root`, `nix/failed`; the signal's reason.
 */
export async function buildSystem(nix: Nix, system: EvaluatedSystem, options: BuildSystemOptions): Promise<StorePath> {
  const { rootsDirectory, signal, onLogLine } = options;
  const { host, derivation, output, toplevel } = system;
  const root = rootOf(rootsDirectory, host, "toplevel");
  if (await isRooted(nix, root, toplevel)) return toplevel;
  const wanted = derivation === undefined ? toplevel : `${derivation}!${output}`;
  const argv = ["nix-store", "--realise", wanted, "--add-root", root, ...INTERNAL_JSON] as const;
  const log = readBuildLog(onLogLine);
  const result = await runNix(nix, argv, {
    signal,
    onStderrLine: (line) => {
      log.write(line);
    },
  });
  if (!succeeded(result)) throw explain(system, log.failure ?? { message: describeExit(result.exit), lines: [] });
  // Nix prints the root it made: for an output other than `out` its name has that at its end.
  const rooted = await readlink(result.stdout.trim()).catch(() => undefined);
  if (rooted === toplevel) return toplevel;
  throw new NixError("nix/root", `could not find ${toplevel} behind its root ${root}`, {
    host,
    hint: "see that no other program makes the same root, then run it again",
  });
}

const INTERNAL_JSON = ["--log-format", "internal-json"] as const;

function explain({ host, derivation, toplevel }: EvaluatedSystem, failure: BuildFailure): NixError {
  const { message, lines } = failure;
  if (derivation === undefined) {
    return new NixError("nix/store-path-invalid", `could not get ${toplevel}: ${message}`, {
      host,
      hint: "build it, copy it to this machine, or configure a substituter that has it",
    });
  }
  if (failure.derivation === undefined) {
    return new NixError("nix/failed", `could not build the system of ${host}: ${message}`, { host });
  }
  const { name, derivation: failed } = failure;
  const log = lines.length === 0 ? "" : `\n${lines.map((line) => `  ${line}`).join("\n")}`;
  return new NixError("nix/build", `could not build ${name} for ${host}: ${message}${log}`, {
    host,
    hint: /required to build|required system/i.test(message)
      ? "configure a remote builder of that system, or binfmt emulation with extra-platforms"
      : `see the whole log with ${quoteArgv(["nix", "log", failed])}`,
  });
}
