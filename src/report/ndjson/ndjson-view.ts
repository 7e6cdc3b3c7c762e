import { escapeJson } from "#core";
import type { RolloutEvent } from "#rollout";
import type { LiveView } from "../live-view.ts";
import type { Output } from "../output.ts";
import { EVENTS_VERSION } from "./event-schema.ts";

// GitHub's runner looks for `##[command]` anywhere in a line.
const RUNNER_COMMAND = /##(?=\[)/g;

/** Fields that hold one, beside `at`. */
const INSTANTS: ReadonlySet<string> = new Set(["startedAt", "until"]);

/**
 * A run for programs: one JSON object a line with `type`, `at` (ISO 8601) and the event's own fields. `run-started` also
 * has `v`, the version of the shape, which {@link eventsJsonSchema} tells. Instants are ISO 8601, lengths of time milliseconds; what is undefined is left out.
 */
export function openNdjsonView(output: Output): LiveView {
  return {
    show(event) {
      output.write(`${ndjsonLine(event)}\n`);
    },
    close: () => Promise.resolve(),
  };
}

function ndjsonLine({ type, at, ...fields }: RolloutEvent): string {
  const version = type === "run-started" ? { v: EVENTS_VERSION } : {};
  const line = JSON.stringify({ type, at: instant(at), ...version, ...fields }, (key, value: unknown) =>
    INSTANTS.has(key) && typeof value === "number" ? instant(value) : value,
  );
  return escapeJson(line).replace(RUNNER_COMMAND, String.raw`#\u0023`);
}

function instant(ms: number): string {
  return new Date(ms).toISOString();
}
