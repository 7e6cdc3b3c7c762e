import { parseDuration } from "#core";
import type { Duration } from "#core";
import { z } from "zod";
import { unknownKeys } from "./problems.ts";

/** Longer waits than this are slips of the pen, and timers do not reach much further. */
export const MAX_DURATION_MS = 24 * 3_600_000;

const UNIT_NAME = /^[\w:.\\-]+(?:@[\w:.\\-]*)?\.(?:service|socket|target|timer|mount|automount|path|slice|swap)$/;

/**
 * An object with these keys and no others.
 * @param expected what it is, after "expected".
 * @param known the keys to suggest in place of an unknown one.
 */
export function exactly<Shape extends z.core.$ZodLooseShape>(
  shape: Shape,
  expected: string,
  known: readonly string[] = Object.keys(shape).filter((key) => key !== "kind"),
): z.ZodObject<Shape, z.core.$strict> {
  return z.strictObject(shape, {
    error: (issue) =>
      issue.code === "unrecognized_keys" ? unknownKeys(issue.keys, { known, within: expected }) : expected,
  });
}

/** What the schema that `choose` picks for a value makes of it: where the kind of the value says what it is to be. */
export function either<Output>(choose: (value: unknown) => z.ZodType<Output>): z.ZodType<Output> {
  return z.unknown().transform((value, context) => {
    const result = choose(value).safeParse(value, { reportInput: true });
    if (result.success) return result.data;
    for (const issue of result.error.issues) context.issues.push(issue as (typeof context.issues)[number]);
    return z.NEVER;
  });
}

/** One of these words. */
export function oneOf<const Words extends readonly [string, string, ...string[]]>(words: Words) {
  return z.enum(words, { error: quotedList(words) });
}

/** `"a", "b" or "c"`. */
export function quotedList(words: readonly string[]): string {
  const quoted = words.map((word) => `"${word}"`);
  return `${quoted.slice(0, -1).join(", ")} or ${quoted.at(-1) ?? ""}`;
}

/** A whole number in a range. */
export function whole(min: number, max: number): z.ZodInt {
  const error = `a whole number from ${min} to ${max}`;
  return z.int({ error }).min(min, { error }).max(max, { error });
}

export const port = whole(1, 65_535);

export const yesOrNo = z.boolean({ error: "true or false" });

/** Text that is right when `isRight` says so. */
export function text(expected: string, isRight: (value: string) => boolean): z.ZodString {
  return z.string({ error: expected }).refine(isRight, { error: expected });
}

/** Text of one line that is not blank. */
export function line(expected: string, { maxLength = 4_096 }: { readonly maxLength?: number } = {}): z.ZodString {
  return text(expected, (value) => value.trim() !== "" && value.length <= maxLength && !/\p{Cc}/u.test(value));
}

/** A program and its arguments, none of them a line for a shell. */
export function commandLine(...example: readonly string[]) {
  const program = z.string({ error: "a program" }).regex(/^[^\0]+$/, { error: "a program" });
  const word = z.string({ error: "a word" }).refine((value) => !value.includes("\0"), { error: "a word without NUL" });
  const shown = example.map((part) => JSON.stringify(part)).join(", ");
  return z.tuple([program], word, { error: `a program and its arguments as a list of words such as [${shown}]` });
}

/** A user or a group of the host. */
export function account(kind: "user" | "group"): z.ZodString {
  return text(`the name or number of a ${kind}`, (value) => /^[\w.][\w.-]{0,63}\$?$/.test(value));
}

/** A duration as milliseconds. */
export function duration(minMs: number) {
  const error = `a duration from ${writeDuration(minMs)} to ${writeDuration(MAX_DURATION_MS)}, such as "90s" or "5m"`;
  return z
    .custom<Duration>((value) => typeof value === "string" || typeof value === "number", { error })
    .transform((value, context) => {
      const ms = parseDuration(value);
      if (ms !== undefined && ms >= minMs && ms <= MAX_DURATION_MS) return Math.round(ms);
      const message = typeof value === "number" && ms !== undefined ? `${error} (a number is milliseconds)` : error;
      context.addIssue({ code: "custom", message, input: value });
      return z.NEVER;
    });
}

/** Milliseconds in the hive's own notation: `"90s"` would be `1m30s`. */
export function writeDuration(ms: number): string {
  const units = [
    ["h", 3_600_000],
    ["m", 60_000],
    ["s", 1_000],
    ["ms", 1],
  ] as const;
  let rest = ms;
  let written = "";
  for (const [unit, length] of units) {
    const count = Math.floor(rest / length);
    if (count > 0) written += `${count}${unit}`;
    rest -= count * length;
  }
  return written === "" ? "0ms" : written;
}

/** Whether `name` is a unit's whole name. */
export function isUnitName(name: string): boolean {
  return name.length <= 255 && UNIT_NAME.test(name);
}

/** The name of a host or a tag. */
export function isName(value: string): boolean {
  return value.length <= 64 && /^[a-z0-9][a-z0-9._-]*$/.test(value);
}

export const NAME_LETTERS = '1 to 64 lower case letters, digits, "-", "_" and ".", the first a letter or a digit';
