import { didYouMean } from "#core";
import { HiveError } from "../errors.ts";
import type { Hive, Host } from "../hive.ts";
import { globMatches, isGlob } from "./glob.ts";
import type { Selection } from "./selection-syntax.ts";
import { parseSelection } from "./selection-syntax.ts";

/**
 * The hosts an `--on` expression selects, in the hive's order; all of them without an expression.
 *
 * A term is a host's name, a glob over names (`web-*`, `db-?`, `web-[12]`), or `@tag` (globs too). `,` is or, `&` is
 * and, `!` is not; `!` binds strongest, then `&`, then `,`; parentheses group.
 * @example selectHosts(hive, "@web & !web-1, db-*")
 * @throws HiveError when the expression cannot be read, when one of its terms matches no host at all, or when nothing
 * is selected.
 */
export function selectHosts(hive: Pick<Hive, "hosts">, expression: string | undefined): readonly Host[] {
  if (expression === undefined) return hive.hosts;
  const selection = parseSelection(expression);
  refuseIdleTerms(hive, termsOf(selection));
  const selected = hive.hosts.filter((host) => selects(selection, host));
  if (selected.length > 0) return selected;
  throw new HiveError("hive/nothing-selected", `no host is selected by "${expression}"`, { hint: hostsHint(hive) });
}

type Term = Extract<Selection, { glob: unknown }>;

function selects(selection: Selection, host: Host): boolean {
  switch (selection.kind) {
    case "host":
      return globMatches(selection.glob, host.name);
    case "tag":
      return host.tags.some((tag) => globMatches(selection.glob, tag));
    case "not":
      return !selects(selection.operand, host);
    case "and":
      return selection.operands.every((operand) => selects(operand, host));
    case "or":
      return selection.operands.some((operand) => selects(operand, host));
  }
}

function termsOf(selection: Selection): readonly Term[] {
  switch (selection.kind) {
    case "host":
    case "tag":
      return [selection];
    case "not":
      return termsOf(selection.operand);
    case "and":
    case "or":
      return selection.operands.flatMap(termsOf);
  }
}

/** A term that matches nothing is a slip of the pen, also where the rest of the expression selects something. */
function refuseIdleTerms(hive: Pick<Hive, "hosts">, terms: readonly Term[]): void {
  const idle = terms.filter((term) => !hive.hosts.some((host) => selects(term, host)));
  const [first] = idle;
  if (first === undefined) return;
  const message = [...new Set(idle.map(describeIdle))].join(", ");
  const hint = suggestion(hive, first) ?? (first.kind === "host" ? hostsHint(hive) : tagsHint(hive));
  throw new HiveError(first.kind === "host" ? "hive/no-such-host" : "hive/no-such-tag", message, { hint });
}

function describeIdle({ kind, glob }: Term): string {
  if (kind === "tag")
    return isGlob(glob.text) ? `no tag matches "@${glob.text}"` : `no host has the tag "@${glob.text}"`;
  return isGlob(glob.text) ? `no host's name matches "${glob.text}"` : `no host is called "${glob.text}"`;
}

function suggestion(hive: Pick<Hive, "hosts">, { kind, glob }: Term): string | undefined {
  const names: readonly string[] = hive.hosts.map((host) => host.name);
  const tags = tagsOf(hive);
  if (kind === "host" && tags.includes(glob.text)) return `did you mean the tag "@${glob.text}"?`;
  if (kind === "tag" && names.includes(glob.text)) return `did you mean the host "${glob.text}"?`;
  if (isGlob(glob.text)) return undefined;
  return kind === "host"
    ? didYouMean(glob.text, names)
    : didYouMean(
        `@${glob.text}`,
        tags.map((tag) => `@${tag}`),
      );
}

function tagsOf(hive: Pick<Hive, "hosts">): readonly string[] {
  return [...new Set(hive.hosts.flatMap((host) => host.tags))];
}

function hostsHint(hive: Pick<Hive, "hosts">): string {
  return `the hive's hosts are ${listed(hive.hosts.map((host) => host.name))}`;
}

function tagsHint(hive: Pick<Hive, "hosts">): string {
  const tags = tagsOf(hive);
  return tags.length === 0 ? "no host of this hive has a tag" : `the hive's tags are ${listed(tags)}`;
}

function listed(words: readonly string[]): string {
  const shown = words.slice(0, 10).join(", ");
  return words.length > 10 ? `${shown} and ${words.length - 10} more` : shown;
}
