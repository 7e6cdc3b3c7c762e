import type { SecretContent } from "#activation";

/** Takes secrets that the run knows out of what it tells. */
export interface SecretsMask {
  /** Remembers a secret that the operator opened; what hosts open is not known here. */
  learn(content: SecretContent): void;
  /** The same value with {@link MASKED} in place of secrets, in every text but those that name or classify things. */
  mask<T>(value: T): T;
}

export const MASKED = "[redacted]";

/** Shorter ones stand in too much that has nothing to do with them. */
const SHORTEST_BYTES = 4;
/** Of a part of a line, which says nothing of being secret by itself. */
const SHORTEST_PART_BYTES = 8;

/** Fields whose texts are names that other events and programs go by: none comes from what a host prints. */
const NAMES: ReadonlySet<string> = new Set([
  ...["type", "host", "hosts", "step", "steps", "outcome", "code"],
  ...["run", "goal", "hive", "wave", "waves", "name", "from", "to"],
  ...["id", "kind"],
  ...["bootId", "check", "failedUnits"],
]);

/**
 * A secret is known whole, by its lines, and by the values in lines such as `PASSWORD=…` and `password: "…"`. These are
 * looked for in the plaintexts' own memory: no other copy of them is made, and once they are overwritten nothing is left.
 */
export function createSecretsMask(): SecretsMask {
  const needles: Buffer[] = [];
  const maskText = (text: string): string => {
    const bytes = Buffer.from(text);
    const ends = endsOfCuts(bytes);
    const found = needles.flatMap((needle) => [
      ...(bytes.includes(needle) ? [needle] : []),
      ...ends.flatMap((end) => cutBefore(bytes, { end, needle }) ?? []),
    ]);
    return found.length === 0 ? text : cover(bytes, found);
  };
  const maskIn = (value: unknown, name: string): unknown => {
    if (typeof value === "string") return NAMES.has(name) ? value : maskText(value);
    if (Array.isArray(value)) return value.map((one) => maskIn(one, name));
    if (typeof value !== "object" || value === null) return value;
    return Object.fromEntries(Object.entries(value).map(([key, field]) => [key, maskIn(field, key)]));
  };
  return {
    learn(content) {
      if (content.open !== "operator") return;
      const { buffer, byteOffset, byteLength } = content.plaintext.reveal();
      needles.push(...needlesOf(Buffer.from(buffer, byteOffset, byteLength)));
    },
    mask: <T>(value: T) => (needles.length === 0 ? value : (maskIn(value, "") as T)),
  };
}

/** Where a text may have been cut: at its end, and before each ellipsis. */
function endsOfCuts(bytes: Buffer): readonly number[] {
  const ends = [bytes.length];
  for (let at = bytes.indexOf(ELLIPSIS); at !== -1; at = bytes.indexOf(ELLIPSIS, at + 1)) ends.push(at);
  return ends;
}

const ELLIPSIS = Buffer.from("…");

/** The beginning of a needle that a text was cut in: what is long is cut before it is an event. */
function cutBefore(
  bytes: Buffer,
  { end, needle }: { readonly end: number; readonly needle: Buffer },
): Buffer | undefined {
  if (needle.length <= SHORTEST_PART_BYTES) return undefined;
  const beginning = needle.subarray(0, SHORTEST_PART_BYTES);
  const first = Math.max(0, end - needle.length + 1);
  for (let at = bytes.indexOf(beginning, first); at !== -1 && at < end; at = bytes.indexOf(beginning, at + 1)) {
    const part = needle.subarray(0, end - at);
    if (part.length >= SHORTEST_PART_BYTES && bytes.subarray(at, end).equals(part)) return part;
  }
  return undefined;
}

/** Covers all that is found, also where one lies in another or over its end. */
function cover(bytes: Buffer, found: readonly Buffer[]): string {
  const covered = new Uint8Array(bytes.length);
  for (const needle of found) {
    for (let at = bytes.indexOf(needle); at !== -1; at = bytes.indexOf(needle, at + 1)) {
      covered.fill(1, at, at + needle.length);
    }
  }
  let text = "";
  for (let at = 0; at < bytes.length;) {
    const isCovered = covered[at] === 1;
    const next = covered.indexOf(isCovered ? 0 : 1, at);
    const end = next === -1 ? bytes.length : next;
    text += isCovered ? MASKED : bytes.toString("utf8", at, end);
    at = end;
  }
  return text;
}

/** Views of a plaintext: all of it, each line, and the value of each line that gives one a name. */
function needlesOf(plaintext: Buffer): readonly Buffer[] {
  const lines = splitLines(plaintext).map(trim);
  const whole = trim(plaintext);
  const values = lines.flatMap(valueOf).filter(({ length }) => length >= SHORTEST_PART_BYTES);
  const candidates = [...(lines.length > 1 ? [whole] : []), ...lines, ...values];
  return candidates.filter((needle) => needle.length >= SHORTEST_BYTES && !isMarker(needle));
}

function splitLines(bytes: Buffer): readonly Buffer[] {
  const lines: Buffer[] = [];
  for (let start = 0; start < bytes.length;) {
    const end = bytes.indexOf("\n", start);
    lines.push(bytes.subarray(start, end === -1 ? bytes.length : end));
    start = end === -1 ? bytes.length : end + 1;
  }
  return lines;
}

function trim(bytes: Buffer): Buffer {
  let [start, end] = [0, bytes.length];
  while (start < end && isBlank(bytes[start])) start += 1;
  while (end > start && isBlank(bytes[end - 1])) end -= 1;
  return bytes.subarray(start, end);
}

function isBlank(byte: number | undefined): boolean {
  return byte !== undefined && byte <= 0x20;
}

/** What stands behind the first `=` or `:` of a line, without quotes and a comma. */
function valueOf(line: Buffer): readonly Buffer[] {
  const at = line.findIndex((byte) => byte === EQUALS || byte === COLON);
  if (at <= 0) return [];
  let value = trim(line.subarray(at + 1));
  if (value.at(-1) === COMMA) value = trim(value.subarray(0, -1));
  const quote = value[0];
  const isQuoted = value.length > 1 && (quote === QUOTE || quote === APOSTROPHE) && value.at(-1) === quote;
  return [isQuoted ? value.subarray(1, -1) : value];
}

const EQUALS = 0x3d;
const COLON = 0x3a;
const COMMA = 0x2c;
const QUOTE = 0x22;
const APOSTROPHE = 0x27;

/** `-----BEGIN PRIVATE KEY-----` and its like are in every such file, and tell nothing. */
function isMarker(line: Buffer): boolean {
  return line.subarray(0, 5).equals(DASHES) && line.subarray(-5).equals(DASHES);
}

const DASHES = Buffer.from("-----");
