import { z } from "zod";
import { account, exactly, isUnitName, oneOf, text } from "../words.ts";

const SECRET_NAME = /^[\w@+-][\w.@+-]*(?:\/[\w@+-][\w.@+-]*)*$/;
/** The manifest that a host gets has spaces between its fields. */
const PATH = /^(?:\/[\w.@:+,=~-]+)+$/;
/** What lives there is not the host's own to place, or is gone after a reboot. */
const TAKEN = /^\/(?:nix|proc|sys|dev|run\/skep)(?:\/|$)/;

const NAME_EXPECTED = 'the name of a secret as in secrets/secrets.ts such as "db/password", without .age';
const SECRETS_EXPECTED = 'secrets by name such as { "db/password": { owner: "postgres" } }';

const unitNames = z
  .array(text('the whole name of a unit such as "api.service" or "worker@1.service"', isRunnable), {
    error: "a list of units",
  })
  .optional();

/** `SecretUseInput`. */
const secretUseSchema = exactly(
  {
    owner: account("user").optional(),
    group: account("group").optional(),
    mode: text('a mode such as "0400" or "0440"', (value) => /^0?[0-7]{3}$/.test(value)).optional(),
    path: text(
      'an absolute path without spaces such as "/etc/app/key", not below /nix, /proc, /sys, /dev or /run/skep',
      isLinkPath,
    ).optional(),
    restart: unitNames,
    reload: unitNames,
    open: oneOf(["host", "operator"]).optional(),
  },
  'an object such as {} or { owner: "postgres" }',
).superRefine(({ restart = [], reload = [] }, context) => {
  reload.forEach((unit, index) => {
    if (!restart.includes(unit)) return;
    const message = "a unit that is not in restart as well";
    context.addIssue({ code: "custom", path: ["reload", index], message, input: unit });
  });
});

/** `HostDefaults.secrets`. */
export const secretsSchema = z.record(
  z.string().refine((name) => name.length <= 200 && SECRET_NAME.test(name) && !name.endsWith(".age")),
  secretUseSchema,
  { error: ({ code }) => (code === "invalid_key" ? NAME_EXPECTED : SECRETS_EXPECTED) },
);

/** `HostDefaults.identityPaths`. */
export const identityPathsSchema = z
  .array(text("the absolute path of a private key file on the host", isPath), { error: "a list of paths" })
  .min(1, { error: "at least one path" });

/** A template cannot be restarted; its instances can. */
function isRunnable(name: string): boolean {
  return isUnitName(name) && !name.includes("@.");
}

function isLinkPath(path: string): boolean {
  return isPath(path) && !TAKEN.test(path);
}

function isPath(path: string): boolean {
  return path.length <= 1_000 && PATH.test(path) && !/\/\.{1,2}(?:\/|$)/.test(path);
}
