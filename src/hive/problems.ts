import { didYouMean } from "#core";
import type { z } from "zod";
import { describeFound } from "./describe-found.ts";

/** Where in the hive a value stands: `["hosts", "web-1", "checks", 0, "port"]`. */
export type Path = readonly PropertyKey[];

/** Everything that is wrong with a hive, one line each: where, what was expected, what was found. */
export class Problems {
  readonly #lines = new Set<string>();

  get lines(): readonly string[] {
    return [...this.#lines];
  }

  /** Adds a problem in the words of all of them. */
  add(path: Path, expected: string, found: string): void {
    this.#lines.add(`${formatPath(path)}: expected ${expected}, found ${found}`);
  }

  /** What `schema` makes of `value`; undefined when it is not as the schema wants it, and then the problems are added. */
  read<Output>(schema: z.ZodType<Output>, value: unknown, path: Path): Output | undefined {
    const result = schema.safeParse(value, { reportInput: true });
    if (result.success) return result.data;
    for (const issue of result.error.issues) this.#addIssue(issue, path);
    return undefined;
  }

  #addIssue(issue: z.core.$ZodIssue, base: Path): void {
    const path = [...base, ...issue.path];
    if (issue.code === "unrecognized_keys") {
      const phrases = issue.message.split("\n");
      issue.keys.forEach((key, index) => this.#lines.add(`${formatPath([...path, key])}: ${phrases[index] ?? ""}`));
      return;
    }
    const found = foundBy(issue);
    const near = typeof found === "string" ? didYouMean(found, literalsOf(issue)) : undefined;
    this.add(path, issue.message, near === undefined ? describeFound(found) : `${describeFound(found)}, ${near}`);
  }
}

/**
 * What to say of each unknown key, in the order of the keys; {@link Problems.read} puts the keys' paths before it.
 * @param options.within what the keys were found in.
 */
export function unknownKeys(
  keys: readonly string[],
  { known, within }: { readonly known: readonly string[]; readonly within: string },
): string {
  const phrases = keys.map((key) => {
    if (known.includes(key)) return `does not go with ${within}`;
    return `unknown key, ${didYouMean(key, known) ?? `known are ${known.join(", ")}`}`;
  });
  return phrases.join("\n");
}

/** `hosts.web-1.checks[0].port`; keys that are not plain words stand in brackets and quotes. The hive itself is `hive`. */
function formatPath(path: Path): string {
  let text = "";
  for (const key of path) {
    if (typeof key === "number") text += `[${key}]`;
    else if (typeof key === "string" && /^[\w-]{1,64}$/.test(key)) text += text === "" ? key : `.${key}`;
    else text += `[${describeFound(key)}]`;
  }
  return text === "" ? "hive" : text;
}

/** Where a union finds none of its kinds, the kind is what is wrong, not the whole object. */
function foundBy(issue: z.core.$ZodIssue): unknown {
  if (issue.code !== "invalid_union" || !("discriminator" in issue)) return issue.input;
  return (issue.input as Readonly<Record<string, unknown>>)[String(issue.discriminator)];
}

function literalsOf(issue: z.core.$ZodIssue): readonly string[] {
  const literals: readonly unknown[] =
    issue.code === "invalid_value"
      ? issue.values
      : issue.code === "invalid_union" && "options" in issue && Array.isArray(issue.options)
        ? issue.options
        : [];
  return literals.filter((literal) => typeof literal === "string");
}
