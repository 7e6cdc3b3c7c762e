import type { Writable } from "node:stream";
import { createGzip } from "node:zlib";
import type { CommandRunner } from "#core";
import { abortable } from "#core";
import { StoreError } from "../errors.ts";
import type { AddPathsOptions, HostStore, ValidPaths } from "../host-store.ts";
import type { PathInfo } from "../path-info.ts";
import { WireWriter } from "../serve/wire-writer.ts";
import type { StorePath } from "../store-path.ts";
import { ADD_SCRIPT } from "./add-script.ts";
import { HOLD_SCRIPT } from "./hold-script.ts";
import { baseOf } from "./info-file.ts";
import { openScript } from "./script-channel.ts";
import type { ScriptChannel } from "./script-channel.ts";
import { sendPaths } from "./send-paths.ts";

export interface PosixHostStoreOptions {
  /** Runs commands on the host as the user who owns the store: root, but in a sandbox. */
  readonly runner: CommandRunner;
  /** The folder on the host under which `nix/store` lies; default: none, the real `/nix/store`. */
  readonly root?: string | undefined;
  /**
   * How the archive is packed on its way; default `"none"`. Gzip gains below some 200 Mbit/s a host and costs a core here
   * for every 70 MB/s.
   */
  readonly compression?: "none" | "gzip" | undefined;
  /** How long the host may give no sign of life; milliseconds, default 5 minutes. */
  readonly silenceMs?: number | undefined;
  readonly signal?: AbortSignal | undefined;
}

/**
 * Opens the store of a host without Nix: `sh`, `tar` and the POSIX utilities are all it needs. What is missing takes one
 * round trip, and all that is added goes in one archive, of which nothing is visible until everything is there.
 * Any number of copies may run at once to one host. A killed one leaves nothing behind that the next does not sweep.
 * @throws what the runner throws; StoreError comes with the first question.
 */
export async function openPosixHostStore(options: PosixHostStoreOptions): Promise<HostStore> {
  const { runner, root = "", silenceMs, signal } = options;
  const attempt = "asking which paths the host has";
  return new PosixHostStore(
    await openScript(runner, { script: HOLD_SCRIPT, args: [root], attempt, silenceMs, signal }),
    options,
  );
}

class PosixHostStore implements HostStore {
  readonly #hold: ScriptChannel;
  readonly #options: PosixHostStoreOptions;
  /** Who the host knows this copy as; the first thing it says. */
  #owner: string | undefined;
  #usable = true;

  constructor(hold: ScriptChannel, options: PosixHostStoreOptions) {
    this.#hold = hold;
    this.#options = options;
  }

  async queryValidPaths(
    paths: readonly StorePath[],
    { signal }: { readonly signal?: AbortSignal | undefined },
  ): Promise<ValidPaths> {
    return this.#whileUsable(() => abortable(this.#ask(paths), signal));
  }

  async addPaths(infos: readonly PathInfo[], options: AddPathsOptions): Promise<void> {
    await this.#whileUsable(async () => {
      if (this.#owner === undefined) await abortable(this.#ask([]), options.signal);
      const { runner, root = "", silenceMs, compression = "none" } = this.#options;
      const signal = anySignal(options.signal, this.#options.signal);
      await using script = await openScript(runner, {
        script: ADD_SCRIPT,
        args: [root, this.#owner ?? "", compression],
        attempt: `adding ${infos.length} ${infos.length === 1 ? "path" : "paths"} to the host's store`,
        silenceMs,
        signal,
      });
      await sendArchive(infos, script, { ...options, compression, signal });
      await script.succeed();
      options.onProgress?.({ bytes: 0, paths: infos.length });
    });
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#usable = false;
    this.#hold.stdin.end();
    await this.#hold.succeed({ withinMs: END_MS }).catch(() => undefined);
    await this.#hold[Symbol.asyncDispose]();
  }

  async #ask(paths: readonly StorePath[]): Promise<ValidPaths> {
    this.#hold.stdin.write([...paths.map(baseOf), ".\n"].join("\n"));
    const asked = new Map<string, StorePath>(paths.map((path) => [baseOf(path), path]));
    const valid = new Set<StorePath>();
    this.#owner ??= ownerIn(await this.#line());
    for (let line = await this.#line(); line !== "."; line = await this.#line()) {
      valid.add(asked.get(line) ?? strange(line));
    }
    return { valid, substituted: new Set() };
  }

  async #line(): Promise<string> {
    return (await this.#hold.line()) ?? this.#hold.ended();
  }

  async #whileUsable<T>(work: () => Promise<T>): Promise<T> {
    if (!this.#usable) throw new StoreError("store/closed", "this host's store is closed, or failed before");
    try {
      return await work();
    } catch (error) {
      this.#usable = false;
      throw error;
    }
  }
}

const END_MS = 5_000;

async function sendArchive(
  infos: readonly PathInfo[],
  script: ScriptChannel,
  options: AddPathsOptions & { readonly compression: "none" | "gzip" },
): Promise<void> {
  const { nars, onProgress, compression, signal } = options;
  const stop = anySignal(signal, script.doomed) ?? script.doomed;
  const target = compression === "gzip" ? gzipInto(script.stdin) : script.stdin;
  const out = new WireWriter(target, () => undefined);
  try {
    await sendPaths(infos, out, {
      nars,
      signal: stop,
      room: () => abortable(script.inTime(out.room()), stop),
      onSent: (bytes) => onProgress?.({ bytes, paths: 0 }),
    });
  } catch (error) {
    signal?.throwIfAborted();
    if (!script.doomed.aborted) throw error;
  }
  target.end();
}

function gzipInto(stdin: Writable): Writable {
  const gzip = createGzip({ level: 1 });
  gzip.pipe(stdin);
  // What ends the pipe early is told by the script's end.
  stdin.once("close", () => gzip.destroy());
  return gzip;
}

function anySignal(...signals: readonly (AbortSignal | undefined)[]): AbortSignal | undefined {
  const given = signals.filter((signal) => signal !== undefined);
  return given.length < 2 ? given[0] : AbortSignal.any(given);
}

function ownerIn(line: string): string {
  const owner = /^owner (\S+)$/.exec(line)?.[1];
  return owner ?? strange(line);
}

function strange(line: string): never {
  throw new StoreError("store/host-script", `the host answered ${JSON.stringify(line.slice(0, 100))}`, {
    hint: "a shell start-up file on the host may print; it must not for non-interactive logins",
  });
}
