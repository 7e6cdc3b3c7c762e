import { isIP } from "node:net";
import { basename } from "node:path";
import { z } from "zod";
import type { BaselineCheck, Check, CommandCheck, CustomCheck, TcpCheck, UnitCheck } from "../hive.ts";
import { isHost } from "../host/target.ts";
import { isGlob, parseGlob } from "../selection/glob.ts";
import { duration, exactly, line, oneOf, port, quotedList, text, whole, writeDuration, yesOrNo } from "../words.ts";
import type { CheckFunction } from "./check-function.ts";
import { httpShape, makeHttp, refuseOddHttp } from "./http-check-schema.ts";

const PERIOD_MS = 1_000;
const TIMEOUT_MS = 5_000;
const DEADLINE_MS = 60_000;
const FAILURES = 3;
const UNIT_TYPES = /\.(?:service|socket|target|timer|mount|automount|path|slice|scope|swap|device)$/;

const name = line("a name of one line, at most 100 characters", { maxLength: 100 });
const timing = {
  name: name.optional(),
  period: duration(10).optional(),
  timeout: duration(100).optional(),
  deadline: duration(100).optional(),
  passes: whole(1, 1_000).optional(),
  failures: whole(1, 1_000).optional(),
  required: yesOrNo.optional(),
};
const place = oneOf(["operator", "host"]).optional();
const program = z.string({ error: "a program" }).regex(/^[^\0]+$/, { error: "a program" });
const word = z.string({ error: "a word" }).refine((value) => !value.includes("\0"), { error: "a word without NUL" });

const http = exactly({ ...timing, ...httpShape, kind: z.literal("http"), from: place }, "an http check")
  .superRefine(refuseOddHttp)
  .superRefine(checkTiming)
  .transform((check) => makeHttp(check, timingOf(check)));

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

const baseline = exactly(
  {
    ...timing,
    kind: z.literal("baseline"),
    ignore: z.array(text('a unit or a glob such as "backup-*"', isUnitGlob), { error: "a list of units" }).optional(),
  },
  "a baseline check",
)
  .superRefine(checkTiming)
  .transform((check): BaselineCheck => {
    const ignore = (check.ignore ?? []).map((unitName) =>
      isGlob(unitName) || UNIT_TYPES.test(unitName) ? unitName : `${unitName}.service`,
    );
    return { kind: "baseline", name: check.name ?? "baseline", ignore, ...timingOf(check) };
  });

const custom = exactly(
  {
    ...timing,
    kind: z.literal("custom"),
    name,
    probe: z.custom<CheckFunction>((value) => typeof value === "function", {
      error: "a function that says whether the host is well",
    }),
  },
  "a check of one's own",
)
  .superRefine(checkTiming)
  .transform((check): CustomCheck => ({
    kind: "custom",
    name: check.name,
    probe: check.probe,
    ...timingOf(check),
  }));

const KINDS = ["http", "tcp", "unit", "command", "baseline", "custom"] as const;

/** A check as it is written → {@link Check}. A name that was not given is derived; it may not be the only one of its kind. */
export const checkSchema: z.ZodType<Check> = z
  .custom<object>((value) => typeof value === "object" && value !== null && "kind" in value, {
    error: "a check made by http(), tcp(), unit(), command(), baseline() or check()",
  })
  .pipe(z.discriminatedUnion("kind", [http, tcp, unit, command, baseline, custom], { error: quotedList(KINDS) }));

interface Timing {
  readonly period?: number | undefined;
  readonly timeout?: number | undefined;
  readonly deadline?: number | undefined;
  readonly passes?: number | undefined;
  readonly failures?: number | undefined;
  readonly required?: boolean | undefined;
}

function timingOf(timing: Timing) {
  const { period = PERIOD_MS, deadline = DEADLINE_MS, passes = 1, failures = FAILURES, required = false } = timing;
  const timeoutMs = timing.timeout ?? Math.min(TIMEOUT_MS, deadline);
  return { periodMs: period, timeoutMs, deadlineMs: deadline, passes, failures, required };
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

function isUnitGlob(value: string): boolean {
  return /^[\w:.\\@*?[\]!^-]{1,255}$/.test(value) && !("badSetAt" in parseGlob(value));
}
