import { z } from "zod";
import { checkSchema } from "../checks/check-schema.ts";
import { duration, exactly, isName, line, NAME_LETTERS, oneOf, port, text, whole, yesOrNo } from "../words.ts";
import { identityPathsSchema, secretsSchema } from "./secret-schema.ts";
import { systemSchema } from "./system-schema.ts";
import { isHost, isProxyJump, isUser, parseTarget } from "./target.ts";

const HOST_KEY = /^(?<type>[a-z0-9@.-]+) (?<blob>[A-Za-z0-9+/]+=*)(?: \P{Cc}*)?$/u;

const targetSchema = z.preprocess(
  (value, context) => {
    if (typeof value !== "string") return value;
    const target = parseTarget(value);
    if (target !== undefined) return target;
    const message = 'a target such as "root@10.0.0.5", "deploy@web.example.org:2222" or "[2001:db8::1]:22"';
    context.addIssue({ code: "custom", message, input: value });
    return z.NEVER;
  },
  exactly(
    {
      host: text("an address, a DNS name or an alias", isHost).optional(),
      user: text("a login name", isUser).optional(),
      port: port.optional(),
      identityFile: line("the path of a private key file").optional(),
      proxyJump: text('hosts to connect through such as "me@bastion:2222"', isProxyJump).optional(),
      root: text("an absolute path on the target", (path) => /^\/[^\n]*[^/\n]$/.test(path)).optional(),
      hostKey: text('a public key such as "ssh-ed25519 AAAA…"', isHostKey).optional(),
    },
    'a target such as "root@10.0.0.5", or an object',
  ),
);

const tagsSchema = z
  .array(text(`a tag of ${NAME_LETTERS}`, isName), { error: "a list of tags" })
  .superRefine((tags, context) => {
    tags.forEach((tag, index) => {
      if (tags.indexOf(tag) === index) return;
      context.addIssue({ code: "custom", path: [index], message: "each tag once", input: tag });
    });
  });

const shared = {
  tags: tagsSchema.optional(),
  elevation: oneOf(["none", "sudo"]).optional(),
  checks: z.array(checkSchema, { error: "a list of checks" }).optional(),
  activation: exactly(
    { timeout: duration(1_000).optional(), confirmTimeout: duration(1_000).optional() },
    "an object with timeout and confirmTimeout",
  ).optional(),
  substitute: yesOrNo.optional(),
  store: oneOf(["auto", "nix", "posix"]).optional(),
  secrets: secretsSchema.optional(),
  identityPaths: identityPathsSchema.optional(),
};

/** `HostDefaults`, with durations in milliseconds. */
export const defaultsSchema = exactly(shared, "an object of host settings");

/** `HostInput`, with durations in milliseconds and the target taken apart. Paths may still be relative. */
export const hostSchema = exactly({ target: targetSchema.optional(), system: systemSchema, ...shared }, "a host");

/** A host as it was read, before the defaults are put under it. */
export type HostRead = z.output<typeof hostSchema>;
export type HostDefaultsRead = z.output<typeof defaultsSchema>;

const count = whole(1, 1_000).optional();

/** `LimitsInput`. */
export const limitsSchema = exactly(
  {
    parallel: count,
    evaluate: count,
    evaluateMemoryMiB: whole(64, 16_777_216).optional(),
    build: count,
    copy: count,
    activate: count,
  },
  "an object of limits",
);

/** Whether the type in words is also the type that the key's own bytes begin with (RFC 4253, section 6.6). */
function isHostKey(value: string): boolean {
  const { type, blob } = HOST_KEY.exec(value)?.groups ?? {};
  if (type === undefined || blob === undefined) return false;
  const bytes = Buffer.from(blob, "base64");
  return (
    bytes.length > 4 + type.length &&
    bytes.readUInt32BE(0) === type.length &&
    bytes.toString("latin1", 4, 4 + type.length) === type
  );
}
