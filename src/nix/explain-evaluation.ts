import { describeExit, didYouMean, quoteArgv } from "#core";
import { formatAttributePath } from "./attribute-path.ts";
import { NixError } from "./errors.ts";
import type { EvaluationEnd, Found } from "./run-evaluation.ts";
import type { EvaluationOrigin, EvaluationRequest } from "./system-request.ts";

const SHOWN_LINES = 20;

/**
 * The error of a request that Nix could not evaluate, in Nix's own words, cut to what helps. Where nothing was begun it
 * is about the flake or file, and the same for all of its hosts.
 */
export function evaluationFailed(
  origin: EvaluationOrigin,
  request: EvaluationRequest,
  { said, result, begun }: Pick<EvaluationEnd, "said" | "result" | "begun">,
): NixError {
  const { host, path } = request;
  const what = begun === undefined ? origin.title : titleOf(origin, path);
  const message = trimEvaluationError(said);
  if (message.includes("does not provide attribute")) {
    return new NixError("nix/attribute-missing", `could not find ${formatAttributePath(path.slice(0, 1))} in ${what}`, {
      host,
      hint: /did you mean .*\?/i.exec(message)?.[0].replace(/^D/, "d") ?? "see what it has with nix flake show",
    });
  }
  const why = message === "" ? ` ${describeExit(result.exit)}` : `\n${message}`;
  return new NixError("nix/evaluate", `could not evaluate ${what}:${why}`, { host, hint: hintFor(message, request) });
}

/** The error of a request whose evaluator ran out of memory though it had only this one to evaluate. */
export function starved(origin: EvaluationOrigin, request: EvaluationRequest): NixError {
  const what = titleOf(origin, request.path);
  return new NixError("nix/out-of-memory", `could not evaluate ${what}: the memory did not suffice for it alone`, {
    host: request.host,
    hint: "free memory on this machine, or deploy from one that has more",
  });
}

/** The error of a path that leads to no system. */
export function notFound(
  origin: EvaluationOrigin,
  { host, path }: EvaluationRequest,
  found: Exclude<Found, { readonly mark: "system" }>,
): NixError {
  if (found.mark === "other") {
    return new NixError(
      "nix/not-a-system",
      `could not take ${titleOf(origin, path)} as a system: it is a value of type ${found.type}`,
      { host, hint: "name a NixOS configuration (it has config.system.build.toplevel) or a derivation" },
    );
  }
  const depth = origin.walked + found.walked;
  const parent = depth === 0 ? origin.title : titleOf(origin, path.slice(0, depth));
  const name = path[depth] ?? "";
  return new NixError("nix/attribute-missing", `could not find ${formatAttributePath([name])} in ${parent}`, {
    host,
    hint: didYouMean(name, found.names) ?? listNames(found.names),
  });
}

/** From Nix's `error:` on; of a long one its first line and its last, where the traces of old and new Nix end. */
export function trimEvaluationError(said: string): string {
  const lines = said.split("\n").filter((line) => !line.startsWith("(use '--show-trace'"));
  const start = lines.findIndex((line) => line.startsWith("error:"));
  const error = lines.slice(Math.max(0, start)).join("\n").trimEnd().split("\n");
  if (error.length <= SHOWN_LINES) return error.join("\n");
  return [...error.slice(0, 1), "…", ...error.slice(2 - SHOWN_LINES)].join("\n");
}

function titleOf(origin: EvaluationOrigin, path: readonly string[]): string {
  return `${formatAttributePath(path)} of ${origin.title}`;
}

function hintFor(message: string, { traceCommand }: EvaluationRequest): string {
  if (/-source\/?[^\n]*' (?:does not exist|is not tracked)|-source[^\n]*No such file/.test(message)) {
    return "a flake in a git repository sees only files that git knows: git add what is new";
  }
  return `see the whole trace with ${quoteArgv(traceCommand)}`;
}

function listNames(names: readonly string[]): string | undefined {
  if (names.length === 0) return undefined;
  const shown = names.slice(0, 10).join(", ");
  return names.length > 10 ? `choose from ${names.length}, such as ${shown}` : `choose from ${shown}`;
}
