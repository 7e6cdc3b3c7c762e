import { z } from "zod";
import { foldersOf } from "../folders-of.ts";
import { account, exactly, line, text, yesOrNo } from "../words.ts";
import { packageSchema } from "./native-package-schema.ts";
import type { NativeSource } from "./native-system.ts";
import { unitsSchema } from "./native-unit-schema.ts";
import { isCommand, isWord, templateOf } from "./native-words.ts";

const PACKAGE_NAME = /^[A-Za-z_][\w.+-]{0,99}$/;
const MAX_ETC_PATH = 1_000;

const packages = z
  .record(z.string(), packageSchema, { error: "packages by name, as an object" })
  .superRefine((byName, context) => {
    for (const name of Object.keys(byName)) {
      if (PACKAGE_NAME.test(name)) continue;
      const message = 'a package\'s name of letters, digits, "_", "-", "." and "+", the first a letter';
      context.addIssue({ code: "custom", path: [name], message, input: name });
    }
  });

const WAYS = ["text", "template", "file", "linkTo"] as const;

const entry = exactly(
  {
    text: z.string({ error: "the file's text" }).optional(),
    template: templateOf<string | undefined>("text", (value) => typeof value === "string").optional(),
    file: line('the path of a file such as "./sshd_config"').optional(),
    linkTo: templateOf<string | undefined>("a path to link to", isLinkTarget).optional(),
    mode: text('permissions in octal such as "0640"', (value) => /^0?[0-7]{3,4}$/.test(value)).optional(),
    user: account("user").optional(),
    group: account("group").optional(),
    takeOver: yesOrNo.optional(),
  },
  "text, or an object with text, template, file or linkTo",
).superRefine((value, context) => {
  const ways = WAYS.filter((way) => value[way] !== undefined);
  if (ways.length !== 1) {
    const input = ways.length === 0 ? {} : Object.fromEntries(ways.map((way) => [way, true]));
    context.addIssue({ code: "custom", message: 'just one of "text", "template", "file" and "linkTo"', input });
  }
  if (value.linkTo === undefined) return;
  for (const key of ["mode", "user", "group"] as const) {
    if (value[key] === undefined) continue;
    context.addIssue({ code: "custom", path: [key], message: `no ${key} beside a link`, input: value[key] });
  }
});

const etc = z
  .record(z.string(), entry, { error: "files of /etc by their path below it, as an object" })
  .superRefine((byPath, context) => {
    const paths = new Set(Object.keys(byPath));
    for (const path of paths) {
      const refuse = (message: string): void => {
        context.addIssue({ code: "custom", path: [path], message, input: path });
      };
      if (!isEtcPath(path)) refuse('a path below /etc such as "app/config.json"');
      const folder = foldersOf(path).find((above) => paths.has(above));
      if (folder !== undefined) refuse(`a path that does not lie below "${folder}", which is an entry too`);
    }
  });

const commands = z
  .array(templateOf<readonly (string | undefined)[]>('a command such as ["systemd-tmpfiles", "--create"]', isCommand), {
    error: "a list of commands",
  })
  .optional();

/** What `system()` returns; its paths may still be relative. What templates make is looked at when they have run. */
export const nativeSchema = exactly(
  {
    kind: z.literal("native"),
    packages,
    etc,
    units: unitsSchema,
    hooks: exactly({ before: commands, after: commands }, "an object with before and after"),
  },
  "a system without Nix",
) satisfies z.ZodType<NativeSource>;

function isEtcPath(path: string): boolean {
  if (path.length > MAX_ETC_PATH || /\p{Cc}/u.test(path)) return false;
  return path
    .split("/")
    .every((name) => name !== "" && name !== "." && name !== ".." && Buffer.byteLength(name) <= 200);
}

function isLinkTarget(value: unknown): boolean {
  return isWord(value) && value !== "" && !/\p{Cc}/u.test(value);
}
