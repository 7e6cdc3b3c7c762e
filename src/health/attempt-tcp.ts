import { once } from "node:events";
import { connect } from "node:net";
import type { TcpCheck } from "#hive";
import type { Answer } from "./attempt.ts";
import type { CheckedHost } from "./checked-host.ts";

export async function attemptTcp(check: TcpCheck, host: CheckedHost, signal: AbortSignal): Promise<Answer> {
  if (check.from === "host") {
    const stream = await host.forward({ host: check.address ?? "127.0.0.1", port: check.port }, { signal });
    stream.destroy();
  } else {
    const socket = connect({ host: check.address ?? host.address, port: check.port });
    try {
      await once(socket, "connect", { signal });
    } finally {
      socket.destroy();
    }
  }
  return { passed: true, seen: "accepted" };
}
