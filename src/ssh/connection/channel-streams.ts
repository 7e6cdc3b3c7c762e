import type { WritableOptions } from "node:stream";
import { Duplex, Readable, Writable } from "node:stream";
import type { ClientChannel } from "ssh2";
import type { Transport } from "./transport.ts";

/** More is handed to the channel only when less than this waits for the network. */
const MAX_QUEUED = 1024 * 1024;
const SLICE = 256 * 1024;
/** Smaller chunks are joined: each write becomes a packet of its own. */
const SMALL = 32 * 1024;
const HIGH_WATER_MARK = 256 * 1024;

/**
 * A channel's streams as streams of our own, for what ssh2's lack: they wait for the network and not only for the
 * channel's window; ending one loses nothing that still waits for window; and when the connection breaks they fail
 * instead of ending as if all had been said.
 */
export function readFromChannel(source: Readable): Readable {
  const sink: Readable = new Readable({
    highWaterMark: HIGH_WATER_MARK,
    read: () => void source.resume(),
    destroy(error, done) {
      // The rest is let pass, or the channel would never see its end.
      source.resume();
      done(error);
    },
  });
  pour(source, sink);
  return ignoreUnheardErrors(sink);
}

export function writeToChannel(channel: ClientChannel, transport: Transport): Writable {
  return ignoreUnheardErrors(new Writable({ highWaterMark: HIGH_WATER_MARK, ...channelWriter(channel, transport) }));
}

/** Both directions as one transport, for a connection through this one. */
export function duplexOverChannel(channel: ClientChannel, transport: Transport): Transport {
  const duplex = new Duplex({
    readableHighWaterMark: HIGH_WATER_MARK,
    writableHighWaterMark: HIGH_WATER_MARK,
    ...channelWriter(channel, transport),
    read: () => void channel.resume(),
    destroy(error, done) {
      channel.resume();
      channel.close();
      done(error);
    },
  });
  const counted = { bytesRead: 0 };
  channel.on("data", (chunk: Buffer) => {
    counted.bytesRead += chunk.length;
  });
  pour(channel, duplex);
  channel.once("close", () => {
    if (duplex.readableEnded) duplex.destroy();
    else duplex.once("end", () => duplex.destroy());
  });
  ignoreUnheardErrors(duplex);
  return Object.defineProperty(duplex, "bytesRead", { get: () => counted.bytesRead }) as Duplex & Transport;
}

function pour(source: Readable, sink: Readable): void {
  source.on("data", (chunk: Buffer) => {
    if (!sink.destroyed && !sink.push(chunk)) source.pause();
  });
  source.once("end", () => {
    if (!sink.destroyed) sink.push(null);
  });
}

/** Whoever uses a stream hears of its failure; nobody using it must not end the process. */
function ignoreUnheardErrors<T extends Readable | Writable>(stream: T): T {
  stream.on("error", () => undefined);
  return stream;
}

function channelWriter(
  channel: ClientChannel,
  transport: Transport,
): Pick<WritableOptions, "write" | "writev" | "final"> {
  const writeAll = async (chunks: Iterable<Buffer>): Promise<void> => {
    for (const chunk of chunks) {
      for (let start = 0; start < chunk.length; start += SLICE) {
        await networkHasRoom(transport);
        await writeSlice(chunk.length <= SLICE ? chunk : chunk.subarray(start, start + SLICE));
      }
    }
  };
  const writeSlice = (slice: Buffer): Promise<void> =>
    new Promise((resolve) => {
      // One system call for the packets it makes.
      transport.cork();
      channel.write(slice, () => {
        resolve();
      });
      transport.uncork();
    });
  const settle = (work: Promise<void>, done: (error?: Error | null) => void): void => {
    work.then(() => {
      done();
    }, done);
  };
  return {
    write(chunk: Buffer, _encoding, done) {
      settle(writeAll([chunk]), done);
    },
    writev(chunks, done) {
      settle(writeAll(joinSmall(chunks.map(({ chunk }) => chunk as Buffer))), done);
    },
    // By now every write is through the channel's window: its end-of-file cannot overtake them.
    final(done) {
      channel.end();
      done();
    },
  };
}

async function networkHasRoom(transport: Transport): Promise<void> {
  while (transport.writableLength > MAX_QUEUED && !transport.destroyed) {
    await new Promise<void>((resolve) => {
      const go = (): void => {
        transport.off("drain", go);
        transport.off("close", go);
        resolve();
      };
      transport.on("drain", go);
      transport.on("close", go);
    });
  }
}

function* joinSmall(chunks: readonly Buffer[]): Generator<Buffer> {
  let small: Buffer[] = [];
  let length = 0;
  for (const chunk of chunks) {
    if (chunk.length < SMALL && length + chunk.length <= SLICE) {
      small.push(chunk);
      length += chunk.length;
      continue;
    }
    if (length > 0) yield Buffer.concat(small, length);
    small = chunk.length < SMALL ? [chunk] : [];
    length = chunk.length < SMALL ? chunk.length : 0;
    if (chunk.length >= SMALL) yield chunk;
  }
  if (length > 0) yield Buffer.concat(small, length);
}
