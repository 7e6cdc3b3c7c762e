import { randomBytes } from "node:crypto";
import { once } from "node:events";
import { connect, createServer } from "node:net";
import type { AddressInfo, Server, Socket } from "node:net";
import { describe, expect, it } from "vitest";
import { startDelayProxy, waitUntil } from "./harness/index.ts";

describe("startDelayProxy()", () => {
  it("passes every byte in order both ways, and the end of each way by itself", async () => {
    await using echo = await startServer((socket) => {
      void readAll(socket).then((received) => socket.end(received));
    });
    await using proxy = await startDelayProxy({ target: echo.target, oneWayMs: 5 });
    const sent = randomBytes(3_000_000);
    const socket = connect({ ...proxy, allowHalfOpen: true });
    socket.end(sent);
    expect((await readAll(socket)).equals(sent)).toBe(true);
  });

  it("lets nothing through before the handshake and the way have taken their time", async () => {
    await using echo = await startServer((socket) => socket.pipe(socket));
    const oneWayMs = 50;
    await using proxy = await startDelayProxy({ target: echo.target, oneWayMs });
    const start = performance.now();
    const socket = connect(proxy);
    socket.write("ping");
    await once(socket, "data");
    expect(performance.now() - start).toBeGreaterThanOrEqual(4 * oneWayMs - 1);
    const second = performance.now();
    socket.write("ping");
    await once(socket, "data");
    expect(performance.now() - second).toBeGreaterThanOrEqual(2 * oneWayMs - 1);
    socket.destroy();
  });

  it("holds a sender to the rate asked for", async () => {
    await using sink = await startServer((socket) => {
      void readAll(socket).then((received) => socket.end(String(received.length)));
    });
    await using proxy = await startDelayProxy({ target: sink.target, oneWayMs: 0, bytesPerSecond: 10_000_000 });
    const start = performance.now();
    const socket = connect({ ...proxy, allowHalfOpen: true });
    socket.end(Buffer.alloc(2_000_000));
    expect(String(await readAll(socket))).toBe("2000000");
    expect(performance.now() - start).toBeGreaterThanOrEqual(199);
  });

  it("stops a writer whose reader has stopped", async () => {
    let reader: Socket | undefined;
    await using deaf = await startServer((socket) => {
      reader = socket.pause();
    });
    await using proxy = await startDelayProxy({ target: deaf.target, oneWayMs: 1 });
    const writer = connect(proxy);
    await once(writer, "connect");
    await waitUntil(() => Promise.resolve(reader), { timeoutMs: 5_000, what: "the connection" });
    let accepted = 0;
    const chunk = Buffer.alloc(1_000_000);
    const isStuck = async (): Promise<boolean> => {
      while (writer.writableLength === 0) {
        writer.write(chunk);
        accepted += chunk.length;
        if (accepted > 200_000_000) throw new Error("the proxy swallows what nobody reads");
        await new Promise(setImmediate);
      }
      const before = writer.writableLength;
      await new Promise((resolve) => setTimeout(resolve, 100));
      return writer.writableLength === before;
    };
    await waitUntil(isStuck, { timeoutMs: 10_000, what: "the writer to be held" });
    writer.destroy();
  });

  it("breaks the far end when the near one breaks", async () => {
    let onEnd: () => void = () => undefined;
    const ended = new Promise<void>((resolve) => {
      onEnd = resolve;
    });
    await using server = await startServer((socket) => {
      socket
        .on("error", () => undefined)
        .once("close", () => {
          onEnd();
        });
      socket.write("banner");
    });
    await using proxy = await startDelayProxy({ target: server.target, oneWayMs: 1 });
    const socket = connect(proxy);
    await once(socket, "data");
    socket.resetAndDestroy();
    await ended;
  });
});

/** Unlike the ready-made consumers, leaves the socket's other way open. */
async function readAll(socket: Socket): Promise<Buffer> {
  const chunks: Buffer[] = [];
  socket.on("data", (chunk: Buffer) => chunks.push(chunk));
  await once(socket, "end");
  return Buffer.concat(chunks);
}

interface TestServer extends AsyncDisposable {
  readonly target: { readonly host: string; readonly port: number };
}

async function startServer(onConnection: (socket: Socket) => void): Promise<TestServer> {
  const sockets = new Set<Socket>();
  const server: Server = createServer({ allowHalfOpen: true }, (socket) => {
    sockets.add(socket);
    onConnection(socket);
  });
  server.listen(0, "127.0.0.1");
  await once(server, "listening");
  return {
    target: { host: "127.0.0.1", port: (server.address() as AddressInfo).port },
    async [Symbol.asyncDispose]() {
      for (const socket of sockets) socket.destroy();
      server.close();
      await once(server, "close");
    },
  };
}
