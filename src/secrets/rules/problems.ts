import { SecretsError } from "../errors.ts";

/** Everything that is wrong with the rules, one line each. */
export class Problems {
  readonly #lines = new Set<string>();
  #hint: string | undefined;

  add(where: string, what: string, { hint }: { readonly hint?: string | undefined } = {}): void {
    this.#lines.add(`${where}: ${what}`);
    this.#hint ??= hint;
  }

  /** @throws SecretsError `secrets/rules` when there are any, with the first hint that was given. */
  throwIfAny(file: string): void {
    const { size } = this.#lines;
    if (size === 0) return;
    const count = size === 1 ? "1 problem" : `${size} problems`;
    const lines = [...this.#lines].map((line) => `  ${line}`).join("\n");
    throw new SecretsError("secrets/rules", `${file} is not valid, ${count}:\n${lines}`, { hint: this.#hint });
  }
}
