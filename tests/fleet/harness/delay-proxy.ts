import { once } from "node:events";
import { connect, createServer } from "node:net";
import type { AddressInfo, Socket } from "node:net";
import { setTimeout as sleep } from "node:timers/promises";

interface DelayProxyOptions {
  readonly target: { readonly host: string; readonly port: number };
  /** How long each byte takes, each way: 50 makes round trips of 100 ms. */
  readonly oneWayMs: number;
  /** A limit for each direction of each connection; without it bytes pass as fast as both ends can. */
  readonly bytesPerSecond?: number | undefined;
}

interface DelayProxy extends AsyncDisposable {
  readonly host: string;
  readonly port: number;
}

/** What one direction may hold at most; with no rate asked for, this divided by the delay is its top speed. */
const MAX_IN_FLIGHT_BYTES = 256 * 1024 * 1024;
/** How much of a rated line's time may be sold in advance. */
const MAX_BACKLOG_MS = 20;

/**
 * A long line to a TCP server: delays every byte both ways, keeps order and half-closes, and makes connecting cost the
 * round trips it costs. A reader that stops, stops its writer.
 */
export async function startDelayProxy({ target, oneWayMs, bytesPerSecond }: DelayProxyOptions): Promise<DelayProxy> {
  const sockets = new Set<Socket>();
  const track = (socket: Socket): void => {
    sockets.add(socket.setNoDelay(true));
    socket.once("close", () => sockets.delete(socket));
  };
  const server = createServer({ allowHalfOpen: true, pauseOnConnect: true }, (near) => {
    const connectedAt = performance.now() + 2 * oneWayMs;
    track(near);
    // The server learns of the connection with the third packet of the handshake.
    void sleep(3 * oneWayMs).then(() => {
      if (near.destroyed) return;
      const far = connect({ ...target, allowHalfOpen: true });
      track(far);
      joinEnds(near, far);
      relay(near, far, { delayMs: oneWayMs, bytesPerSecond, sentSince: connectedAt });
      relay(far, near, { delayMs: oneWayMs, bytesPerSecond });
    });
    near.on("error", () => near.destroy());
  });
  server.listen(0, "127.0.0.1");
  await once(server, "listening");
  return {
    host: "127.0.0.1",
    port: (server.address() as AddressInfo).port,
    async [Symbol.asyncDispose]() {
      const closed = once(server, "close");
      server.close();
      for (const socket of sockets) socket.destroy();
      await closed;
    },
  };
}

/** What breaks one end breaks the other; what ends it in order is the relays' to pass on. */
function joinEnds(near: Socket, far: Socket): void {
  for (const [socket, other] of [
    [near, far],
    [far, near],
  ] as const) {
    socket.on("error", () => undefined);
    socket.once("close", (isBroken) => {
      if (isBroken) other.resetAndDestroy();
      else if (!socket.readableEnded) other.destroy();
    });
  }
}

interface Line {
  readonly delayMs: number;
  readonly bytesPerSecond: number | undefined;
  /** Bytes already waiting count as sent at this time, not before. */
  readonly sentSince?: number;
}

interface Parcel {
  readonly dueAt: number;
  /** Undefined: the end of the stream. */
  readonly chunk: Buffer | undefined;
}

function relay(from: Socket, to: Socket, { delayMs, bytesPerSecond, sentSince = 0 }: Line): void {
  const parcels: Parcel[] = [];
  let inFlightBytes = 0;
  let lineFreeAt = sentSince;
  let isBlocked = false;
  let timer: NodeJS.Timeout | undefined;

  const send = (chunk: Buffer | undefined): void => {
    const size = chunk?.length ?? 0;
    const passingMs = bytesPerSecond === undefined ? 0 : (size / bytesPerSecond) * 1_000;
    lineFreeAt = Math.max(lineFreeAt, performance.now()) + passingMs;
    parcels.push({ dueAt: lineFreeAt + delayMs, chunk });
    inFlightBytes += size;
    deliver();
  };

  const deliver = (): void => {
    clearTimeout(timer);
    if (to.destroyed) return;
    const now = performance.now();
    while (!isBlocked && parcels[0] !== undefined && parcels[0].dueAt <= now) {
      const { chunk } = parcels[0];
      parcels.shift();
      if (chunk === undefined) to.end();
      else if (!to.write(chunk)) isBlocked = true;
      inFlightBytes -= chunk?.length ?? 0;
    }
    const backlogMs = bytesPerSecond === undefined ? 0 : lineFreeAt - now - MAX_BACKLOG_MS;
    if (isBlocked || inFlightBytes > MAX_IN_FLIGHT_BYTES || backlogMs > 0) from.pause();
    else from.resume();
    const nextMs = isBlocked || parcels[0] === undefined ? Infinity : parcels[0].dueAt - now;
    const wakeMs = Math.min(nextMs, backlogMs > 0 ? backlogMs : Infinity);
    if (wakeMs !== Infinity) timer = setTimeout(deliver, Math.ceil(wakeMs));
  };

  from.on("data", send);
  from.once("end", () => {
    send(undefined);
  });
  to.on("drain", () => {
    isBlocked = false;
    deliver();
  });
  to.once("close", () => {
    clearTimeout(timer);
  });
  deliver();
}
