import { z } from "zod";
import { account, duration, exactly, isUnitName, line, oneOf, quotedList, text, yesOrNo } from "../words.ts";
import type { Unit } from "./native-units.ts";
import { isCommand, isWord, templateOf } from "./native-words.ts";

const unitNames = z
  .array(text('the whole name of a unit such as "db.service"', isUnitName), { error: "a list of units" })
  .optional();
const words = templateOf<readonly (string | undefined)[]>(
  "a list of texts",
  (value) => Array.isArray(value) && value.every(isWord),
);
const argv = templateOf<readonly (string | undefined)[]>(
  'a program and its arguments as a list of words such as ["nginx", "-t"]',
  isCommand,
);
const argvs = templateOf<readonly (readonly (string | undefined)[])[]>(
  "a list of commands, each a list of words",
  (value) => Array.isArray(value) && value.every(isCommand),
);
const plain = line("text of one line");
const span = duration(0).optional();
const directive = z.union([plain, z.number(), z.boolean(), z.array(z.union([plain, z.number()]))], {
  error: "text of one line, a number, true, false, or a list",
});
const key = text("the name of a directive", (value) => /^[A-Za-z][\w-]*$/.test(value));

const shared = {
  description: plain.optional(),
  after: unitNames,
  before: unitNames,
  wants: unitNames,
  requires: unitNames,
  partOf: unitNames,
  wantedBy: unitNames,
  requiredBy: unitNames,
  restartTriggers: words.optional(),
  restartIfChanged: yesOrNo.optional(),
  settings: z
    .record(key, z.record(key, directive, { error: "directives by name, as an object" }), {
      error: "sections by name such as { Service: { LimitNOFILE: 65536 } }",
    })
    .optional(),
};

const service = exactly(
  {
    ...shared,
    kind: z.literal("service"),
    exec: argv,
    execStartPre: argvs.optional(),
    execStartPost: argvs.optional(),
    execReload: argv.optional(),
    execStop: argv.optional(),
    type: oneOf(["exec", "simple", "oneshot", "notify", "forking", "dbus", "idle"]).optional(),
    environment: templateOf<Readonly<Record<string, string | number | undefined>>>(
      "variables by name, as an object",
      isEnvironment,
    ).optional(),
    workingDirectory: templateOf<string | undefined>(
      "an absolute path",
      (value) => isWord(value) && value.startsWith("/"),
    ).optional(),
    user: account("user").optional(),
    group: account("group").optional(),
    dynamicUser: yesOrNo.optional(),
    stateDirectory: plain.optional(),
    runtimeDirectory: plain.optional(),
    restart: oneOf(["no", "always", "on-success", "on-failure", "on-abnormal", "on-abort", "on-watchdog"]).optional(),
    restartSec: span,
    remainAfterExit: yesOrNo.optional(),
    reloadIfChanged: yesOrNo.optional(),
  },
  "a service",
).superRefine((unit, context) => {
  if (
    unit.reloadIfChanged !== true ||
    unit.execReload !== undefined ||
    unit.settings?.Service?.ExecReload !== undefined
  )
    return;
  const message = "an execReload beside it, without which it cannot be reloaded";
  context.addIssue({ code: "custom", path: ["reloadIfChanged"], message, input: true });
});

const times = z.union([plain, z.array(plain)], { error: 'times such as "daily" or ["Mon..Fri 07:00"]' });
const timer = exactly(
  {
    ...shared,
    kind: z.literal("timer"),
    onCalendar: times.optional(),
    onBootSec: span,
    onActiveSec: span,
    onUnitActiveSec: span,
    persistent: yesOrNo.optional(),
    randomizedDelaySec: span,
    accuracySec: span,
    unit: text('the whole name of a unit such as "backup.service"', isUnitName).optional(),
  },
  "a timer",
);

const place = z.union([plain, z.int()], { error: "a port, an address or a path" });
const places = z
  .union([place, z.array(place)], { error: 'what to listen on such as 8080 or "/run/app.sock"' })
  .optional();
const socket = exactly(
  {
    ...shared,
    kind: z.literal("socket"),
    listenStream: places,
    listenDatagram: places,
    accept: yesOrNo.optional(),
    socketMode: text('permissions in octal such as "0660"', (value) => /^0?[0-7]{3,4}$/.test(value)).optional(),
    socketUser: account("user").optional(),
    socketGroup: account("group").optional(),
    service: text('the whole name of a unit such as "app.service"', isUnitName).optional(),
  },
  "a socket",
);

const target = exactly({ ...shared, kind: z.literal("target") }, "a target");

const typed = z
  .custom<object>((value) => typeof value === "object" && value !== null && "kind" in value, {
    error: "a unit made by service(), timer(), socket() or target(), or the text of a unit file",
  })
  .pipe(
    z.discriminatedUnion("kind", [service, timer, socket, target], {
      error: quotedList(["service", "timer", "socket", "target"]),
    }),
  );

/** Units by name, typed or as the text of their files. */
export const unitsSchema: z.ZodType<Readonly<Record<string, Unit>>> = z
  .record(
    z.string(),
    z.union([z.string(), z.unknown()]).transform((value): unknown => value),
    {
      error: "units by their whole name, as an object",
    },
  )
  .transform((units, context) => {
    const read: Record<string, Unit> = {};
    for (const [name, value] of Object.entries(units)) {
      if (!isUnitName(name)) {
        const message = 'the whole name of a unit such as "app.service"';
        context.addIssue({ code: "custom", path: [name], message, input: name });
      }
      if (typeof value === "string") {
        read[name] = value;
        continue;
      }
      const result = typed.safeParse(value, { reportInput: true });
      if (!result.success) {
        for (const issue of result.error.issues) context.addIssue({ ...issue, path: [name, ...issue.path] });
      } else if (name.endsWith(`.${result.data.kind}`)) {
        read[name] = result.data;
      } else {
        const message = `a name that ends with .${result.data.kind}, which this unit is`;
        context.addIssue({ code: "custom", path: [name], message, input: name });
      }
    }
    return read;
  });

function isEnvironment(value: unknown): boolean {
  if (typeof value !== "object" || value === null || Array.isArray(value)) return false;
  return Object.entries(value).every(
    ([name, content]) =>
      /^[A-Za-z_]\w*$/.test(name) && (content === undefined || typeof content === "number" || isWord(content)),
  );
}
