/** `2026-01-31 14:25:01`, by this machine's clock: what people are told. Machines get ISO 8601. */
export function localTime(ms: number): string {
  return new Date(ms).toLocaleString("sv-SE");
}
