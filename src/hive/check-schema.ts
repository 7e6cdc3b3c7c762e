import { isIP } from "node:net";
import { basename } from "node:path";
import { z } from "zod";
import type { Check, CommandCheck, HttpCheck, TcpCheck, UnitCheck } from "./hive.ts";
import { isHost } from "./target.ts";
import { duration, exactly, line, oneOf, port, quotedList, text, whole, writeDuration } from "./words.ts";

const PERIOD_MS = 1_000;
const TIMEOUT_MS = 5_000;
const DEADLINE_MS = 60_000;
const MAX_BODY_LENGTH = 65_536;
const UNIT_TYPES = /\.(?:service|socket|target|timer|mount|automount|path|slice|scope|swap|device)$/;

const timing = {
  name: line("a name of one line, at most 100 characters", { maxLength: 100 }).optional(),
  period: duration(10).optional(),
  timeout: duration(100).optional(),
  deadline: duration(100).optional(),
  passes: whole(1, 1_000).optional(),
};
const place = oneOf(["operator", "host"]).optional();
const program = z.string({ error: "a program" }).regex(/^[^\0]+$/, { error: "a program" });
const word = z.string({ error: "a word" }).refine((value) => !value.includes("\0"), { error: "a word without NUL" });

const http = exactly(
  {
    ...timing,
    kind: z.literal("http"),
    url: text('a URL such as "https://web.example.org/healthz", without a password in it', isWebUrl).optional(),
    port: port.optional(),
    path: text('a path such as "/healthz"', (value) => /^\/[\x21\x22\x24-\x7e]*$/.test(value)).optional(),
    status: whole(100, 599).optional(),
    body: text(
      `text of 1 to ${MAX_BODY_LENGTH} characters`,
      ({ length }) => length > 0 && length <= MAX_BODY_LENGTH,
    ).optional(),
    from: place,
  },
  "an http check",
)
  .superRefine((check, context) => {
    for (const key of ["port", "path"] as const) {
      if (check.url === undefined || check[key] === undefined) continue;
      context.addIssue({ code: "custom", path: [key], message: `no ${key} beside a url`, input: check[key] });
    }
  })
  .superRefine(checkTiming)
  .transform((check): HttpCheck => {
    const { url, port: portNumber = 80, path = "/", status, body, from = "operator" } = check;
    const name = check.name ?? `http ${url ?? `:${portNumber}${path}`}`;
    return { kind: "http", name, url, port: portNumber, path, status, body, from, ...timingOf(check) };
  });

const tcp = exactly(
  {
    ...timing,
    kind: z.literal("tcp"),
    port,
    address: text('an address or a DNS name such as "10.0.0.5"', isHost).optional(),
    from: place,
  },
  "a tcp check",
)
  .superRefine(checkTiming)
  .transform((check): TcpCheck => {
    const { port: portNumber, address, from = "operator" } = check;
    const shown = address !== undefined && isIP(address) === 6 ? `[${address}]` : (address ?? "");
    const name = check.name ?? `tcp ${shown}:${portNumber}`;
    return { kind: "tcp", name, port: portNumber, address, from, ...timingOf(check) };
  });

const unit = exactly(
  {
    ...timing,
    kind: z.literal("unit"),
    unit: text('the name of a systemd unit such as "nginx.service"', (value) => /^[\w:.\\@-]{1,255}$/.test(value)),
  },
  "a unit check",
)
  .superRefine(checkTiming)
  .transform((check): UnitCheck => {
    const unitName = UNIT_TYPES.test(check.unit) ? check.unit : `${check.unit}.service`;
    return { kind: "unit", name: check.name ?? `unit ${unitName}`, unit: unitName, ...timingOf(check) };
  });

const command = exactly(
  {
    ...timing,
    kind: z.literal("command"),
    argv: z.tuple([program], word, {
      error: 'a program and its arguments as a list of words such as ["pg_isready", "-q"]',
    }),
    on: oneOf(["host", "operator"]).optional(),
  },
  "a command check",
)
  .superRefine(checkTiming)
  .transform((check): CommandCheck => {
    const { argv, on = "host" } = check;
    return { kind: "command", name: check.name ?? `command ${basename(argv[0])}`, argv, on, ...timingOf(check) };
  });

/** A check as it is written → {@link Check}. A name that was not given is derived; it may not be the only one of its kind. */
export const checkSchema: z.ZodType<Check> = z
  .custom<object>((value) => typeof value === "object" && value !== null && "kind" in value, {
    error: "a check made by http(), tcp(), unit() or command()",
  })
  .pipe(
    z.discriminatedUnion("kind", [http, tcp, unit, command], {
      error: quotedList(["http", "tcp", "unit", "command"]),
    }),
  );

interface Timing {
  readonly period?: number | undefined;
  readonly timeout?: number | undefined;
  readonly deadline?: number | undefined;
  readonly passes?: number | undefined;
}

function timingOf({ period = PERIOD_MS, timeout, deadline = DEADLINE_MS, passes = 1 }: Timing) {
  return { periodMs: period, timeoutMs: timeout ?? Math.min(TIMEOUT_MS, deadline), deadlineMs: deadline, passes };
}

/** Refuses a check that can never pass in the time it has. */
function checkTiming(check: Timing, context: z.core.$RefinementCtx): void {
  const { periodMs, timeoutMs, deadlineMs, passes } = timingOf(check);
  const within = `within its deadline of ${writeDuration(deadlineMs)}`;
  if (timeoutMs > deadlineMs) {
    const message = `an attempt to end ${within}`;
    context.addIssue({ code: "custom", path: ["timeout"], message, input: writeDuration(timeoutMs) });
  }
  const mostPasses = Math.ceil(deadlineMs / periodMs);
  if (passes > mostPasses) {
    const message = `at most ${mostPasses}, which is what a period of ${writeDuration(periodMs)} leaves time for ${within}`;
    context.addIssue({ code: "custom", path: ["passes"], message, input: passes });
  }
}

function isWebUrl(value: string): boolean {
  if (/\s/.test(value) || !URL.canParse(value)) return false;
  const { protocol, username, password } = new URL(value);
  return (protocol === "http:" || protocol === "https:") && username === "" && password === "";
}
