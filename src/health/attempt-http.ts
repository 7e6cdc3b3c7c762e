import type { IncomingMessage } from "node:http";
import type { HeaderExpectation, HttpCheck } from "#hive";
import type { Answer } from "./attempt.ts";
import type { CheckedHost } from "./checked-host.ts";
import { certificateOf, complainAboutCertificate } from "./certificate.ts";
import { openFromHost, readBody, sendRequest } from "./send-request.ts";

const BODY_LIMIT = 64 * 1024;

export async function attemptHttp(check: HttpCheck, host: CheckedHost, signal: AbortSignal): Promise<Answer> {
  const { tls } = check;
  const url = urlOf(check, host);
  const through = check.from === "host" ? await openFromHost(url, host, signal) : undefined;
  const asked = check.url === undefined ? tls?.servername : undefined;
  const response = await sendRequest(url, {
    signal,
    through,
    method: check.method,
    headers: asked === undefined ? undefined : { host: `${asked}${url.port === "" ? "" : `:${url.port}`}` },
    tls: tls && {
      servername: tls.servername,
      ca: tls.ca,
      anyCertificate: tls.fingerprint !== undefined && tls.ca === undefined,
    },
  });
  const complaints: string[] = [];
  if (tls !== undefined) {
    const certificate = certificateOf(response.socket);
    complaints.push(...complainAboutCertificate(certificate, { tls, now: Date.now() }));
  }
  const status = response.statusCode ?? 0;
  const isWanted = isWantedStatus(status, check.status);
  if (isWanted) complaints.push(...complainAboutHeaders(response, check.headers));
  // An error's page says nothing that its status has not said.
  if (isWanted && check.body !== undefined) {
    const body = (await readBody(response, BODY_LIMIT)).toString("utf8");
    if (!body.includes(check.body)) complaints.push(`body without ${JSON.stringify(check.body)}`);
  }
  response.destroy();
  return { passed: isWanted && complaints.length === 0, seen: [`status ${status}`, ...complaints].join(", ") };
}

/** What the check asks: its own URL, or one that is made of the host's address. */
export function urlOf(check: HttpCheck, host: CheckedHost): URL {
  if (check.url !== undefined) return new URL(check.url);
  const address = check.from === "host" ? "127.0.0.1" : host.address;
  const scheme = check.tls === undefined ? "http" : "https";
  return new URL(`${scheme}://${address.includes(":") ? `[${address}]` : address}:${check.port}${check.path}`);
}

function isWantedStatus(status: number, wanted: HttpCheck["status"]): boolean {
  if (wanted === undefined) return status >= 200 && status <= 299;
  return typeof wanted === "number" ? status === wanted : wanted.includes(status);
}

function complainAboutHeaders(response: IncomingMessage, wanted: readonly HeaderExpectation[]): string[] {
  return wanted.flatMap((expectation) => {
    const found = response.headersDistinct[expectation.name]?.join(", ");
    if (found === undefined) return [`no header ${expectation.name}`];
    const fits = "equals" in expectation ? found === expectation.equals : found.includes(expectation.contains);
    const but =
      "equals" in expectation
        ? `is not ${JSON.stringify(expectation.equals)}`
        : `lacks ${JSON.stringify(expectation.contains)}`;
    return fits ? [] : [`header ${expectation.name} ${but}: ${JSON.stringify(found.slice(0, 80))}`];
  });
}
