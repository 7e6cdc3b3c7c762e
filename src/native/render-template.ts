import { messageOf, SkepError } from "#core";
import type { Scope, Template } from "#hive";
import { NativeError } from "./errors.ts";

/** Where a template stands in the hive, for messages: `units["app.service"].exec`. */
export interface TemplatePlace {
  readonly host: string;
  readonly where: string;
}

/** A template and what it must make. */
export interface Rendering<T> extends TemplatePlace {
  readonly scope: Scope;
  /** What is expected, for messages: `a program and its arguments`. */
  readonly expected: string;
  readonly isRight: (value: unknown) => value is T;
}

/**
 * The value of a template for one host.
 * @throws NativeError `native/template`, and what a package's own template throws.
 */
export function renderTemplate<T>(template: Template<unknown>, rendering: Rendering<T>): T {
  const { host, where, expected, isRight } = rendering;
  const value = typeof template === "function" ? call(template as (scope: Scope) => unknown, rendering) : template;
  if (isRight(value)) return value;
  const found = value instanceof Promise ? "a promise: templates cannot wait" : describe(value);
  throw new NativeError("native/template", `could not make ${where}: expected ${expected}, found ${found}`, { host });
}

function call(make: (scope: Scope) => unknown, { scope, host, where }: Rendering<unknown>): unknown {
  try {
    return make(scope);
  } catch (error) {
    if (error instanceof SkepError) throw error;
    const message = `could not make ${where}: its function threw: ${messageOf(error)}`;
    throw new NativeError("native/template", message, { host, cause: error });
  }
}

/** Any text. */
export function isText(value: unknown): value is string {
  return typeof value === "string";
}

/** A program and its arguments. */
export function isCommand(value: unknown): value is readonly [string, ...string[]] {
  return Array.isArray(value) && value.length > 0 && value.every(isWord) && value[0] !== "";
}

/** Text that a command line or a path can have in it. */
export function isWord(value: unknown): value is string {
  return typeof value === "string" && !value.includes("\0");
}

function describe(value: unknown): string {
  if (Array.isArray(value)) return value.includes(undefined) ? "a list with undefined in it" : "a list";
  if (value === null || value === undefined) return String(value);
  return typeof value === "object" ? "an object" : `a ${typeof value}`;
}
