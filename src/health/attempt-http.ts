import { request as httpRequest } from "node:http";
import type { IncomingMessage } from "node:http";
import { request as httpsRequest } from "node:https";
import type { Duplex } from "node:stream";
import { connect as tlsConnect } from "node:tls";
import type { HttpCheck } from "#hive";
import type { Answer, CheckedHost } from "./attempt.ts";

const BODY_LIMIT = 64 * 1024;

export async function attemptHttp(check: HttpCheck, host: CheckedHost, signal: AbortSignal): Promise<Answer> {
  const url = new URL(check.url ?? `http://${addressIn(check, host)}:${check.port}${check.path}`);
  const through = check.from === "host" ? await openFromHost(url, host, signal) : undefined;
  const response = await get(url, through, signal);
  const status = response.statusCode ?? 0;
  const passed = check.status === undefined ? status >= 200 && status <= 299 : status === check.status;
  if (!passed || check.body === undefined) {
    response.destroy();
    return { passed, seen: `status ${status}` };
  }
  const body = await readStart(response);
  if (body.includes(check.body)) return { passed: true, seen: `status ${status}` };
  return { passed: false, seen: `status ${status}, body without ${JSON.stringify(check.body)}` };
}

function addressIn(check: HttpCheck, host: CheckedHost): string {
  const address = check.from === "host" ? "127.0.0.1" : host.address;
  return address.includes(":") ? `[${address}]` : address;
}

function openFromHost(url: URL, host: CheckedHost, signal: AbortSignal): Promise<Duplex> {
  const port = Number(url.port || (url.protocol === "https:" ? 443 : 80));
  return host.forward({ host: url.hostname.replace(/^\[|\]$/g, ""), port }, { signal });
}

function get(url: URL, through: Duplex | undefined, signal: AbortSignal): Promise<IncomingMessage> {
  const secure = url.protocol === "https:";
  const connection =
    through !== undefined && secure ? tlsConnect({ socket: through, servername: url.hostname }) : through;
  return new Promise((resolve, reject) => {
    const request = (secure ? httpsRequest : httpRequest)(url, {
      signal,
      headers: { "user-agent": "skep", connection: "close" },
      // With `agent: false`, Node would make a connection of its own and not ask for ours.
      ...(connection === undefined ? { agent: false } : { createConnection: () => connection }),
    });
    request.once("response", resolve);
    request.once("error", reject);
    request.end();
  });
}

async function readStart(response: IncomingMessage): Promise<string> {
  const chunks: Buffer[] = [];
  let size = 0;
  for await (const chunk of response as AsyncIterable<Buffer>) {
    chunks.push(chunk);
    size += chunk.length;
    if (size >= BODY_LIMIT) break;
  }
  return Buffer.concat(chunks).subarray(0, BODY_LIMIT).toString("utf8");
}
