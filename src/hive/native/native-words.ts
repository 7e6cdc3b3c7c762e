import { z } from "zod";
import type { Template } from "./native-scope.ts";

/** A value that is right when `isRight` says so, or a function that makes it, whose result is looked at when it has run. */
export function templateOf<T>(expected: string, isRight: (value: unknown) => boolean): z.ZodType<Template<T>> {
  const error = `${expected}, or a function that makes it`;
  return z.custom<Template<T>>((value) => typeof value === "function" || isRight(value), { error });
}

/** Text that can be a word of a command line or a path: no zero byte. */
export function isWord(value: unknown): value is string {
  return typeof value === "string" && !value.includes("\0");
}

/** A program and its arguments. */
export function isCommand(value: unknown): value is readonly [string, ...string[]] {
  return Array.isArray(value) && value.every(isWord) && value.length > 0 && value[0] !== "";
}
