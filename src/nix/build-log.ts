import { stripVTControlCharacters } from "node:util";

/** A line that a builder printed. */
export interface BuildLogLine {
  /** Store path of the derivation being built. */
  readonly derivation: string;
  /** What people call it: `linux-6.6` of `…-linux-6.6.drv`. */
  readonly name: string;
  readonly line: string;
}

/** What is known of a build while Nix reports it, and afterwards. */
export interface BuildLog {
  /** Takes a line of Nix's standard error. */
  write(line: string): void;
  /** What the first error says, with the last lines of the derivation it names, if the build failed. */
  readonly failure: BuildFailure | undefined;
}

export interface BuildFailure {
  /** Nix's own words, without `error:`. */
  readonly message: string;
  /** The derivation that failed, when it is known. */
  readonly derivation?: string | undefined;
  readonly name?: string | undefined;
  /** The last lines it printed, at most 20. */
  readonly lines: readonly string[];
}

const KEPT_LINES = 20;
const PREFIX = "@nix ";
/** Nix's numbers: the activity of a build, the line its builder printed, the line its post-build hook printed. */
const BUILD = 105;
const BUILD_LOG_LINE = 101;
const POST_BUILD_LOG_LINE = 107;
const LEVEL_ERROR = 0;

/**
 * Reads Nix's `internal-json` log: lines of `@nix ` and an object with an `action`.
 *
 * - `start`: an activity begins; `id`, `type`, `fields` (of a build: derivation, machine, round, rounds)
 * - `result`: of activity `id`; `type`, `fields` (of a log line: the line)
 * - `msg`: a message; `level` (0 is an error), `msg`
 * - `stop`: activity `id` is over
 *
 * Anything else in the stream is ignored, but errors that come as plain text.
 */
export function readBuildLog(onLine?: (line: BuildLogLine) => void): BuildLog {
  const building = new Map<unknown, string>();
  const kept = new Map<string, string[]>();
  const errors: string[] = [];

  const keep = (derivation: string, line: string): void => {
    const lines = kept.get(derivation) ?? [];
    lines.push(line);
    if (lines.length > KEPT_LINES) lines.shift();
    kept.set(derivation, lines);
    onLine?.({ derivation, name: derivationName(derivation), line });
  };

  const handle = (event: Record<string, unknown>): void => {
    const { action, id, type, level, msg, fields } = event;
    const field: unknown = Array.isArray(fields) ? fields[0] : undefined;
    const derivation = building.get(id);
    if (action === "start" && type === BUILD && typeof field === "string") {
      building.set(id, field);
    } else if (action === "stop") {
      building.delete(id);
    } else if (action === "msg" && level === LEVEL_ERROR && typeof msg === "string") {
      errors.push(stripVTControlCharacters(msg));
    } else if (action === "result" && derivation !== undefined && typeof field === "string") {
      if (type === BUILD_LOG_LINE || type === POST_BUILD_LOG_LINE) keep(derivation, stripVTControlCharacters(field));
    }
  };

  return {
    write(line) {
      if (!line.startsWith(PREFIX)) {
        if (line.startsWith("error:")) errors.push(line);
        return;
      }
      const event = parseObject(line.slice(PREFIX.length));
      if (event !== undefined) handle(event);
    },
    get failure() {
      const message = errors.find((error) => DERIVATION.test(error)) ?? errors[0];
      if (message === undefined) return undefined;
      const derivation = DERIVATION.exec(message)?.[0];
      if (derivation === undefined) return { message: withoutExcerpt(message), lines: [] };
      const lines = kept.get(derivation) ?? [];
      return { message: withoutExcerpt(message), derivation, name: derivationName(derivation), lines };
    },
  };
}

const DERIVATION = /\/[^\s']+\.drv/;

function derivationName(derivation: string): string {
  return derivation.replace(/^.*\/[0-9a-z]{32}-/, "").replace(/\.drv$/, "");
}

/** Without the excerpt of the log that Nix adds, which is shorter than ours. */
function withoutExcerpt(message: string): string {
  const [text = ""] = message.replace(/^error:\s*/, "").split(/;?\s*\n\s*[Ll]ast \d+ log lines:/, 1);
  return text.trim();
}

function parseObject(json: string): Record<string, unknown> | undefined {
  try {
    const value: unknown = JSON.parse(json);
    return typeof value === "object" && value !== null ? { ...value } : undefined;
  } catch {
    return undefined;
  }
}
