import { isIP } from "node:net";
import { z } from "zod";
import type { HeaderExpectation, HttpCheck, TlsExpectations } from "../hive.ts";
import { isHost } from "../host/target.ts";
import { exactly, oneOf, port, text, whole } from "../words.ts";

const MAX_BODY_LENGTH = 65_536;
const MAX_DAYS = 3_650;

const statusCode = whole(100, 599);
const pem = text('a certificate in PEM, "-----BEGIN CERTIFICATE-----" and so on', (value) =>
  /-----BEGIN CERTIFICATE-----[\s\S]+-----END CERTIFICATE-----/.test(value),
);
const headerText = text("text of one line that a header can have", (value) => value !== "" && !/[\r\n\0]/.test(value));

const tlsSchema = exactly(
  {
    minDaysLeft: whole(0, MAX_DAYS).optional(),
    servername: text('a DNS name such as "www.example.org"', (value) => isHost(value) && isIP(value) === 0).optional(),
    ca: z
      .union([pem, z.array(pem).min(1, { error: "a certificate in PEM, or a list of them" })], {
        error: "a certificate in PEM, or a list of them",
      })
      .optional(),
    fingerprint: text('a SHA-256 fingerprint such as "A1:B2:…" of 32 bytes in hexadecimal', (value) =>
      /^[\da-f]{64}$/i.test(value.replaceAll(":", "")),
    ).optional(),
  },
  "expectations of a certificate",
);

/** The keys of an http check beside those of every check. */
export const httpShape = {
  url: text('a URL such as "https://web.example.org/healthz", without a password in it', isWebUrl).optional(),
  port: port.optional(),
  path: text('a path such as "/healthz"', (value) => /^\/[\x21\x22\x24-\x7e]*$/.test(value)).optional(),
  method: oneOf(["GET", "HEAD"]).optional(),
  status: z
    .union([statusCode, z.array(statusCode).min(1, { error: "a status from 100 to 599, or a list of them" })], {
      error: "a status from 100 to 599, or a list of them",
    })
    .optional(),
  headers: z
    .record(
      text("the name of a header", (value) => /^[\w!#$%&'*+.^`|~-]+$/.test(value)),
      z.union([headerText, exactly({ equals: headerText }, '{ equals: "…" }')], {
        error: 'text that the header must contain, or { equals: "…" }',
      }),
      { error: "headers by name, as an object" },
    )
    .optional(),
  body: text(
    `text of 1 to ${MAX_BODY_LENGTH} characters`,
    ({ length }) => length > 0 && length <= MAX_BODY_LENGTH,
  ).optional(),
  tls: tlsSchema.optional(),
};

/** An http check as it is written, its values read. */
export type HttpRead = z.output<z.ZodObject<typeof httpShape>> & {
  readonly name?: string | undefined;
  readonly from?: "operator" | "host" | undefined;
};

type Timing = Pick<HttpCheck, "periodMs" | "timeoutMs" | "deadlineMs" | "passes" | "failures" | "required">;

/** Refuses what cannot go together. */
export function refuseOddHttp(check: HttpRead, context: z.core.$RefinementCtx): void {
  const refuse = (key: keyof HttpRead, message: string): void => {
    if (check[key] !== undefined) context.addIssue({ code: "custom", path: [key], message, input: check[key] });
  };
  if (check.url !== undefined) {
    refuse("port", "no port beside a url");
    refuse("path", "no path beside a url");
    if (!check.url.toLowerCase().startsWith("https:")) refuse("tls", "no tls beside a url that is not https");
  }
  if (check.method === "HEAD") refuse("body", "no body, which the answer to a HEAD request has not");
}

export function makeHttp(check: HttpRead, timing: Timing): HttpCheck {
  const { url, path = "/", method = "GET", status, body, from = "operator" } = check;
  const tls = check.tls && tlsOf(check.tls);
  const portNumber = check.port ?? (tls === undefined ? 80 : 443);
  const scheme = tls === undefined ? "http" : "https";
  const name = check.name ?? `${url === undefined ? scheme : "http"} ${url ?? `:${portNumber}${path}`}`;
  const headers = headersOf(check.headers ?? {});
  return { kind: "http", name, url, port: portNumber, path, method, status, headers, body, tls, from, ...timing };
}

function headersOf(headers: Readonly<Record<string, string | { readonly equals: string }>>): HeaderExpectation[] {
  return Object.entries(headers).map(([name, wanted]) => {
    const lower = name.toLowerCase();
    return typeof wanted === "string" ? { name: lower, contains: wanted } : { name: lower, equals: wanted.equals };
  });
}

function tlsOf({ minDaysLeft = 0, servername, ca, fingerprint }: z.output<typeof tlsSchema>): TlsExpectations {
  return {
    minDaysLeft,
    servername,
    ca: typeof ca === "string" ? [ca] : ca,
    fingerprint: fingerprint?.replaceAll(":", "").toLowerCase(),
  };
}

function isWebUrl(value: string): boolean {
  if (/\s/.test(value) || !URL.canParse(value)) return false;
  const { protocol, username, password } = new URL(value);
  return (protocol === "http:" || protocol === "https:") && username === "" && password === "";
}
