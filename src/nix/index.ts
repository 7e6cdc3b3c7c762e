/** The operator's Nix: evaluate systems, build them, read their closures. */
export type { BuildLogLine } from "./build-log.ts";
export type { BuildSystemOptions } from "./build-system.ts";
export { buildSystem } from "./build-system.ts";
export { NixError, nixErrorCodes } from "./errors.ts";
export type { EvaluatedSystem, EvaluateSystemsOptions, EvaluationEvent } from "./evaluate-systems.ts";
export { evaluateSystems } from "./evaluate-systems.ts";
export type { Nix } from "./nix.ts";
export { openNix } from "./nix.ts";
export type { ReadClosureOptions } from "./read-closure.ts";
export { readClosure, readClosures } from "./read-closure.ts";
export { addRoots } from "./roots.ts";
export type { SystemRequest } from "./system-request.ts";
