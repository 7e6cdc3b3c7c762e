/**
 * An instant that a host tells in seconds since 1970, in milliseconds; undefined where it tells none. No text of a host's
 * makes a number that cannot be shown as a date.
 */
export function parseSeconds(text: string): number | undefined {
  const at = new Date(Number(text) * 1_000).getTime();
  return text === "" || Number.isNaN(at) ? undefined : at;
}
