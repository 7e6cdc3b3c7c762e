/**
 * What each event of `--json` looks like, in the words of its documentation: `docs/events.schema.json` and `docs/events.md`
 * are made from this. An event without a schema does not compile, nor does a field of another type.
 */
import { z } from "zod";
import { GOALS } from "#hive";
import type { RolloutEvent } from "#rollout";
import { OUTCOMES, STEPS } from "#rollout";
import type { EventOnWire } from "./on-wire.ts";

/** The version of the events' shape; it goes up when a reader would have to change. Fields and types may be added without. */
export const EVENTS_VERSION = 1;

const instant = z.iso.datetime().meta({ id: "instant", description: "ISO 8601, UTC, with milliseconds" });
const durationMs = z.number().describe("Milliseconds");
const host = z.string().describe("The host's name");
const rollback = z.literal(true).optional().describe("Present where the run takes hosts back to systems they had");
const goal = z.enum(GOALS).meta({ id: "goal", description: "What the run is to reach" });
const step = z
  .enum([...STEPS, "roll-back", "reboot"])
  .meta({ id: "step", description: "A step of a host; roll-back and reboot are in no plan" });
const storePath = z.string().describe("A store path");
const count = z.int().nonnegative();

const error = z
  .strictObject({
    code: z.string().describe("Stable; all codes are in errors.md"),
    message: z.string(),
    hint: z.string().optional().describe("What can be done about it"),
    host: host.optional(),
    cause: z.string().optional().describe("What was behind it"),
  })
  .meta({ id: "error", description: "What went wrong" });

const copy = z
  .strictObject({ paths: count, pathsTotal: count, bytes: count, bytesTotal: count })
  .meta({ id: "copy", description: "How far a copy is; totals are of what the host lacks" });

const baseline = z
  .strictObject({
    failedUnits: z.array(z.string()).optional().describe("Units in state failed, where the host could tell"),
    answers: z.array(
      z
        .strictObject({ check: z.string(), passed: z.boolean(), seen: z.string() })
        .meta({ id: "answer", description: "What a check said" }),
    ),
  })
  .meta({ id: "baseline", description: "Checks that passed before must pass again after going back" });

const hostBefore = z
  .strictObject({
    bootId: z.string().describe("Of the boot it was in"),
    secrets: z.int().optional().describe("The generation of secrets it used"),
    baseline,
  })
  .meta({ id: "hostBefore", description: "What a host is judged by after it was changed" });

const names = z.array(z.string());

const packageChange = z
  .strictObject({
    name: z.string().describe("`{host}` in it stands for the host's own name"),
    kind: z.enum(["up", "down", "changed", "added", "removed", "rebuilt"]),
    from: names.describe("Versions that are gone, the earliest first; the empty one stands for none in the name"),
    to: names.describe("Versions that have come"),
    sizeDelta: z.int().describe("Bytes that all its paths together are larger than before"),
  })
  .meta({
    id: "packageChange",
    description:
      "What becomes of a package: a later or an earlier version, one more or one less, versions of which none is the later, or other paths of the same versions",
  });

const knownChange = z
  .strictObject({
    packages: z.array(packageChange).optional(),
    units: z
      .strictObject({ stop: names, reload: names, restart: names, start: names })
      .meta({ id: "unitActions", description: "Units, by what is done to them" })
      .optional()
      .describe("As planned, or as the host said that it did"),
    said: names
      .optional()
      .describe("What the host's switch-to-configuration said that it would do, where a plan asked it"),
    hooks: z
      .strictObject({ before: names, after: names })
      .meta({ id: "hooks", description: "Commands that are run before and after all else" })
      .optional(),
    etc: z
      .strictObject({ added: names, changed: names, removed: names })
      .meta({ id: "etcChanges", description: "Paths below /etc" })
      .optional(),
    secrets: z
      .strictObject({
        added: names,
        changed: names.describe("Others, or had in another way; without a plan also those that are new beside others"),
        mayChange: names.describe("Of a plan: opened by the operator, so that only their opening tells"),
        broughtAgain: names.describe("Of a plan: gone since a reboot"),
        removed: names.describe("Of a plan"),
      })
      .meta({ id: "secretsChange", description: "Names of secrets, by what becomes of them" })
      .optional(),
    reboot: z.string().optional().describe("Of a plan: why the host needs one"),
  })
  .meta({ id: "change", description: "What becomes of a host's system; a part that is not known is left out" });

const history = {
  host,
  from: storePath.optional().describe("The system it ran before, as far as that is known"),
  to: storePath.optional().describe("The system it was to run, if that could be made"),
  generation: z.int().optional().describe("The profile's generation that is the default now, where this run set it"),
  secretsFrom: z.int().optional().describe("The generation of secrets it used before"),
  secretSetFrom: z.string().optional().describe("The id of the set of secrets it used before, or `none`"),
  bootFrom: z.string().optional().describe("The boot id it had then: generations of secrets end with their boot"),
  durationMs,
  logins: count.describe("SSH logins that were opened"),
  copiedPaths: count,
  copiedBytes: count,
  notices: z.array(z.string()).describe("What there is to know although nothing failed"),
};

const hostReport = z
  .union([
    z.strictObject({ ...history, outcome: z.enum(["deployed", "unchanged"]) }),
    z.strictObject({ ...history, outcome: z.literal("skipped"), reason: z.string() }),
    z.strictObject({ ...history, outcome: z.enum(["failed", "rolled-back", "stranded"]), error }),
  ])
  .meta({ id: "hostReport", description: `How a host ended: ${OUTCOMES.join(", ")}` });

const runReport = z
  .strictObject({
    run: z.string(),
    goal,
    rollback,
    startedAt: instant,
    durationMs,
    hosts: z.array(hostReport).describe("In the order of their waves"),
    interrupted: z.boolean().describe("Whether the operator stopped it"),
  })
  .meta({ id: "runReport", description: "How a run ended" });

/** Each event's schema, by type. They take nothing that they do not know; what is published from them does. */
export const eventSchemas = {
  "run-started": z
    .strictObject({
      type: z.literal("run-started"),
      at: instant,
      v: z.literal(EVENTS_VERSION).describe("The version of these events"),
      run: z.string().describe("The run's name"),
      goal,
      rollback,
      planning: z
        .literal(true)
        .optional()
        .describe("Present where such a run is only planned: no host comes to an end"),
      operator: z.string().optional().describe("Who deploys, as `user@machine`"),
      revision: z.string().optional().describe("The git commit that is deployed; that of a plan that was made before"),
      dirty: z.boolean().optional().describe("Whether what is deployed had changes that were not committed"),
      hive: z.string().describe("The hive's name"),
      hosts: z.array(host).describe("In the order of the hive"),
      steps: z.array(step).describe("What each host goes through, in order"),
      waves: z
        .array(
          z
            .strictObject({ name: z.string(), hosts: z.array(host) })
            .meta({ id: "wave", description: "Hosts that go together" }),
        )
        .optional()
        .describe("In the order they go; of a run that is resumed they are told as they begin"),
    })
    .describe("The first event of a run"),
  "wave-started": z
    .strictObject({
      type: z.literal("wave-started"),
      at: instant,
      wave: z.string(),
      number: count.describe("Its place among the waves of the run, from 1 up"),
      of: count.describe("How many waves the run has"),
      hosts: z.array(host),
    })
    .describe("A wave begins; only of runs with more than one"),
  "wave-finished": z
    .strictObject({
      type: z.literal("wave-finished"),
      at: instant,
      wave: z.string(),
      stopped: z.string().optional().describe("Why no later wave is begun"),
    })
    .describe("All hosts of a wave have ended"),
  "step-started": z.strictObject({ type: z.literal("step-started"), at: instant, host, step }),
  "step-progress": z
    .strictObject({
      type: z.literal("step-progress"),
      at: instant,
      host,
      step,
      message: z.string().optional().describe("What is going on, for people"),
      until: instant.optional().describe("When what the message says is over: the end of a soak"),
      copy: copy.optional(),
    })
    .describe("A step goes on"),
  "step-finished": z.strictObject({ type: z.literal("step-finished"), at: instant, host, step, durationMs }),
  "step-failed": z
    .strictObject({ type: z.literal("step-failed"), at: instant, host, step, durationMs, error })
    .describe("What it means for the host is told by its host-finished"),
  baseline: z
    .strictObject({
      type: z.literal("baseline"),
      at: instant,
      host,
      run: z.string().describe("The agent's run: a way back has one of its own"),
      before: hostBefore,
    })
    .describe("How a host was before an agent was started on it"),
  changes: z
    .strictObject({
      type: z.literal("changes"),
      at: instant,
      host,
      id: z.string().describe("The same change of several hosts has one, also in other runs"),
      change: knownChange.optional().describe("With the first host that it is for"),
    })
    .describe(
      "What changes on a host that is not as wanted, around its end; also where it then goes back. Of a deployment without a plan as far as it can be found out beside it",
    ),
  log: z
    .strictObject({ type: z.literal("log"), at: instant, host: host.optional(), step, line: z.string() })
    .describe("A line that the evaluator (for many hosts), a builder or a host printed, as it was printed"),
  notice: z
    .strictObject({ type: z.literal("notice"), at: instant, host: host.optional(), message: z.string() })
    .describe("Something to know although nothing failed; without a host it is about the run"),
  interrupted: z
    .strictObject({
      type: z.literal("interrupted"),
      at: instant,
      leave: z.boolean().describe("Whether hosts under way are left to their agents"),
    })
    .describe("The operator asked to stop"),
  "host-finished": z
    .strictObject({ type: z.literal("host-finished"), at: instant, host, report: hostReport })
    .describe("A host ended; one that is taken back later ends once more, and the last one counts"),
  "run-finished": z
    .strictObject({ type: z.literal("run-finished"), at: instant, report: runReport })
    .describe("The last event"),
} as const satisfies { readonly [Type in RolloutEvent["type"]]: z.ZodType<EventOnWire<Type>> };

/** The JSON Schema of an event. It takes fields that are added later; types that are added later a reader passes over. */
export function eventsJsonSchema(): object {
  const schema = z.toJSONSchema(z.union(Object.values(eventSchemas)), {
    override: ({ jsonSchema }) => {
      delete jsonSchema.additionalProperties;
    },
  });
  return { ...schema, title: "An event of skep deploy --json" };
}
