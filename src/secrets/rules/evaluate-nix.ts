/**
 * The part of the Nix language that agenix's `secrets.nix` files are written in:
 *
 *     expression = "let" *binding "in" expression / concat
 *     concat     = apply *(("++" / "//") apply)
 *     apply      = "builtins." ("attrValues" / "concatLists") operand / operand
 *     operand    = simple *("." name)
 *     simple     = string / list / set / name / "true" / "false" / "(" expression ")"
 *     list       = "[" *operand "]"
 *     set        = ["rec"] "{" *binding "}"
 *     binding    = name *("." name) "=" expression ";" / "inherit" *name ";"
 *     name       = identifier / string
 *
 * Strings have no interpolation. All else is left to Nix.
 */
export function evaluateNix(text: string): unknown {
  const parser = new Parser(tokens(text));
  const value = parser.expression({ get: () => undefined });
  parser.expect("");
  return force(value);
}

type Lazy = () => unknown;
interface Scope {
  get(name: string): Lazy | undefined;
}

const TOKEN = /\s+|#[^\n]*|\/\*[^]*?\*\/|("(?:[^"\\$]|\\.|\$(?!\{))*")|([A-Za-z_][\w'-]*)|(\+\+|\/\/|[[\]{}()=;.])/y;

function tokens(text: string): string[] {
  const found: string[] = [];
  TOKEN.lastIndex = 0;
  for (let at = 0; at < text.length; at = TOKEN.lastIndex) {
    TOKEN.lastIndex = at;
    const match = TOKEN.exec(text);
    if (match === null) throw new Error(`line ${text.slice(0, at).split("\n").length} is beyond what is read here`);
    const token = match[1] ?? match[2] ?? match[3];
    if (token !== undefined) found.push(token);
  }
  return found;
}

class Parser {
  readonly #tokens: readonly string[];
  #at = 0;

  constructor(all: readonly string[]) {
    this.#tokens = all;
  }

  expression(scope: Scope): Lazy {
    if (!this.#accept("let")) return this.#concat(scope);
    const { scope: inner } = this.#bindings(scope, { end: "in", recursive: true });
    return this.expression(inner);
  }

  expect(token: string): void {
    if (!this.#accept(token)) throw new Error(`"${token}" is expected where "${this.#peek()}" is`);
  }

  #concat(scope: Scope): Lazy {
    let left = this.#apply(scope);
    for (;;) {
      const a = left;
      if (this.#accept("++")) {
        const b = this.#apply(scope);
        left = once(() => [...list(a()), ...list(b())]);
      } else if (this.#accept("//")) {
        const b = this.#apply(scope);
        left = once(() => new Map([...set(a()), ...set(b())]));
      } else return left;
    }
  }

  #apply(scope: Scope): Lazy {
    if (this.#peek() !== "builtins") return this.#operand(scope);
    this.#at += 1;
    this.expect(".");
    const name = this.#name();
    const argument = this.#operand(scope);
    if (name === "attrValues") return once(() => [...set(argument())].sort(byName).map(([, value]) => value));
    if (name === "concatLists") return once(() => list(argument()).flatMap((value) => list(value())));
    throw new Error(`builtins.${name} is beyond what is read here`);
  }

  #operand(scope: Scope): Lazy {
    let value = this.#simple(scope);
    while (this.#accept(".")) {
      const from = value;
      const name = this.#name();
      value = once(() => valueOf(set(from()).get(name), name));
    }
    return value;
  }

  #simple(scope: Scope): Lazy {
    const token = this.#next();
    if (token === "[") {
      const items: Lazy[] = [];
      while (!this.#accept("]")) items.push(this.#operand(scope));
      return () => items;
    }
    if (token === "(") {
      const value = this.expression(scope);
      this.expect(")");
      return value;
    }
    if (token === "rec" || token === "{") {
      if (token === "rec") this.expect("{");
      const { made } = this.#bindings(scope, { end: "}", recursive: token === "rec" });
      return () => made;
    }
    if (token.startsWith('"')) return () => unquote(token);
    if (token === "true" || token === "false") return () => token === "true";
    if (!/^[A-Za-z_]/.test(token) || KEYWORDS.has(token)) throw new Error(`"${token}" is beyond what is read here`);
    return once(() => valueOf(scope.get(token), token));
  }

  #bindings(
    outer: Scope,
    { end, recursive }: { readonly end: string; readonly recursive: boolean },
  ): { readonly made: Map<string, Lazy>; readonly scope: Scope } {
    const made = new Map<string, Lazy>();
    const scope: Scope = recursive ? { get: (name) => made.get(name) ?? outer.get(name) } : outer;
    while (!this.#accept(end)) {
      if (this.#accept("inherit")) {
        while (!this.#accept(";")) {
          const name = this.#name();
          made.set(name, () => valueOf(outer.get(name), name));
        }
        continue;
      }
      const path = [this.#name()];
      while (this.#accept(".")) path.push(this.#name());
      this.expect("=");
      bind(made, path, this.expression(scope));
      this.expect(";");
    }
    return { made, scope };
  }

  #name(): string {
    const token = this.#next();
    if (token.startsWith('"')) return unquote(token);
    if (!/^[A-Za-z_]/.test(token)) throw new Error(`a name is expected where "${token}" is`);
    return token;
  }

  #peek(): string {
    return this.#tokens[this.#at] ?? "";
  }

  #next(): string {
    const token = this.#peek();
    if (token === "") throw new Error("it is cut short");
    this.#at += 1;
    return token;
  }

  #accept(token: string): boolean {
    if (this.#peek() !== token) return false;
    this.#at += 1;
    return true;
  }
}

const KEYWORDS = new Set(["in", "with", "if", "then", "else", "assert", "inherit", "import", "or"]);

/** `a.b = 1; a.c = 2;` is one set. */
function bind(into: Map<string, Lazy>, [name = "", ...rest]: readonly string[], value: Lazy): void {
  if (rest.length === 0) {
    if (into.has(name)) throw new Error(`"${name}" is defined twice`);
    into.set(name, value);
    return;
  }
  const inner = into.get(name)?.() ?? new Map<string, Lazy>();
  bind(set(inner), rest, value);
  into.set(name, () => inner);
}

function once(make: Lazy): Lazy {
  let state: "new" | "busy" | "done" = "new";
  let value: unknown;
  return () => {
    if (state === "busy") throw new Error("a value is defined by itself");
    if (state === "new") {
      state = "busy";
      value = make();
      state = "done";
    }
    return value;
  };
}

function valueOf(value: Lazy | undefined, name: string): unknown {
  if (value === undefined) throw new Error(`there is no "${name}"`);
  return value();
}

function list(value: unknown): readonly Lazy[] {
  if (!Array.isArray(value)) throw new Error("a list is expected");
  return value as readonly Lazy[];
}

function set(value: unknown): Map<string, Lazy> {
  if (!(value instanceof Map)) throw new Error("a set is expected");
  return value as Map<string, Lazy>;
}

function byName([a]: readonly [string, Lazy], [b]: readonly [string, Lazy]): number {
  return a < b ? -1 : 1;
}

function unquote(token: string): string {
  const escapes: Readonly<Record<string, string>> = { n: "\n", r: "\r", t: "\t" };
  return token.slice(1, -1).replaceAll(/\\(.)/gs, (_, character: string) => escapes[character] ?? character);
}

/** Lists and sets all the way down. */
function force(value: unknown): unknown {
  const made = typeof value === "function" ? (value as Lazy)() : value;
  if (Array.isArray(made)) return made.map(force);
  if (made instanceof Map)
    return Object.fromEntries([...(made as Map<string, Lazy>)].map(([name, lazy]) => [name, force(lazy)]));
  return made;
}
