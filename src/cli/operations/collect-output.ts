import { jsonText } from "#core";
import type { Host } from "#hive";
import type { ExecEnding, ExecOutput } from "#rollout";
import type { Terminal } from "../terminal/terminal.ts";
import type { OutputSink } from "./prefix-output.ts";

/** What is kept of each stream of each host that is under way. */
const MAX_COLLECTED = 1024 * 1024;

/** Writes one JSON object a host, when it is done, with the first MiB of each stream. */
export function collectOutput({ stdout }: Pick<Terminal, "stdout">): OutputSink {
  const begun = new Map<Host, Readonly<Record<ExecOutput["stream"], Collected>>>();
  return {
    take(host, { stream, chunk }) {
      const collected = begun.get(host) ?? { stdout: new Collected(), stderr: new Collected() };
      begun.set(host, collected);
      collected[stream].add(chunk);
      return Promise.resolve();
    },
    end(ending) {
      const { stdout: out = new Collected(), stderr: errors = new Collected() } = begun.get(ending.host) ?? {};
      begun.delete(ending.host);
      stdout.write(`${jsonText(endingJson(ending, { out, errors }))}\n`);
      return Promise.resolve();
    },
  };
}

class Collected {
  readonly #chunks: Buffer[] = [];
  #length = 0;
  /** Bytes that were left out. */
  lost = 0;

  add(chunk: Buffer): void {
    const kept = chunk.subarray(0, MAX_COLLECTED - this.#length);
    // Even a part of no length would keep all of its chunk in memory.
    if (kept.length > 0) this.#chunks.push(kept);
    this.#length += kept.length;
    this.lost += chunk.length - kept.length;
  }

  get text(): string {
    return Buffer.concat(this.#chunks, this.#length).toString("utf8");
  }
}

function endingJson(
  ending: ExecEnding,
  { out, errors }: { readonly out: Collected; readonly errors: Collected },
): object {
  const { host, ended, durationMs } = ending;
  return {
    ...{ host: host.name, ended },
    exitCode: ended === "exited" ? ending.exitCode : null,
    signal: ended === "killed" ? ending.signal : null,
    ...("error" in ending ? { error: ending.error } : {}),
    durationMs: Math.round(durationMs),
    ...{ stdout: out.text, stderr: errors.text, lostBytes: { stdout: out.lost, stderr: errors.lost } },
  };
}
