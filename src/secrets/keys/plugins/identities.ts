import { setImmediate } from "node:timers/promises";
import type { FileKeyUnwrapper, Stanza } from "../../age/stanza.ts";
import { formatStanza } from "../../age/stanza-text.ts";
import type { Identity } from "../identity.ts";
import { programOf } from "./name.ts";
import type { PluginOptions } from "./options.ts";
import type { Unwrapped } from "./unwrap.ts";
import { unwrapWithPlugin } from "./unwrap.ts";

/**
 * The plugins of one run. Each is asked once, with all of its identities, for all files that are known by then, so that
 * one PIN serves them all.
 */
export interface Plugins {
  /** What an identity of the plugin of this name opens. */
  identity(name: string, identity: { readonly text: string; readonly label: string }): Identity;
}

export function usePlugins(options: PluginOptions = {}): Plugins {
  const openers = new Map<string, PluginOpener>();
  return {
    identity(name, { text, label }) {
      const opener = openers.get(name) ?? new PluginOpener(programOf(name), options);
      openers.set(name, opener);
      opener.identities.add(text);
      return {
        label,
        unlock: (stanzas) => opener.unlock(stanzas),
        prepare: (headers) => opener.prepare(headers),
      };
    },
  };
}

interface Waiting {
  readonly stanzas: readonly Stanza[];
  readonly settle: (unwrapped: Unwrapped) => void;
}

/** All identities of one plugin. It has one conversation at a time; whoever asks meanwhile is in the next. */
class PluginOpener {
  readonly identities = new Set<string>();
  readonly #program: string;
  readonly #options: PluginOptions;
  readonly #files = new Map<string, Promise<Unwrapped>>();
  #waiting: Waiting[] = [];
  #failed: Error | undefined;
  #talks = false;

  constructor(program: string, options: PluginOptions) {
    this.#program = program;
    this.#options = options;
  }

  async unlock(stanzas: readonly Stanza[]): Promise<readonly FileKeyUnwrapper[]> {
    const unwrapped = await this.#unwrap(stanzas);
    if (unwrapped instanceof Error) throw unwrapped;
    return unwrapped === undefined ? [] : [{ unwrap: () => Buffer.from(unwrapped) }];
  }

  async prepare(headers: readonly (readonly Stanza[])[]): Promise<void> {
    await Promise.all(headers.map((stanzas) => this.#unwrap(stanzas)));
  }

  #unwrap(stanzas: readonly Stanza[]): Promise<Unwrapped> {
    const key = stanzas.map(formatStanza).join("");
    const known = this.#files.get(key);
    if (known !== undefined) return known;
    const file = new Promise<Unwrapped>((settle) => {
      this.#waiting.push({ stanzas, settle });
    });
    this.#files.set(key, file);
    if (!this.#talks) void this.#talk();
    return file;
  }

  async #talk(): Promise<void> {
    this.#talks = true;
    // Those who ask at the same time come along.
    await setImmediate();
    while (this.#waiting.length > 0) {
      const batch = this.#waiting;
      this.#waiting = [];
      const unwrapped = await this.#ask(batch);
      for (const [index, { settle }] of batch.entries()) settle(unwrapped[index]);
    }
    this.#talks = false;
  }

  async #ask(batch: readonly Waiting[]): Promise<readonly Unwrapped[]> {
    const refuse = (error: Error): readonly Unwrapped[] => batch.map(() => error);
    // Whoever is gone, or was told a wrong PIN, is not asked again for every file.
    if (this.#failed !== undefined) return refuse(this.#failed);
    try {
      const headers = batch.map(({ stanzas }) => stanzas);
      const { files, failed } = await unwrapWithPlugin(this.#program, {
        identities: [...this.identities],
        headers,
        plugins: this.#options,
      });
      this.#failed = failed;
      return files;
    } catch (error) {
      this.#failed = error instanceof Error ? error : new Error(String(error));
      return refuse(this.#failed);
    }
  }
}
