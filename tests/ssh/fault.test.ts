import { once } from "node:events";
import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { connect } from "#ssh";
import type { Connection } from "#ssh";
import { acceptCommands, startFaultyServer, startTcpServer } from "./faulty-server.ts";
import type { Behaviour } from "./faulty-server.ts";
import { sshdMissing, startSshd } from "./sshd.ts";

let folder = "";
let configFile = "";

beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), "skep-fault-"));
  configFile = join(folder, "empty_config");
  await writeFile(configFile, "IdentityFile none\nIdentityAgent none\nUserKnownHostsFile none\n");
});

afterAll(async () => {
  await rm(folder, { recursive: true });
});

/** Connects to a server in this process that behaves like this. */
async function meet(
  behave: Behaviour,
  options: Parameters<typeof connect>[1] = {},
): Promise<AsyncDisposable & { readonly connection: Connection }> {
  const server = await startFaultyServer(folder, behave);
  const connection = await connect({ host: "faulty" }, { configFile: server.configFile, ...options });
  return {
    connection,
    async [Symbol.asyncDispose]() {
      await connection[Symbol.asyncDispose]();
      await server[Symbol.asyncDispose]();
    },
  };
}

describe("connect() to what does not answer", () => {
  it("says that nothing listens", async () => {
    const server = await startTcpServer(() => undefined);
    await server[Symbol.asyncDispose]();
    await expect(connect({ host: "127.0.0.1", port: server.port }, { configFile })).rejects.toMatchObject({
      code: "ssh/connection-refused",
      message: `connecting to 127.0.0.1 port ${server.port}: connection refused`,
    });
  });

  it("says that a name has no address", async () => {
    await expect(connect({ host: "web-1.invalid" }, { configFile })).rejects.toMatchObject({
      code: "ssh/name-not-resolved",
      message: expect.stringContaining("web-1.invalid") as string,
    });
  });

  it("gives up a server that takes the connection and stays silent", async () => {
    await using server = await startTcpServer(() => undefined);
    const options = { configFile, connectTimeoutMs: 100 };
    await expect(connect({ host: "127.0.0.1", port: server.port }, options)).rejects.toMatchObject({
      code: "ssh/connect-timeout",
    });
  });

  it("gives up a server that says it is SSH and then stays silent", async () => {
    await using server = await startTcpServer((socket) => socket.write("SSH-2.0-Sloth\r\n"));
    const options = { configFile, connectTimeoutMs: 100 };
    await expect(connect({ host: "127.0.0.1", port: server.port }, options)).rejects.toMatchObject({
      code: "ssh/connect-timeout",
    });
  });

  it("tells the signal's reason as soon as it aborts", async () => {
    const abort = new AbortController();
    await using server = await startTcpServer(() => {
      abort.abort(new Error("stop"));
    });
    const options = { configFile, signal: abort.signal };
    await expect(connect({ host: "127.0.0.1", port: server.port }, options)).rejects.toThrow("stop");
  });

  it.each([
    ["closes at once", ""],
    ["is not SSH", "HTTP/1.1 400 Bad Request\r\n\r\n"],
    ["is full", "Exceeded MaxStartups\r\n"],
  ])("says that the handshake failed with a server that %s", async (_what, greeting) => {
    await using server = await startTcpServer((socket) => socket.end(greeting));
    await expect(connect({ host: "127.0.0.1", port: server.port }, { configFile })).rejects.toMatchObject({
      code: "ssh/handshake",
      hint: expect.stringContaining("MaxStartups") as string,
    });
  });

  it.skipIf(sshdMissing !== undefined)("says that there is no common cipher", async () => {
    await using sshd = await startSshd({ config: ["Ciphers aes128-cbc"] });
    await expect(connect({ host: "sshd" }, { configFile: sshd.configFile })).rejects.toMatchObject({
      code: "ssh/no-common-algorithm",
      message: expect.stringContaining("cipher") as string,
    });
  });
});

describe("a connection that breaks", () => {
  it("fails everything that uses it, and nothing seems to have ended well", async () => {
    await using met = await meet((client, { socket }) => {
      acceptCommands(client, (channel, command) => {
        channel.write("half of the outp");
        if (command === "last") setTimeout(() => socket.destroy(), 50);
      });
    });
    const { connection } = met;
    const lost = expect.objectContaining({ code: "ssh/connection-lost" }) as Error;
    const first = await connection.open(["first"]);
    const reading = first.stdout.toArray().catch((error: unknown) => error);
    const writing = once(first.stdin, "error");
    const run = connection.run(["last"]).catch((error: unknown) => error);
    expect(await connection.lost).toEqual(lost);
    expect(await run).toEqual(lost);
    expect(await reading).toEqual(lost);
    expect(await writing).toEqual([lost]);
    await expect(first.exited).rejects.toEqual(lost);
    await expect(connection.run(["later"])).rejects.toEqual(lost);
    await expect(connection.forward({ host: "h", port: 1 })).rejects.toEqual(lost);
  });

  it("is lost when the server says goodbye, with its words", async () => {
    await using met = await meet((client) => {
      acceptCommands(client, () => {
        (client as unknown as { _protocol: { disconnect(reason: number): void } })._protocol.disconnect(11 + 1);
        client.end();
      });
    });
    await expect(met.connection.run(["anything"])).rejects.toMatchObject({ code: "ssh/connection-lost" });
    expect((await met.connection.lost).message).toMatch(/^the connection broke: ./);
  });

  it("is lost when nothing comes back for as many pings as allowed", async () => {
    await using met = await meet(
      (_client, { socket }) => {
        // From now on it hears nothing and says nothing, like a host that lost its network.
        socket.pause();
      },
      { keepalive: { intervalMs: 30, count: 2 } },
    );
    const started = met.connection.run(["anything"]).catch((error: unknown) => error);
    expect(await met.connection.lost).toMatchObject({
      code: "ssh/connection-lost",
      message: "the connection broke: no answer for 0.09 s",
    });
    expect(await started).toMatchObject({ code: "ssh/connection-lost" });
  });

  it("is not lost while the host answers pings", async () => {
    await using met = await meet(
      (client) => {
        acceptCommands(client, (channel) => {
          setTimeout(() => {
            channel.exit(0);
            channel.end();
          }, 400);
        });
      },
      { keepalive: { intervalMs: 30, count: 2 } },
    );
    expect((await met.connection.run(["slow"])).exit).toEqual({ exitCode: 0 });
  });
});

describe("a session that fails", () => {
  it("says when the host refuses to open one", async () => {
    await using met = await meet((client) => {
      client.on("session", (_accept, reject) => {
        reject();
      });
    });
    await expect(met.connection.run(["anything"])).rejects.toMatchObject({
      code: "ssh/channel-refused",
      message: expect.stringContaining("`anything`") as string,
    });
  });

  it("says when the host refuses to run a command in it", async () => {
    await using met = await meet((client) => {
      client.on("session", (accept) => {
        accept().on("exec", (_accept, reject) => {
          reject();
        });
      });
    });
    await expect(met.connection.run(["anything"])).rejects.toMatchObject({ code: "ssh/channel-refused" });
  });

  it("does not take a session that just closes for a command that succeeded", async () => {
    await using met = await meet((client) => {
      acceptCommands(client, (channel) => {
        channel.end("all done, surely");
      });
    });
    await expect(met.connection.run(["anything"])).rejects.toMatchObject({ code: "ssh/exit-unknown" });
  });

  it("stops waiting for an answer that does not come when the signal aborts", async () => {
    const reason = new Error("enough");
    const abort = new AbortController();
    await using met = await meet((client) => {
      client.on("session", () => {
        abort.abort(reason);
      });
    });
    const opening = met.connection.open(["anything"], { signal: abort.signal });
    await expect(opening).rejects.toBe(reason);
  });
});
