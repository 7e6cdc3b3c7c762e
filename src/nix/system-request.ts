import { resolve } from "node:path";
import type { FileSource, FlakeSource, HostName, NixSource } from "#hive";
import { formatAttributePath, parseAttributePath } from "./attribute-path.ts";
import { EXPERIMENTAL } from "./nix.ts";

/** One host and where its system comes from. */
export interface SystemRequest {
  readonly host: HostName;
  readonly source: NixSource;
}

/** A host whose system has to be evaluated. */
export interface EvaluationRequest {
  readonly host: HostName;
  /** The names on the way from the flake's outputs, or the file's value, to the system. */
  readonly path: readonly string[];
  /** The command that shows the operator the whole trace of what went wrong. */
  readonly traceCommand: readonly [string, ...string[]];
}

/** What one evaluator can be asked for. Requests of equal `origin` share evaluators. */
export interface EvaluationOrigin {
  /** For messages: `the flake ./infra`. */
  readonly title: string;
  /** The beginning of the evaluator's command line, which the function to apply follows. */
  readonly argv: readonly ["nix", ...string[]];
  /** How many names of a request's path the command line has walked already. */
  readonly walked: 0 | 1;
}

export interface PlannedEvaluation {
  readonly origin: EvaluationOrigin;
  readonly request: EvaluationRequest;
}

/**
 * Says how to evaluate a request. Two of one flake, or of one file, get equal origins. Of a flake's outputs Nix's
 * command line can only reach what is below a first name, so requests that differ there differ in their origin.
 * @throws NixError `nix/attribute-path`
 */
export function planEvaluation(host: HostName, source: FlakeSource | FileSource, directory: string): PlannedEvaluation {
  return source.kind === "nix-flake" ? planFlake(host, source) : planFile(host, source, directory);
}

function planFlake(host: HostName, source: FlakeSource): PlannedEvaluation {
  const flake = source.flake === "" ? "." : source.flake;
  const path = source.attribute === undefined ? ["nixosConfigurations", host] : parseAttributePath(source.attribute);
  const configuration = path[0] === "nixosConfigurations" ? ["config", "system", "build", "toplevel", "drvPath"] : [];
  const origin: EvaluationOrigin = {
    title: `the flake ${flake}`,
    argv: [...EVALUATOR, `${flake}#${fragment(path.slice(0, 1))}`],
    walked: 1,
  };
  const installable = `${flake}#${fragment([...path, ...configuration])}`;
  return { origin, request: { host, path, traceCommand: ["nix", "eval", "--show-trace", installable] } };
}

function planFile(host: HostName, source: FileSource, directory: string): PlannedEvaluation {
  const file = resolve(directory, source.file);
  const path = source.attribute === undefined ? [host] : parseAttributePath(source.attribute);
  const origin: EvaluationOrigin = {
    title: `the file ${source.file}`,
    argv: [...EVALUATOR, "--impure", "--file", file],
    walked: 0,
  };
  const traceCommand = ["nix-instantiate", "--show-trace", file, "-A", formatAttributePath(path)] as const;
  return { origin, request: { host, path, traceCommand } };
}

/** A flake reference's part after the `#`, where Nix decodes percent signs. */
function fragment(path: readonly string[]): string {
  return encodeURI(formatAttributePath(path)).replaceAll("#", "%23").replaceAll("?", "%3F");
}

const EVALUATOR = [
  "nix",
  "eval",
  ...EXPERIMENTAL,
  // A failure that was cached has no message; and evaluators that run together would wait for the cache's lock.
  ...["--option", "eval-cache", "false"],
  ...["--log-format", "raw"],
  "--json",
] as const;
