import type { SkepErrorJson } from "#core";
import { messageOf, SkepError } from "#core";

/** Any thrown value as reports carry errors, with the host it happened on. */
export function toErrorJson(error: unknown, host: string): SkepErrorJson {
  if (error instanceof SkepError) return { ...error.toJSON(), host };
  return {
    code: "rollout/internal",
    message: messageOf(error),
    hint: "this is a fault of skep; please report it with the lines above",
    host,
  };
}
