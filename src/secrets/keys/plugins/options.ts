import type { Redacted } from "#core";

/** Where plugins are found, and who answers what they ask. */
export interface PluginOptions {
  /** Folders with `:` between them, of which only absolute ones are searched; default: PATH of this process. */
  readonly path?: string | undefined;
  /** Without it every question of a plugin is refused, and its messages are only part of errors. */
  readonly prompts?: PluginPrompts | undefined;
  /** How long each answer may take: somebody may have to touch a key. Milliseconds, default 120,000. */
  readonly timeoutMs?: number | undefined;
  readonly signal?: AbortSignal | undefined;
}

/** Talks to the operator for a plugin. What rejects is refused to the plugin, which may know another way. */
export interface PluginPrompts {
  /** Shows a message: touch the key now. */
  show(message: string, context: PromptContext): void;
  /** Asks for a value; a secret one is not shown as it is typed. */
  ask(kind: "secret" | "public", prompt: string, context: PromptContext): Promise<Redacted<string>>;
  /** Asks to choose: true for `yes`. */
  confirm(prompt: string, context: PromptContext & PromptChoices): Promise<boolean>;
}

export interface PromptContext {
  /** `age-plugin-yubikey`. */
  readonly plugin: string;
  readonly signal: AbortSignal;
}

/** What the choices are called. */
export interface PromptChoices {
  readonly yes: string;
  readonly no?: string | undefined;
}

export const DEFAULT_PLUGIN_TIMEOUT_MS = 120_000;
