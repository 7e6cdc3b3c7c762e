const MAX_LENGTH = 200;

/**
 * Text of a host or a service as one line that does nothing to a terminal: the first that says something, cut. Tabs stay:
 * a secret with one is known by it.
 */
export function oneLine(text: string): string {
  const line = text.split("\n").find((part) => part.trim() !== "") ?? "";
  const plain = line.replaceAll(/[^\P{Cc}\t]|\p{Cf}/gu, "").trim();
  return plain.length > MAX_LENGTH ? `${plain.slice(0, MAX_LENGTH - 1)}…` : plain;
}
