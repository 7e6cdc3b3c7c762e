import { randomInt } from "node:crypto";
import { createServer } from "node:net";
import { SandboxError } from "./errors.ts";

/** Below the ranges that Linux and macOS take the ports of outgoing connections from. */
const FIRST = 20_000;
const LAST = 32_000;
const TRIES = 200;

/** Ports given out in this process, bound by now or not. */
const taken = new Set<number>();

/**
 * The ports of one sandbox host. All hosts share this machine's loopback, so each port a host speaks of has a
 * stand-in: a free loopback port that is the host's own for as long as it lives.
 */
export interface PortMap extends Disposable {
  /** The loopback port that stands for a port of the host; the same one each time. */
  portOf(port: number): Promise<number>;
}

export function createPortMap(): PortMap {
  const ports = new Map<number, Promise<number>>();
  const own: number[] = [];
  return {
    portOf(port) {
      const known = ports.get(port);
      if (known !== undefined) return known;
      const found = findFreePort().then((free) => {
        own.push(free);
        return free;
      });
      ports.set(port, found);
      return found;
    },
    [Symbol.dispose]() {
      for (const port of own) taken.delete(port);
    },
  };
}

async function findFreePort(): Promise<number> {
  for (let tries = 0; tries < TRIES; tries += 1) {
    const port = randomInt(FIRST, LAST);
    if (taken.has(port)) continue;
    taken.add(port);
    if (await canListen(port)) return port;
    taken.delete(port);
  }
  throw new SandboxError("sandbox/port", `no free port on 127.0.0.1 was found in ${TRIES} tries`, {
    hint: "is something holding thousands of ports open?",
  });
}

/** Services may listen on every address, so that is what is tried. */
function canListen(port: number): Promise<boolean> {
  return new Promise((resolve) => {
    const server = createServer();
    server.once("error", () => {
      resolve(false);
    });
    server.listen(port, () => {
      server.close(() => {
        resolve(true);
      });
    });
  });
}
