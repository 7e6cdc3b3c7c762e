import type * as age from "age-encryption";

/** The age library, loaded when the first file is touched: whoever only describes rules does without. */
export function loadAge(): Promise<typeof age> {
  return import("age-encryption");
}
