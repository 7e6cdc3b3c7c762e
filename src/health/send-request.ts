import { request as httpRequest } from "node:http";
import type { IncomingMessage, RequestOptions } from "node:http";
import { request as httpsRequest } from "node:https";
import { isIP } from "node:net";
import type { Duplex } from "node:stream";
import { connect as tlsConnect } from "node:tls";
import type { ConnectionOptions } from "node:tls";
import type { CheckedHost } from "./checked-host.ts";

export interface SendRequestOptions {
  readonly signal: AbortSignal;
  /** The connection to use; undefined: a new one from this machine. */
  readonly through?: Duplex | undefined;
  readonly method: string;
  readonly headers?: Readonly<Record<string, string>> | undefined;
  readonly body?: string | Uint8Array | undefined;
  readonly tls?: RequestTls | undefined;
}

export interface RequestTls {
  /** The name to ask for and to find in the certificate; undefined: the URL's host. */
  readonly servername?: string | undefined;
  /** Certificates in PEM to trust; undefined: those Node trusts. */
  readonly ca?: readonly string[] | undefined;
  /** Whether any certificate will do, because the caller looks at it. */
  readonly anyCertificate?: boolean | undefined;
}

/** Sends one request over a connection of its own and waits for the head of the answer. */
export function sendRequest(
  url: URL,
  { signal, through, method, headers, body, tls = {} }: SendRequestOptions,
): Promise<IncomingMessage> {
  const secure = url.protocol === "https:";
  const name = tls.servername ?? hostOf(url);
  const secureOptions: ConnectionOptions = {
    // Server name indication knows no addresses; the certificate is compared with `host` then.
    servername: isIP(name) === 0 ? name : "",
    host: name,
    rejectUnauthorized: tls.anyCertificate !== true,
    ...(tls.ca === undefined ? {} : { ca: [...tls.ca] }),
  };
  const options: RequestOptions = {
    signal,
    method,
    headers: { "user-agent": "skep", connection: "close", ...headers },
    ...(secure ? secureOptions : {}),
    ...connectionFor(through, secure ? secureOptions : undefined),
  };
  return new Promise((resolve, reject) => {
    const request = (secure ? httpsRequest : httpRequest)(url, options);
    request.once("response", resolve);
    request.once("error", reject);
    request.end(body);
  });
}

/** Opens the connection for a request that starts on the host. */
export function openFromHost(url: URL, host: CheckedHost, signal: AbortSignal): Promise<Duplex> {
  const port = Number(url.port || (url.protocol === "https:" ? 443 : 80));
  return host.forward({ host: hostOf(url), port }, { signal });
}

/** The body, or as much of its beginning as `limit` bytes. */
export async function readBody(answer: IncomingMessage, limit: number): Promise<Buffer> {
  const chunks: Buffer[] = [];
  let size = 0;
  for await (const chunk of answer as AsyncIterable<Buffer>) {
    chunks.push(chunk);
    size += chunk.length;
    if (size >= limit) break;
  }
  return Buffer.concat(chunks).subarray(0, limit);
}

function connectionFor(through: Duplex | undefined, secure: ConnectionOptions | undefined): RequestOptions {
  // With `agent: false`, Node would make a connection of its own and not ask for ours.
  if (through === undefined) return { agent: false };
  const connection = secure === undefined ? through : tlsConnect({ ...secure, socket: through });
  return { createConnection: () => connection };
}

/** Without the brackets of an IPv6 address. */
function hostOf(url: URL): string {
  return url.hostname.replace(/^\[|\]$/g, "");
}
