import fc from "fast-check";
import { OUTCOMES, STEPS, stepsFor } from "#rollout";
import type { HostReport, KnownChange, RolloutEvent, RolloutReport } from "#rollout";
import { hostReport, name, NOON } from "./typical-run.ts";

export const HOSTS = ["web-1", "web-2", "db-1", "edge-1"] as const;
/** What a host may print: anything, and what terminals, CI systems, XML, HTML and Markdown obey. */
const text = fc.oneof(
  fc.string({ unit: "binary", maxLength: 20 }),
  fc.constantFrom("\u001b[2J", "a\nb", "\r", "]]>", "<b>&amp;'\"", "`` ` ```\n```", "|a|\\|", "[a](http://a.b)"),
  fc.constantFrom(
    "a ` [b](http://c.d) <b> ` @ann",
    "``` [b](http://c.d)\n```\n# a\n![b](c)\n",
    "| ` | [b](http://c.d)",
  ),
  fc.constantFrom("::error::a", "\n  ::stop-commands::x\n", "##[error]a", "a ##[group]b", "@ann #1 http://a.b"),
  fc.constantFrom(
    "section_start:1:a\r\u001b[0K",
    "\u001b[0Ksection_end:1:skep_1_web-1\r\u001b[0K",
    "<script>",
    "![a](b)",
  ),
);
const error = fc.record(
  {
    code: fc.constantFrom("health/failed", "activation/switch", "ssh/unreachable"),
    message: text,
    hint: text,
    cause: text,
  },
  { requiredKeys: ["code", "message"] },
);
export const report: fc.Arbitrary<HostReport> = fc
  .tuple(fc.constantFrom(...HOSTS), fc.constantFrom(...OUTCOMES), error, text, fc.array(text, { maxLength: 2 }))
  .map(([host, outcome, failure, reason, notices]) => {
    if (outcome === "skipped") return hostReport(host, { outcome, reason, notices });
    if (outcome === "deployed" || outcome === "unchanged") return hostReport(host, { outcome, notices });
    return hostReport(host, { outcome, error: failure, notices });
  });
const finished: fc.Arbitrary<RolloutReport> = fc
  .tuple(fc.uniqueArray(report, { selector: ({ host }) => host }), fc.boolean())
  .map(([hosts, interrupted]) => ({ run: "r", goal: "switch", startedAt: NOON, durationMs: 9, hosts, interrupted }));
const host = fc.constantFrom(...HOSTS).map(name);
const step = fc.constantFrom(...STEPS, "roll-back" as const);
const at = fc.integer({ min: NOON - 30_000, max: NOON + 30_000 });
const count = fc.nat(5_000_000);
const copy = fc.record({ paths: count, pathsTotal: count, bytes: count, bytesTotal: count });
const durationMs = fc.nat(5_000_000);
const type = <Type extends string>(value: Type): fc.Arbitrary<Type> => fc.constant(value);
/** The event a run begins with. */
export const started = fc.record({
  at,
  type: type("run-started"),
  run: text,
  goal: fc.constant("switch" as const),
  hive: text,
  hosts: fc.subarray(HOSTS.map(name)),
  steps: fc.constant(stepsFor("switch")),
});
const names = fc.array(text, { maxLength: 3 });
const change: fc.Arbitrary<KnownChange> = fc.record(
  {
    packages: fc.array(
      fc.record({
        name: text,
        kind: fc.constantFrom("up" as const, "added" as const, "rebuilt" as const),
        ...{ from: names, to: names, sizeDelta: fc.integer() },
      }),
      { maxLength: 3 },
    ),
    units: fc.record({ stop: names, reload: names, restart: names, start: names }),
    said: names,
    hooks: fc.record({ before: names, after: names }),
    etc: fc.record({ added: names, changed: names, removed: names }),
    secrets: fc.record({ added: names, changed: names, mayChange: names, broughtAgain: names, removed: names }),
    reboot: text,
  },
  { requiredKeys: [] },
);
const event: fc.Arbitrary<RolloutEvent> = fc.oneof(
  started,
  fc.record(
    { at, type: type("changes"), host, id: fc.constantFrom("1", "2", "3"), change },
    { requiredKeys: ["at", "type", "host", "id"] },
  ),
  fc.record({ at, type: type("step-started"), host, step }),
  fc.record(
    { at, type: type("step-progress"), host, step, message: text, copy },
    { requiredKeys: ["at", "type", "host", "step"] },
  ),
  fc.record({ at, type: type("step-finished"), host, step, durationMs }),
  fc.record({ at, type: type("step-failed"), host, step, durationMs, error }),
  fc.record({ at, type: type("log"), host, step, line: text }, { requiredKeys: ["at", "type", "step", "line"] }),
  fc.record({ at, type: type("notice"), host, message: text }, { requiredKeys: ["at", "type", "message"] }),
  fc.record({ at, type: type("interrupted"), leave: fc.boolean() }),
  fc
    .tuple(at, report)
    .map(([when, its]) => ({ at: when, type: "host-finished" as const, host: its.host, report: its })),
  fc.record({ at, type: type("run-finished"), report: finished }),
);
/** Events as no run has them: in any order, with any text. */
export const inAnyOrder = fc.array(event, { maxLength: 40 });
