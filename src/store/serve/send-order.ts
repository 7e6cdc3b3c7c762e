import type { PathInfo } from "../path-info.ts";
import type { StorePath } from "../store-path.ts";

interface Entry {
  readonly info: PathInfo;
  readonly references: Entry[];
  readonly referrers: Entry[];
  /** References that no channel has taken yet. */
  untaken: number;
  channel: number | undefined;
  acknowledged: boolean;
}

/** From this size on a path is started as soon as it may be, so that none is left to run alone at the end. */
const LARGE_NAR_BYTES = 8 * 1024 * 1024;

/**
 * Which path goes out next on which channel. A host takes a path once each of its references is valid there, and works
 * through one channel in order; so a path may go out when each reference is acknowledged or ahead of it on the same
 * channel.
 */
export class SendOrder {
  readonly #entries = new Map<StorePath, Entry>();
  readonly #free: Entry[] = [];
  readonly #freeLarge: Entry[] = [];
  readonly #bound: Entry[][];
  #untaken: number;
  #stopped = false;
  #changed: (() => void)[] = [];

  /** @param infos what to send, references first; references not among them are taken to be there already. */
  constructor(infos: readonly PathInfo[], channels: number) {
    this.#bound = Array.from({ length: channels }, () => []);
    this.#untaken = infos.length;
    for (const info of infos) {
      const references = info.references
        .filter((path) => path !== info.path)
        .map((path) => this.#entries.get(path))
        .filter((entry) => entry !== undefined);
      const entry: Entry = {
        info,
        references,
        referrers: [],
        untaken: references.length,
        channel: undefined,
        acknowledged: false,
      };
      this.#entries.set(info.path, entry);
      for (const reference of references) reference.referrers.push(entry);
    }
    for (const entry of this.#entries.values()) if (entry.untaken === 0) this.#place(entry);
  }

  /** The next path for a channel, which must send it before any it takes later; undefined when none may go out on it now. */
  take(channel: number): PathInfo | undefined {
    if (this.#stopped) return undefined;
    const bound = this.#bound[channel] ?? [];
    const entry = firstUntaken(bound) ?? firstUntaken(this.#freeLarge) ?? firstUntaken(this.#free);
    if (entry === undefined) return undefined;
    entry.channel = channel;
    this.#untaken -= 1;
    for (const referrer of entry.referrers) {
      referrer.untaken -= 1;
      if (referrer.untaken === 0) this.#place(referrer);
    }
    this.#wake();
    return entry.info;
  }

  /** The next path for a channel, as soon as there is one; undefined when every path was taken, or after a stop. */
  async next(channel: number): Promise<PathInfo | undefined> {
    for (;;) {
      const info = this.take(channel);
      if (info !== undefined || this.#untaken === 0 || this.#stopped) return info;
      await new Promise<void>((resolve) => {
        this.#changed.push(resolve);
      });
    }
  }

  /** Takes note that a path is valid on the host. */
  acknowledge(path: StorePath): void {
    const entry = this.#entries.get(path);
    if (entry === undefined) return;
    entry.acknowledged = true;
    for (const referrer of entry.referrers) {
      if (referrer.untaken === 0 && referrer.channel === undefined) this.#place(referrer);
    }
    this.#wake();
  }

  /** Lets everyone go who waits in {@link SendOrder.next}: nothing more is to be taken. */
  stop(): void {
    this.#stopped = true;
    this.#wake();
  }

  /** Puts an entry whose references were all taken where it may go now. It may be in several queues; the first to take it has it. */
  #place(entry: Entry): void {
    const channels = new Set(
      entry.references.filter(({ acknowledged }) => !acknowledged).map(({ channel }) => channel),
    );
    if (channels.size > 1) return;
    const [channel] = channels;
    if (channel !== undefined) this.#bound[channel]?.push(entry);
    else (entry.info.narSize < LARGE_NAR_BYTES ? this.#free : this.#freeLarge).push(entry);
  }

  #wake(): void {
    const changed = this.#changed;
    this.#changed = [];
    for (const resume of changed) resume();
  }
}

function firstUntaken(queue: Entry[]): Entry | undefined {
  for (let entry = queue.shift(); entry !== undefined; entry = queue.shift()) {
    if (entry.channel === undefined) return entry;
  }
  return undefined;
}
