import { inspect } from "node:util";

const PLACEHOLDER = "[redacted]";

/**
 * A value that must not be printed. Everything that turns values into text (template strings, JSON, `console.log`,
 * `util.inspect`) sees a placeholder; only {@link Redacted.reveal} gives the value.
 */
export class Redacted<T> {
  readonly #value: T;

  constructor(value: T) {
    this.#value = value;
  }

  reveal(): T {
    return this.#value;
  }

  toString(): string {
    return PLACEHOLDER;
  }

  toJSON(): string {
    return PLACEHOLDER;
  }

  [inspect.custom](): string {
    return PLACEHOLDER;
  }
}
