/**
 * The format of a journal, `.skep/runs/<run id>.ndjson`: JSON objects, one a line, each ended by a line feed.
 *
 *     header    { "v": 1, "run": …, "hosts": […], … }            the first line
 *     event     { "type": …, "at": <ms since 1970>, … }          a RolloutEvent, as it happened
 *     resumed   { "type": "resumed", "at": …, "operator": …, "process": {…} }
 *
 * A line without its line feed was cut off and counts as not written; so does one that is not such an object. What is
 * undefined is left out.
 */
import type { RolloutEvent } from "../events.ts";
import type { JournalHeader } from "./journal-header.ts";
import type { RunningProcess } from "./running-process.ts";

/** That somebody took the run up again. */
export interface Resumption {
  readonly type: "resumed";
  readonly at: number;
  /** `user@machine`. */
  readonly operator: string;
  readonly process: RunningProcess;
}

export function formatLine(line: JournalHeader | RolloutEvent | Resumption): string {
  return `${JSON.stringify(line)}\n`;
}

export function parseHeader(line: string): JournalHeader | undefined {
  const value = parseObject(line);
  const isHeader = value?.v === 1 && typeof value.run === "string" && Array.isArray(value.hosts);
  return isHeader ? (value as unknown as JournalHeader) : undefined;
}

export function parseEntry(line: string): RolloutEvent | Resumption | undefined {
  const value = parseObject(line);
  const isEntry = typeof value?.type === "string" && typeof value.at === "number";
  return isEntry ? (value as unknown as RolloutEvent | Resumption) : undefined;
}

function parseObject(line: string): Readonly<Record<string, unknown>> | undefined {
  try {
    const value: unknown = JSON.parse(line);
    return typeof value === "object" && value !== null ? (value as Record<string, unknown>) : undefined;
  } catch {
    return undefined;
  }
}
