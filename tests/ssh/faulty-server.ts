import { once } from "node:events";
import { writeFile } from "node:fs/promises";
import { createServer } from "node:net";
import type { AddressInfo, Server, Socket } from "node:net";
import { join } from "node:path";
import ssh2 from "ssh2";
import type { ClientInfo, Connection, ServerChannel } from "ssh2";
import { generateKeyPair } from "../../src/sandbox/ssh/keys.ts";

/** What a faulty server does with a client that has logged in (any user, no key needed). */
export type Behaviour = (
  client: Connection,
  tools: {
    /** The TCP connection underneath. */
    readonly socket: Socket;
    readonly info: ClientInfo;
  },
) => void;

export interface FaultyServer extends AsyncDisposable {
  readonly port: number;
  /** A client's ssh_config that knows it as `faulty`. */
  readonly configFile: string;
}

/** An SSH server in this process, which can be made to fail in ways that OpenSSH cannot. Its files go to `folder`. */
export async function startFaultyServer(folder: string, behave: Behaviour): Promise<FaultyServer> {
  const hostKey = generateKeyPair();
  const sockets = new Map<number, Socket>();
  const server = new ssh2.Server({ hostKeys: [hostKey.privateKey] }, (client, info) => {
    client.on("error", () => undefined);
    client.on("authentication", (context) => {
      context.accept();
    });
    client.once("ready", () => {
      const socket = sockets.get(info.port);
      if (socket !== undefined) behave(client, { socket, info });
    });
  });
  const front = createServer((socket) => {
    sockets.set(socket.remotePort ?? 0, socket);
    socket.on("error", () => undefined);
    server.injectSocket(socket);
  });
  const port = await listen(front);
  const files = join(folder, `faulty_${port}`);
  await writeFile(`${files}_known`, `[127.0.0.1]:${port} ${hostKey.publicKey}\n`);
  await writeFile(
    files,
    `Host faulty
  HostName 127.0.0.1
  Port ${port}
  User anyone
  IdentityFile none
  IdentityAgent none
  UserKnownHostsFile ${files}_known
  GlobalKnownHostsFile none
`,
  );
  return {
    port,
    configFile: files,
    async [Symbol.asyncDispose]() {
      front.close();
      for (const socket of sockets.values()) socket.destroy();
      await once(front, "close");
    },
  };
}

/** A TCP server that does with each connection what it is told; for those who never get as far as SSH. */
export async function startTcpServer(
  onConnection: (socket: Socket) => void,
): Promise<AsyncDisposable & { readonly port: number }> {
  const sockets = new Set<Socket>();
  const server = createServer((socket) => {
    sockets.add(socket);
    socket.on("error", () => undefined);
    onConnection(socket);
  });
  const port = await listen(server);
  return {
    port,
    async [Symbol.asyncDispose]() {
      server.close();
      for (const socket of sockets) socket.destroy();
      await once(server, "close");
    },
  };
}

/** Runs `onExec` for every command a client starts. */
export function acceptCommands(client: Connection, onExec: (channel: ServerChannel, command: string) => void): void {
  client.on("session", (accept) => {
    accept().on("exec", (acceptExec, _reject, { command }) => {
      onExec(acceptExec(), command);
    });
  });
}

async function listen(server: Server): Promise<number> {
  server.listen(0, "127.0.0.1");
  await once(server, "listening");
  return (server.address() as AddressInfo).port;
}
