/** `2026-01-31 14:25:01`, by this machine's clock. */
export function localTime(ms: number): string {
  return new Date(ms).toLocaleString("sv-SE");
}
