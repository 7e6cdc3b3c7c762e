import { closeSync, fdatasync, openSync, writeSync } from "node:fs";
import { appendFile, chmod, open, readFile, truncate } from "node:fs/promises";
import { dirname, join } from "node:path";
import { promisify } from "node:util";
import { makeFolder, messageOf, writeFileAtomically } from "#core";
import type { RolloutEvent } from "../events.ts";
import type { JournalHeader } from "./journal-header.ts";
import type { Resumption } from "./journal-line.ts";
import { formatLine } from "./journal-line.ts";
import { pruneRuns } from "./list-journals.ts";

/** A run's journal as it is written. */
export interface Journal extends AsyncDisposable {
  /** Takes an event. Those that decide something are in the file when this returns, others as soon as nothing else is to be done. */
  append(event: RolloutEvent): void;
  /** Settles once everything appended so far would survive a loss of power. */
  decided(): Promise<void>;
}

export interface OpenJournalOptions {
  /** Called once, when the journal cannot be written: the run goes on without it. */
  readonly onTrouble: (message: string) => void;
}

/**
 * Begins the journal of a run, in the folder that holds those of all runs. Never throws: a run whose journal cannot be
 * written cannot be resumed, and goes on. Old journals are removed.
 */
export function openJournal(directory: string, header: JournalHeader, options: OpenJournalOptions): Promise<Journal> {
  const file = join(directory, `${header.run}.ndjson`);
  return writeTo(file, options, async () => {
    await makeFolder(directory, { mode: 0o700 });
    await chmod(directory, 0o700);
    await writeFileAtomically(file, formatLine(header), { mode: 0o600 });
    await syncFolder(directory);
    await pruneRuns(directory);
    return openSync(file, "a", 0o600);
  });
}

/** Goes on with the journal of a run that is taken up again. A line that was cut off is removed. */
export function continueJournal(file: string, resumption: Resumption, options: OpenJournalOptions): Promise<Journal> {
  return writeTo(file, options, async () => {
    const text = await readFile(file);
    await truncate(file, text.lastIndexOf(LINE_FEED) + 1);
    await appendFile(file, formatLine(resumption));
    return openSync(file, "a");
  });
}

const LINE_FEED = 0x0a;
const SYNC_EVERY_MS = 1_000;
const syncData = promisify(fdatasync);

async function writeTo(
  file: string,
  { onTrouble }: OpenJournalOptions,
  openFile: () => Promise<number>,
): Promise<Journal> {
  let lines: string[] = [];
  let flushing: NodeJS.Immediate | undefined;
  let isSynced = true;
  let syncing = Promise.resolve();
  let hasFailed = false;

  const giveUp = (error: unknown): void => {
    if (hasFailed) return;
    hasFailed = true;
    onTrouble(`cannot write the run's journal ${file}, so skep resume will not know all of it: ${messageOf(error)}`);
  };
  const fd = await openFile().catch(giveUp);
  const flush = (): void => {
    clearImmediate(flushing);
    flushing = undefined;
    if (fd === undefined || hasFailed || lines.length === 0) return;
    const bytes = Buffer.from(lines.join(""));
    lines = [];
    isSynced = false;
    try {
      for (let written = 0; written < bytes.length;) written += writeSync(fd, bytes, written);
    } catch (error) {
      giveUp(error);
    }
  };
  // One sync at a time; one that was asked for meanwhile follows it.
  const sync = (): Promise<void> => {
    flush();
    syncing = syncing.then(async () => {
      if (fd === undefined || hasFailed || isSynced) return;
      isSynced = true;
      await syncData(fd).catch(giveUp);
    });
    return syncing;
  };
  const timer = setInterval(() => void sync(), SYNC_EVERY_MS).unref();
  let isOpen = true;
  return {
    append(event) {
      if (!isOpen || hasFailed || isTransient(event)) return;
      lines.push(formatLine(event));
      if (isDecision(event)) void sync();
      else flushing ??= setImmediate(flush);
    },
    decided: sync,
    async [Symbol.asyncDispose]() {
      if (!isOpen) return;
      isOpen = false;
      clearInterval(timer);
      await sync();
      if (fd !== undefined) closeSync(fd);
    },
  };
}

/** How far a copy is, five times a second: of no use afterwards. */
function isTransient(event: RolloutEvent): boolean {
  return event.type === "step-progress" && event.copy !== undefined;
}

/** What must be known after a crash: that an agent may be at work, that it was told to keep the system, how things ended. */
function isDecision(event: RolloutEvent): boolean {
  switch (event.type) {
    case "log":
    case "notice":
    case "step-progress":
    case "changes":
    // The agent that it is for is not started before it is on the disk.
    case "baseline":
      return false;
    case "step-started":
    case "step-finished":
      return DECIDING_STEPS.has(event.step);
    default:
      return true;
  }
}

const DECIDING_STEPS: ReadonlySet<string> = new Set(["test", "confirm", "commit", "roll-back", "reboot"]);

async function syncFolder(directory: string): Promise<void> {
  for (const folder of [directory, dirname(directory)]) {
    const handle = await open(folder);
    try {
      await handle.sync();
    } finally {
      await handle.close();
    }
  }
}
