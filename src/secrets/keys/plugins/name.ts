import { bech32Prefix } from "../bech32.ts";

const NAME = /^[a-z0-9+._-]+$/;

/**
 * The plugin that a recipient `age1NAME1…` is for; undefined when the text is no such recipient, or mistyped.
 * The name is of characters that mean nothing in a path.
 */
export function pluginOfRecipient(text: string): string | undefined {
  const prefix = bech32Prefix(text) ?? "";
  const name = prefix.startsWith("age1") && text === text.toLowerCase() ? prefix.slice("age1".length) : "";
  return NAME.test(name) ? name : undefined;
}

/** The plugin that an identity `AGE-PLUGIN-NAME-1…` is for; undefined when the text is no such identity, or mistyped. */
export function pluginOfIdentity(text: string): string | undefined {
  const prefix = text === text.toUpperCase() ? bech32Prefix(text) : undefined;
  const name = /^age-plugin-(.+)-$/.exec(prefix ?? "")?.[1] ?? "";
  return NAME.test(name) ? name : undefined;
}

/** What the program of a plugin is called. */
export function programOf(name: string): string {
  return `age-plugin-${name}`;
}
