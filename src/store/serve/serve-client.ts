/**
 * The client side of `nix-store --serve --write`, a protocol of requests and answers in order over two pipes:
 *
 *     client:  u64 0x390c9deb  u64 version           server:  u64 0x5452eecb  u64 version
 *     query valid paths:  1  lock  substitute  paths     →  paths
 *     query path infos:   2  paths                       →  { path deriver paths u64 u64 hash ca strings }  ""
 *     query closure:      7  outputs  paths              →  paths
 *     add to store:       9  path deriver hash paths time size ultimate strings ca  NAR     →  1
 *
 * Numbers, strings and lists (a count, then its strings) are those of wire.ts; a version is major × 256 + minor. The
 * server handles one request after the other, so requests may be written ahead of the answers to those before them.
 * On the first error it prints `error: …` on standard error and exits.
 *
 * The server (Nix) checks hashes, sizes, that references are valid, and who may add what; this side checks that
 * answers are well-formed and of a sane size, and that a NAR has the size it was announced with.
 */
import type { CommandChannel } from "#core";
import { StoreError } from "../errors.ts";
import { narHashHex, parseNarHash } from "../nar-hash.ts";
import type { NarChunk } from "../nar-source.ts";
import type { PathInfo } from "../path-info.ts";
import type { StorePath } from "../store-path.ts";
import { isStorePath } from "../store-path.ts";
import { ServeConnection } from "./serve-connection.ts";

const CLIENT_MAGIC = 0x390c9deb;
const SERVER_MAGIC = 0x5452eecb;
const MAJOR = 2;
/** The first minor version that takes NARs one by one, and all that is asked for here. */
const MINOR = 5;
const REQUEST = { queryValidPaths: 1, queryPathInfos: 2, queryClosure: 7, addToStoreNar: 9 } as const;

const SILENCE_MS = 300_000;
const SUBSTITUTE_SILENCE_MS = 3_600_000;
const GREETING_SILENCE_MS = 60_000;

const MAX_PATH_BYTES = 300;
const MAX_TEXT_BYTES = 4096;
const MAX_REFERENCES = 100_000;
const MAX_SIGNATURES = 1_000;
const MAX_CLOSURE = 1_000_000;

export interface ServeClientOptions {
  /** Aborts the opening; requests have signals of their own. */
  readonly signal?: AbortSignal | undefined;
  /** How long the other side may be silent while it owes an answer; default 5 minutes. */
  readonly silenceMs?: number | undefined;
  /** The same while it substitutes, which can mean downloading for long; default 1 hour. */
  readonly substituteSilenceMs?: number | undefined;
}

export interface QueryValidPathsOptions {
  /** Keeps the host's garbage collector from these paths, present or not, while this client is open. */
  readonly lock: boolean;
  /** Lets the host fetch what it lacks from its own substituters first. */
  readonly substitute: boolean;
  readonly signal?: AbortSignal | undefined;
}

/**
 * Greets a `nix-store --serve --write` that was just started. The channel is the client's from here on.
 * @throws StoreError `store/no-nix`, `store/not-serving` (with what was seen instead), `store/protocol`, `store/ended`
 * or `store/silent`; the signal's reason when it aborts.
 */
export async function openServeClient(channel: CommandChannel, options: ServeClientOptions = {}): Promise<ServeClient> {
  const connection = new ServeConnection(channel, options.silenceMs ?? SILENCE_MS);
  try {
    const client = new ServeClient(connection, options);
    using _ = connection.breakOn(options.signal);
    await client.greet();
    return client;
  } catch (error) {
    await connection.close();
    throw error;
  }
}

/**
 * Requests may be made without waiting for the answers to those before; they are written in the order they were made.
 * An abort or a failure in the middle of a request leaves the two sides out of step: the client is of no use after it,
 * and everything still waiting fails alike.
 */
export class ServeClient implements AsyncDisposable {
  readonly #connection: ServeConnection;
  readonly #silenceMs: number;
  readonly #substituteSilenceMs: number;
  #writing: Promise<unknown> = Promise.resolve();
  #roundTrip: Promise<number> = Promise.resolve(0);

  /** Use {@link openServeClient}. */
  constructor(connection: ServeConnection, options: ServeClientOptions) {
    this.#connection = connection;
    this.#silenceMs = options.silenceMs ?? SILENCE_MS;
    this.#substituteSilenceMs = options.substituteSilenceMs ?? SUBSTITUTE_SILENCE_MS;
  }

  /** Milliseconds from an empty question to its answer, asked right after the greeting. */
  get roundTripMs(): Promise<number> {
    return this.#roundTrip;
  }

  async greet(): Promise<void> {
    const { out } = this.#connection;
    out.number(CLIENT_MAGIC);
    out.number(MAJOR * 256 + MINOR);
    out.flush();
    const readGreeting = async (): Promise<void> => {
      await this.#readMagic();
      this.#checkVersion(await this.#connection.number());
    };
    const silenceMs = Math.min(GREETING_SILENCE_MS, this.#silenceMs);
    await this.#connection.answer("greeting nix-store --serve", readGreeting, { silenceMs });
    const sentAt = performance.now();
    this.#writeQueryValidPaths([], { lock: false, substitute: false });
    out.flush();
    this.#roundTrip = this.#connection.answer("greeting nix-store --serve", async () => {
      await this.#readPaths(0);
      return performance.now() - sentAt;
    });
  }

  /** Which of `paths` the host has. */
  async queryValidPaths(paths: readonly StorePath[], options: QueryValidPathsOptions): Promise<Set<StorePath>> {
    using _ = this.#connection.breakOn(options.signal);
    const attempt = `asking which of ${paths.length} paths the host has`;
    const silenceMs = options.substitute ? this.#substituteSilenceMs : this.#silenceMs;
    const asked = new Set<string>(paths);
    const read = async (): Promise<Set<StorePath>> => {
      const valid = await this.#readPaths(paths.length);
      const foreign = valid.find((path) => !asked.has(path));
      if (foreign !== undefined) return this.#connection.fail(`it named ${foreign}, which it was not asked about`);
      return new Set(valid);
    };
    const { answer } = await this.#alone(() => {
      this.#writeQueryValidPaths(paths, options);
      return { answer: this.#connection.answer(attempt, read, { silenceMs }) };
    });
    return await answer;
  }

  /** What the host knows of those of `paths` that it has. */
  async queryPathInfos(
    paths: readonly StorePath[],
    { signal }: { readonly signal?: AbortSignal | undefined } = {},
  ): Promise<PathInfo[]> {
    using _ = this.#connection.breakOn(signal);
    const read = async (): Promise<PathInfo[]> => {
      const infos: PathInfo[] = [];
      for (;;) {
        const path = await this.#connection.string(MAX_PATH_BYTES);
        if (path === "") return infos;
        if (infos.length === paths.length) this.#connection.fail("it described more paths than it was asked about");
        infos.push(await this.#readPathInfo(path));
      }
    };
    const { answer } = await this.#alone(() => {
      this.#connection.out.number(REQUEST.queryPathInfos);
      this.#connection.out.strings(paths);
      return { answer: this.#connection.answer(`asking about ${paths.length} paths of the host`, read) };
    });
    return await answer;
  }

  /** All that valid paths need at run time, they themselves too. A path that is not valid ends the conversation. */
  async queryClosure(
    paths: readonly StorePath[],
    { signal }: { readonly signal?: AbortSignal | undefined } = {},
  ): Promise<StorePath[]> {
    using _ = this.#connection.breakOn(signal);
    const { answer } = await this.#alone(() => {
      this.#connection.out.number(REQUEST.queryClosure);
      this.#connection.out.number(0);
      this.#connection.out.strings(paths);
      const attempt = `asking for the closure of ${paths.length === 1 ? String(paths[0]) : `${paths.length} paths`}`;
      return { answer: this.#connection.answer(attempt, () => this.#readPaths(MAX_CLOSURE)) };
    });
    return await answer;
  }

  /**
   * Writes a path and its NAR. Settles once all of it was handed on, long before the host has answered: `acknowledged`
   * settles when the path is valid there. Leaving `acknowledged` alone is safe. To abort either, see
   * {@link ServeClient.breakOn}.
   * @param onSent called with the size of every piece of the NAR handed on.
   * @throws StoreError `store/changed` when the NAR does not have `info.narSize` bytes; what reading it throws.
   */
  async addToStoreNar(
    info: PathInfo,
    { nar, onSent }: AddToStoreNarOptions,
  ): Promise<{ readonly acknowledged: Promise<void> }> {
    return this.#alone(async () => {
      await this.#connection.room();
      this.#writePathInfo(info);
      const acknowledged = this.#connection.answer(`adding ${info.path}`, async () => {
        const answer = await this.#connection.number();
        if (answer !== 1) this.#connection.fail(`it answered ${answer} instead of 1`);
      });
      try {
        await this.#writeNar(info, nar, onSent);
      } catch (error) {
        this.#connection.break(error);
      }
      return { acknowledged };
    });
  }

  /** While in force, an abort of `signal` breaks this client: all that waits on it, or will, fails with the reason. */
  breakOn(signal: AbortSignal | undefined): Disposable {
    return this.#connection.breakOn(signal);
  }

  /** Lets the host finish and end; settles when it has. A broken connection is cut off at once. */
  async [Symbol.asyncDispose](): Promise<void> {
    await this.#connection.close();
  }

  /** One request is written at a time, and nothing of the next before all of it. */
  async #alone<T>(write: () => T | Promise<T>): Promise<T> {
    const written = this.#writing.then(write);
    this.#writing = written.catch(() => undefined);
    return written;
  }

  #writeQueryValidPaths(
    paths: readonly StorePath[],
    options: { readonly lock: boolean; readonly substitute: boolean },
  ): void {
    const { out } = this.#connection;
    out.number(REQUEST.queryValidPaths);
    out.number(options.lock ? 1 : 0);
    out.number(options.substitute ? 1 : 0);
    out.strings(paths);
  }

  #writePathInfo(info: PathInfo): void {
    const { out } = this.#connection;
    out.number(REQUEST.addToStoreNar);
    out.string(info.path);
    out.string(info.deriver ?? "");
    out.string(narHashHex(info.narHash));
    out.strings(info.references);
    out.number(0);
    out.number(info.narSize);
    out.number(0);
    out.strings(info.signatures);
    out.string(info.ca ?? "");
  }

  async #writeNar(info: PathInfo, nar: AsyncIterable<NarChunk>, onSent: AddToStoreNarOptions["onSent"]): Promise<void> {
    let sent = 0;
    for await (const chunk of nar) {
      const { length } = chunk.bytes;
      sent += length;
      if (sent > info.narSize) {
        chunk.release();
        throw changed(info, "more");
      }
      this.#connection.out.bytes(chunk.bytes, () => {
        chunk.release();
      });
      onSent?.(length);
      await this.#connection.room();
    }
    if (sent < info.narSize) throw changed(info, `only ${sent}`);
  }

  async #readPaths(maxCount: number): Promise<StorePath[]> {
    const texts = await this.#connection.strings({ maxCount, maxBytes: MAX_PATH_BYTES });
    return texts.map((text) => this.#storePath(text));
  }

  #storePath(text: string): StorePath {
    if (isStorePath(text)) return text;
    return this.#connection.fail(`it named ${JSON.stringify(text)}, which is not a store path`);
  }

  async #readPathInfo(path: string): Promise<PathInfo> {
    const deriver = await this.#connection.string(MAX_PATH_BYTES);
    const references = await this.#readPaths(MAX_REFERENCES);
    await this.#connection.number();
    const narSize = await this.#connection.number();
    const narHash = parseNarHash(await this.#connection.string(MAX_TEXT_BYTES));
    const ca = await this.#connection.string(MAX_TEXT_BYTES);
    const signatures = await this.#connection.strings({ maxCount: MAX_SIGNATURES, maxBytes: MAX_TEXT_BYTES });
    return {
      path: this.#storePath(path),
      narHash,
      narSize,
      references,
      deriver: deriver === "" ? undefined : this.#storePath(deriver),
      signatures,
      ca: ca === "" ? undefined : ca,
    };
  }

  #checkVersion(version: number): void {
    const major = Math.floor(version / 256);
    const minor = version % 256;
    if (major === MAJOR && minor >= MINOR) return;
    this.#connection.break(
      new StoreError(
        "store/protocol",
        `the host's nix-store --serve speaks version ${major}.${minor} of its protocol, not 2.5`,
        {
          hint: "put Nix 2.3 or later on the host",
        },
      ),
    );
  }

  async #readMagic(): Promise<void> {
    let seen = Buffer.alloc(0);
    while (seen.length < 8) {
      const more = await this.#connection.some(8 - seen.length);
      if (more === undefined) break;
      seen = Buffer.concat([seen, more]);
    }
    if (seen.length === 0) await this.#connection.end();
    if (seen.length === 8 && seen.readUInt32LE(0) === SERVER_MAGIC && seen.readUInt32LE(4) === 0) return;
    this.#rejectBanner(Buffer.concat([seen, this.#connection.rest()]).subarray(0, 200).toString());
  }

  #rejectBanner(seen: string): never {
    return this.#connection.break(
      new StoreError(
        "store/not-serving",
        `greeting nix-store --serve failed: the host answered ${JSON.stringify(seen)}`,
        {
          hint: "something on the host prints to standard output at login; let .bashrc and the like do so only in interactive shells",
        },
      ),
    );
  }
}

export interface AddToStoreNarOptions {
  readonly nar: AsyncIterable<NarChunk>;
  readonly onSent?: ((bytes: number) => void) | undefined;
}

function changed(info: PathInfo, found: string): StoreError {
  return new StoreError(
    "store/changed",
    `the NAR of ${info.path} has ${found} than the ${info.narSize} bytes Nix registered`,
    {
      hint: "the path changed on the operator's disk; run nix-store --verify --check-contents --repair there",
    },
  );
}
