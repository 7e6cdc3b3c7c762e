import type { CheckCommandResult, CheckContext, CheckFetchOptions, CustomCheck } from "#hive";
import type { Answer } from "./attempt.ts";
import type { CheckedHost } from "./checked-host.ts";
import { openFromHost, readBody, sendRequest } from "./send-request.ts";

const BODY_LIMIT = 16 * 1024 * 1024;
/** Answers that have no body, which a Response insists on. */
const BODILESS = new Set([204, 205, 304]);

export async function attemptCustom(check: CustomCheck, host: CheckedHost, signal: AbortSignal): Promise<Answer> {
  const verdict = await check.probe(contextOf(host, { signal, timeoutMs: check.timeoutMs }));
  if (verdict === false) return { passed: false, seen: "it says no" };
  if (typeof verdict === "string") return { passed: false, seen: verdict.trim() === "" ? "it says no" : verdict };
  return { passed: true, seen: "it says yes" };
}

function contextOf(
  host: CheckedHost,
  { signal, timeoutMs }: { readonly signal: AbortSignal; readonly timeoutMs: number },
): CheckContext {
  return {
    host: host.name,
    address: host.address,
    signal,
    async run(argv, { stdin } = {}): Promise<CheckCommandResult> {
      const { exit, stdout, stderr } = await host.runner.run(argv, { stdin, signal, timeoutMs });
      return { exitCode: exit.exitCode, stdout, stderr };
    },
    fetch: (url, options = {}) => fetchFromHost(urlOf(url), { ...options, host, signal }),
    forward: ({ host: to = "127.0.0.1", port }) => host.forward({ host: to, port }, { signal }),
  };
}

function urlOf(url: string | URL): URL {
  if (typeof url !== "string") return url;
  if (url.startsWith("/")) return new URL(`http://127.0.0.1${url}`);
  return new URL(url.startsWith(":") ? `http://127.0.0.1${url}` : url);
}

async function fetchFromHost(
  url: URL,
  {
    host,
    signal,
    method = "GET",
    headers,
    body,
    ca,
  }: CheckFetchOptions & { readonly host: CheckedHost; readonly signal: AbortSignal },
): Promise<Response> {
  const through = await openFromHost(url, host, signal);
  const tls = { ca: typeof ca === "string" ? [ca] : ca };
  const answer = await sendRequest(url, { signal, through, method, headers, body, tls });
  const status = answer.statusCode ?? 0;
  const content = await readBody(answer, BODY_LIMIT);
  const received = new Headers();
  for (const [name, values] of Object.entries(answer.headersDistinct)) {
    for (const value of values ?? []) received.append(name, value);
  }
  return new Response(BODILESS.has(status) ? null : new Uint8Array(content), {
    status,
    statusText: answer.statusMessage ?? "",
    headers: received,
  });
}
