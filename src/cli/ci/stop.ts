import { abortable, SkepError } from "#core";

/**
 * What `work` comes to, unless a signal comes first. Then it is left where it is, so it has to be work that changes nothing.
 * @throws SkepError `rollout/interrupted`.
 */
export async function unlessStopped<T>(
  work: Promise<T>,
  { what, stop }: { readonly what: string; readonly stop: AbortSignal },
): Promise<T> {
  try {
    return await abortable(work, stop);
  } catch (error) {
    throw stop.aborted ? stoppedError(what) : error;
  }
}

export function stoppedError(what: string): SkepError {
  return new SkepError("rollout/interrupted", `stopped while ${what}, so nothing was deployed`, {
    hint: "run it again: nothing was changed",
  });
}
