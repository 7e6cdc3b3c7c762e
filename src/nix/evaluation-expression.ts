import { quoteNixString } from "./nix-string.ts";

/**
 * What the evaluator says of the request with this index, one line each: that it begins, then what it found.
 * `walked` counts the names that were there; `names` are those there are instead of the next one (none if too many).
 */
export type EvaluationMark =
  | { readonly index: number; readonly mark: "begin" }
  | {
      readonly index: number;
      readonly mark: "system";
      readonly derivation: string;
      readonly output: string;
      readonly toplevel: string;
    }
  | { readonly index: number; readonly mark: "missing"; readonly walked: number; readonly names: readonly string[] }
  | { readonly index: number; readonly mark: "other"; readonly type: string };

/**
 * A Nix function for `nix eval --apply`. Given the value that `paths` start from, it takes them one after the other and
 * reports each through `builtins.trace` before it goes on, so that an error, or the end of the process, is known to
 * belong to the one that had begun, and costs nothing of what came before. Instantiating is part of it: derivations are
 * in the store when they are reported.
 *
 * Its value is a text too long for a pipe to hold, so that the process, and with it the process's hold on what it put
 * in the store, lives until somebody reads it: `holdOutput` of startNix().
 * @param nonce what only these reports begin with.
 */
export function evaluationExpression(paths: readonly (readonly string[])[], nonce: string): string {
  const requests = JSON.stringify(paths.map((path, index) => ({ path, index })));
  return `
root: let
  requests = builtins.fromJSON ${quoteNixString(requests)};
  report = fact: builtins.trace (${quoteNixString(nonce)} + builtins.toJSON fact);
  call = value: if builtins.isFunction value then value { } else value;
  plain = builtins.unsafeDiscardStringContext;
  follow = walked: path: start:
    let value = call start; name = builtins.head path; in
    if path == [ ] then describe value
    else if builtins.isAttrs value && builtins.hasAttr name value
    then follow (walked + 1) (builtins.tail path) (builtins.getAttr name value)
    else { mark = "missing"; inherit walked; names = if builtins.isAttrs value then few (builtins.attrNames value) else [ ]; };
  few = names: if builtins.length names > 2000 then [ ] else names;
  describe = value:
    if !builtins.isAttrs value then { mark = "other"; type = builtins.typeOf value; }
    else if (value.type or null) == "derivation" then system value
    else if value ? config.system.build.toplevel then system value.config.system.build.toplevel
    else { mark = "other"; type = "set"; };
  system = value: {
    mark = "system";
    derivation = plain value.drvPath;
    toplevel = plain value.outPath;
    output = value.outputName or "out";
  };
  evaluate = done: { path, index }:
    report { inherit index; mark = "begin"; } (report (follow 0 path root // { inherit index; }) done);
  padding = builtins.concatStringsSep "" (builtins.genList (_: "${"-".repeat(64)}") 65536);
in builtins.seq (builtins.foldl' evaluate null requests) padding
`;
}

/** The report in a line of the evaluator's standard error, if it is one. */
export function readMark(line: string, nonce: string): EvaluationMark | undefined {
  const at = line.indexOf(nonce);
  return at === -1 ? undefined : (JSON.parse(line.slice(at + nonce.length)) as EvaluationMark);
}
