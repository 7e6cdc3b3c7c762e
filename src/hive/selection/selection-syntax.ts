import { HiveError } from "../errors.ts";
import type { Glob } from "./glob.ts";
import { parseGlob } from "./glob.ts";

/** What a selection says, as a tree. */
export type Selection =
  | { readonly kind: "host"; readonly glob: Glob }
  | { readonly kind: "tag"; readonly glob: Glob }
  | { readonly kind: "not"; readonly operand: Selection }
  | { readonly kind: "and" | "or"; readonly operands: readonly Selection[] };

/**
 * Reads a selection of hosts:
 *
 *     or   = and { "," and }
 *     and  = not { "&" not }
 *     not  = { "!" } term
 *     term = "(" or ")" | "@" word | word
 *     word = a name or a glob: one or more characters other than spaces and , & ! ( ) @
 *            (in a glob's [set] every character but "]" is taken as it is)
 *
 * `!` binds strongest, then `&`, then `,`. Spaces between tokens say nothing.
 * @throws HiveError `hive/selection-syntax` with the place marked.
 */
export function parseSelection(expression: string): Selection {
  return new SelectionParser(expression).parse();
}

const SPACES = /\s*/y;
const WORD = /(?:\[[^\]]*\]|[^\s,&!()@])+/y;
const TERM_EXPECTED = `expected a host's name, a glob, "@tag", "!" or "("`;
/** Far above what anyone writes, far below what exhausts the stack. */
const MAX_DEPTH = 200;

class SelectionParser {
  readonly #text: string;
  #at = 0;
  #depth = 0;

  constructor(text: string) {
    this.#text = text;
  }

  parse(): Selection {
    const selection = this.#or();
    this.#skipSpaces();
    if (this.#at === this.#text.length) return selection;
    if (this.#text.charAt(this.#at) === ")") throw this.#refused(`this ")" closes nothing`);
    throw this.#refused(`expected ",", "&" or the end`, `write "," between hosts to take both`);
  }

  #or(): Selection {
    return this.#list("or", ",", () => this.#and());
  }

  #and(): Selection {
    return this.#list("and", "&", () => this.#not());
  }

  /** Flat, so that a long list makes no deep tree. */
  #list(kind: "and" | "or", separator: string, operand: () => Selection): Selection {
    const first = operand();
    const operands = [first];
    while (this.#take(separator)) operands.push(operand());
    return operands.length === 1 ? first : { kind, operands };
  }

  #not(): Selection {
    let negated = false;
    while (this.#take("!")) negated = !negated;
    const operand = this.#term();
    return negated ? { kind: "not", operand } : operand;
  }

  #term(): Selection {
    const start = this.#at;
    if (this.#take("(")) {
      const open = this.#at - 1;
      this.#depth += 1;
      if (this.#depth > MAX_DEPTH) throw this.#refused("parentheses are nested too deep", undefined, start);
      const inner = this.#or();
      if (!this.#take(")")) throw this.#unclosed(open);
      this.#depth -= 1;
      return inner;
    }
    return this.#take("@") ? { kind: "tag", glob: this.#word(`expected a tag after "@"`) } : this.#hostTerm();
  }

  #hostTerm(): Selection {
    this.#skipSpaces();
    return { kind: "host", glob: this.#word(TERM_EXPECTED) };
  }

  #word(expected: string): Glob {
    WORD.lastIndex = this.#at;
    const word = WORD.exec(this.#text)?.[0];
    if (word === undefined) throw this.#refused(expected);
    const glob = parseGlob(word);
    if ("badSetAt" in glob) {
      throw this.#refused(`this "[" begins a set that has no end or is empty`, undefined, this.#at + glob.badSetAt);
    }
    this.#at += word.length;
    return glob;
  }

  #unclosed(open: number): HiveError {
    this.#skipSpaces();
    if (this.#at < this.#text.length) return this.#refused(`expected ",", "&" or ")"`);
    return this.#refused(`this "(" is never closed`, undefined, open);
  }

  #take(token: string): boolean {
    this.#skipSpaces();
    if (this.#text.charAt(this.#at) !== token) return false;
    this.#at += 1;
    return true;
  }

  #skipSpaces(): void {
    SPACES.lastIndex = this.#at;
    this.#at += SPACES.exec(this.#text)?.[0].length ?? 0;
  }

  #refused(why: string, hint?: string, at = this.#at): HiveError {
    // One visible column for each code unit, so that the caret stands where it should.
    const shown = this.#text.replaceAll(/\p{C}|\s/gu, (found) => " ".repeat(found.length));
    const message = `cannot read the selection: ${why}\n  ${shown}\n  ${" ".repeat(at)}^`;
    return new HiveError("hive/selection-syntax", message, { hint });
  }
}
