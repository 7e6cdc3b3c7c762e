import { timingSafeEqual } from "node:crypto";
import type { Server, Socket } from "node:net";
import { createServer } from "node:net";
import type { AuthContext, Connection, ParsedKey } from "ssh2";
import ssh2 from "ssh2";
import { SandboxError } from "../errors.ts";
import { forwardTo, isOwnAddress } from "./forward.ts";
import type { KeyPair } from "./keys.ts";
import type { CommandPlace } from "./run-session.ts";
import { serveSessions } from "./serve-sessions.ts";

/** sshd's LoginGraceTime is two minutes; on one machine nobody is that slow. */
const LOGIN_GRACE_MS = 30_000;
/** sshd's MaxAuthTries. */
const MAX_LOGIN_TRIES = 6;

export interface SshServerOptions {
  readonly hostName: string;
  readonly hostKey: KeyPair;
  /** Taken if it is free. */
  readonly wantedPort: number | undefined;
  readonly user: string;
  /** The one public key that may log in. */
  readonly authorizedKey: string;
  readonly place: CommandPlace;
  /** The loopback port that stands for a port of the host. */
  readonly portOf: (port: number) => Promise<number>;
}

/** The sshd of one sandbox host, on a loopback port. */
export interface SshServer extends AsyncDisposable {
  readonly port: number;
  /** Breaks every connection, as a cable that is pulled and put back. */
  cutConnections(): void;
  /** While held: no key is accepted. */
  refuseLogins(): Disposable;
  /** While held: nothing is read or answered, and nothing is closed. */
  freeze(): Disposable;
  /** While held: nothing listens, every connection is cut. */
  goDown(): Disposable;
}

export async function startSshServer(options: SshServerOptions): Promise<SshServer> {
  const sockets = new Set<Socket>();
  const held = { refusing: 0, frozen: 0, down: 0 };
  const waiting = new Set<Socket>();
  const server = new ssh2.Server({ hostKeys: [options.hostKey.privateKey] }, (connection) => {
    serveConnection(connection, options, () => held.refusing > 0);
  });
  const admit = (socket: Socket): void => {
    server.injectSocket(socket);
  };
  const listener = createServer({ noDelay: true }, (socket) => {
    if (held.down > 0) {
      socket.destroy();
      return;
    }
    socket.on("error", () => undefined);
    sockets.add(socket);
    socket.once("close", () => {
      sockets.delete(socket);
      waiting.delete(socket);
    });
    if (held.frozen > 0) waiting.add(socket);
    else admit(socket);
  });
  const port = await listen(listener, options);
  const cutConnections = (): void => {
    for (const socket of sockets) socket.destroy();
  };
  const hold = (what: keyof typeof held, release?: () => void): Disposable => {
    held[what] += 1;
    let isHeld = true;
    return {
      [Symbol.dispose]() {
        if (!isHeld) return;
        isHeld = false;
        held[what] -= 1;
        if (held[what] === 0) release?.();
      },
    };
  };
  return {
    port,
    cutConnections,
    refuseLogins: () => hold("refusing"),
    goDown() {
      cutConnections();
      return hold("down");
    },
    freeze() {
      for (const socket of sockets) {
        socket.pause();
        socket.cork();
      }
      return hold("frozen", () => {
        for (const socket of sockets) {
          if (waiting.delete(socket)) admit(socket);
          else {
            socket.uncork();
            socket.resume();
          }
        }
      });
    },
    async [Symbol.asyncDispose]() {
      const closed = new Promise((resolve) => listener.close(resolve));
      cutConnections();
      await closed;
    },
  };
}

async function listen(listener: Server, { hostName, wantedPort }: SshServerOptions): Promise<number> {
  if (wantedPort !== undefined) {
    try {
      return await listenOn(wantedPort, listener);
    } catch {
      // Somebody else has it by now.
    }
  }
  try {
    return await listenOn(0, listener);
  } catch (cause) {
    throw new SandboxError("sandbox/start", `listening for SSH on 127.0.0.1 for ${hostName}`, { cause });
  }
}

function listenOn(port: number, listener: Server): Promise<number> {
  return new Promise((resolve, reject) => {
    listener.once("error", reject);
    listener.listen({ host: "127.0.0.1", port }, () => {
      listener.off("error", reject);
      const address = listener.address();
      resolve(typeof address === "object" && address !== null ? address.port : 0);
    });
  });
}

function serveConnection(connection: Connection, options: SshServerOptions, isRefusing: () => boolean): void {
  connection.on("error", () => undefined);
  const grace = setTimeout(() => {
    connection.end();
  }, LOGIN_GRACE_MS);
  grace.unref();
  connection.once("close", () => {
    clearTimeout(grace);
  });
  const key = parseKey(options.authorizedKey);
  let tries = 0;
  connection.on("authentication", (context) => {
    if (!isRefusing() && mayLogIn(context, { user: options.user, key })) {
      context.accept();
      return;
    }
    if (context.method !== "none") tries += 1;
    if (tries >= MAX_LOGIN_TRIES) connection.end();
    else context.reject(["publickey"]);
  });
  connection.once("ready", () => {
    clearTimeout(grace);
    serveSessions(connection, { place: options.place, hostName: options.hostName });
    connection.on("tcpip", (accept, reject, { destIP, destPort }) => {
      if (!isOwnAddress(destIP, options.hostName)) {
        reject();
        return;
      }
      options.portOf(destPort).then(
        (port) => {
          forwardTo(port, { accept, reject });
        },
        () => {
          reject();
        },
      );
    });
  });
}

/** Accepts a key that is asked about when it is the right one, and a login when its signature is right too. */
function mayLogIn(context: AuthContext, { user, key }: { readonly user: string; readonly key: ParsedKey }): boolean {
  if (context.method !== "publickey" || context.username !== user) return false;
  const wanted = key.getPublicSSH();
  if (context.key.algo !== key.type || context.key.data.length !== wanted.length) return false;
  if (!timingSafeEqual(context.key.data, wanted)) return false;
  if (context.signature === undefined) return true;
  if (context.blob === undefined) return false;
  // An Error comes back for a signature that cannot be read.
  const verdict: unknown = key.verify(context.blob, context.signature, context.hashAlgo);
  return verdict === true;
}

function parseKey(text: string): ParsedKey {
  const key = ssh2.utils.parseKey(text);
  if (key instanceof Error) throw new SandboxError("sandbox/start", `reading the client's key: ${key.message}`);
  return key;
}
