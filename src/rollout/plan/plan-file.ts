/**
 * The format of a plan's file: one JSON object, indented by two spaces and ended by a line feed, with the fields of
 * {@link FleetPlan} in their order and after them
 *
 *     digest      "sha256:<hex>" of the object's text without digest and signature
 *     signature   optional: an SSH signature (namespace `skep-plan`) of the text with the digest and without the signature
 *
 * A file is read only when it is, byte for byte, what would be written for what is in it.
 */
import { createHash } from "node:crypto";
import { jsonText } from "#core";
import { PLAN_GOALS } from "#hive";
import { isStorePath } from "#store";
import { PlanError } from "./errors.ts";
import type { FleetPlan } from "./fleet-plan.ts";

/** A plan as it was read. */
export interface PlanFile {
  readonly plan: FleetPlan;
  /** `sha256:<hex>`. */
  readonly digest: string;
  /** What a signature is made of. */
  readonly signedText: string;
  /** An armored SSH signature, which is yet to be verified. */
  readonly signature: string | undefined;
}

/** What is written, and what of it is signed. */
export function formatPlan(plan: FleetPlan, { signature }: { readonly signature?: string | undefined } = {}): string {
  const digested = { ...plan, digest: digestOf(plan) };
  return textOf(signature === undefined ? digested : { ...digested, signature });
}

/**
 * @param options.file what the errors call it.
 * @throws PlanError `rollout/plan-file`, `rollout/plan-altered`.
 */
export function parsePlan(text: string, { file }: { readonly file?: string | undefined } = {}): PlanFile {
  const value = parseObject(text, file);
  const { digest, signature, ...plan } = value;
  const isWhole = textOf(value) === text && digest === digestOf(plan);
  if (!isWhole) {
    throw new PlanError(
      "rollout/plan-altered",
      `${file ?? "the plan"} was altered after skep wrote it: its digest is another`,
      {
        hint: "make a new one with skep plan, and do not edit or reformat it",
      },
    );
  }
  if (!isPlan(plan) || (signature !== undefined && typeof signature !== "string")) {
    throw notAPlan("a field is missing", file);
  }
  return { plan, digest, signature, signedText: textOf({ ...plan, digest }) };
}

function textOf(value: object): string {
  return `${jsonText(value, 2)}\n`;
}

function digestOf(plan: object): string {
  return `sha256:${createHash("sha256").update(textOf(plan)).digest("hex")}`;
}

function parseObject(text: string, file: string | undefined): Readonly<Record<string, unknown>> {
  let value: unknown;
  try {
    value = JSON.parse(text);
  } catch {
    throw notAPlan("it is not JSON", file);
  }
  if (!isRecord(value) || value.kind !== "skep-plan") throw notAPlan("it is something else", file);
  if (value.v !== 1) throw notAPlan(`its version is ${String(value.v)}, and this is 1`, file);
  return value;
}

/** Its digest tells that skep wrote it, as long as nobody made one: what reaches programs is looked at all the same. */
function isPlan(value: Readonly<Record<string, unknown>>): value is Readonly<Record<string, unknown>> & FleetPlan {
  const { goal, id, hive, madeAt, revision, policy, waves, hosts, changes } = value;
  return (
    PLAN_GOALS.some((known) => known === goal) &&
    typeof id === "string" &&
    /^[\w-]+$/.test(id) &&
    typeof hive === "string" &&
    typeof madeAt === "string" &&
    isRevision(revision) &&
    isRecord(policy) &&
    Array.isArray(waves) &&
    waves.every((wave) => isRecord(wave) && Array.isArray(wave.hosts)) &&
    Array.isArray(changes) &&
    Array.isArray(hosts) &&
    hosts.every((host) => isRecord(host) && isHost(host))
  );
}

/** Hosts keep it with what they run. */
function isRevision(value: unknown): boolean {
  if (!isRecord(value)) return false;
  const { name, revision, dirty } = value;
  return typeof name === "string" && (revision === null || typeof revision === "string") && typeof dirty === "boolean";
}

function isHost({ host, target, status, from, to }: Readonly<Record<string, unknown>>): boolean {
  if (typeof host !== "string" || !isRecord(target)) return false;
  if (status === "failed") return true;
  if (!isRecord(from) || !isRecord(to)) return false;
  return to.toplevel === null || (typeof to.toplevel === "string" && isStorePath(to.toplevel));
}

function isRecord(value: unknown): value is Readonly<Record<string, unknown>> {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}

function notAPlan(why: string, file = "the file"): PlanError {
  return new PlanError("rollout/plan-file", `${file} is not a plan of this version of skep: ${why}`, {
    hint: "make one with skep plan --out FILE",
  });
}
