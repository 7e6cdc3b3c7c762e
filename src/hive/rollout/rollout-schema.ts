import { z } from "zod";
import { duration, either, exactly, line, oneOf } from "../words.ts";
import { amountExpected, parseAmount, writeAmount } from "./amount.ts";
import { gateSchema } from "./gate-schema.ts";
import type { Amount, Gate, OnFailure } from "./rollout-policy.ts";

/** What is left over, as a wave's name and as the word for it. */
export const REST = "rest";

/** `RolloutInput`, with durations in milliseconds and amounts taken apart. */
export type RolloutRead = z.output<typeof rolloutSchema>;

/** A wave by itself: nothing of what it leaves to the rollout is filled in. */
export interface WaveRead {
  readonly name?: string | undefined;
  /** Undefined: any. */
  readonly hosts?: string | undefined;
  /** Undefined: all. */
  readonly size?: Amount | undefined;
  readonly soak?: number | undefined;
  readonly pause?: number | undefined;
  readonly maxFailures?: Amount | undefined;
  readonly maxUnavailable?: Amount | undefined;
  readonly gate?: Gate | undefined;
}

export const ON_FAILURE = ["stop", "revert-wave", "revert-run"] as const satisfies readonly OnFailure[];

const selection = line('a selection such as "@canary"');
const wait = duration(0).optional();

const waveObject = exactly(
  {
    name: line("a name of one line, at most 100 characters", { maxLength: 100 }).optional(),
    hosts: selection.optional(),
    size: amount(1).optional(),
    soak: wait,
    pause: wait,
    maxFailures: amount(0).optional(),
    maxUnavailable: amount(1).optional(),
    gate: gateSchema.optional(),
  },
  'a wave such as "@canary", 1, "10%", "rest" or { hosts: "@web", soak: "5m" }',
)
  .superRefine(({ hosts, size }, context) => {
    if (!isRest(hosts) || size === undefined) return;
    context.addIssue({
      code: "custom",
      path: ["size"],
      message: `"${REST}" without a size, for it takes all that is left`,
      input: writeAmount(size),
    });
  })
  .transform((wave): WaveRead => ({ ...wave, hosts: isRest(wave.hosts) ? undefined : wave.hosts }));

const wholeWave = selection.transform((hosts): WaveRead => (isRest(hosts) ? {} : { hosts }));
const sizedWave = amount(1).transform((size): WaveRead => ({ size }));

const waveSchema = either<WaveRead>((value) => {
  if (typeof value === "number") return sizedWave;
  if (typeof value !== "string") return waveObject;
  return value.trim().endsWith("%") ? sizedWave : wholeWave;
});

const unavailableSchema = either<Readonly<Record<string, Amount>>>((value) =>
  typeof value === "object" && value !== null
    ? z
        .record(z.string(), amount(1), {
          error: 'an amount such as 2 or "25%", or amounts by selection such as { "*": "25%", "@db": 1 }',
        })
        .refine((bounds) => Object.keys(bounds).length > 0, { error: 'a bound such as { "@db": 1 }' })
    : amount(1).transform((most) => ({ "*": most })),
);

export const rolloutSchema = exactly(
  {
    waves: z.array(waveSchema, { error: 'a list of waves such as ["@canary", "10%", "rest"]' }).optional(),
    soak: wait,
    pause: wait,
    maxUnavailable: unavailableSchema.optional(),
    maxFailures: amount(0).optional(),
    order: z
      .array(z.tuple([selection, selection], { error: 'a pair of selections such as ["@db", "@web"]' }), {
        error: 'a list of pairs such as [["@db", "@web"]]',
      })
      .optional(),
    onFailure: oneOf(ON_FAILURE).optional(),
  },
  'an object such as { waves: ["@canary"] }',
);

function isRest(hosts: string | undefined): boolean {
  return hosts?.trim() === REST;
}

function amount(least: 0 | 1): z.ZodType<Amount> {
  const error = amountExpected(least);
  return z
    .custom<string | number>((value) => typeof value === "string" || typeof value === "number", { error })
    .transform((value, context) => {
      const read = parseAmount(value, { least });
      if (read !== undefined) return read;
      context.addIssue({ code: "custom", message: error, input: value });
      return z.NEVER;
    });
}
