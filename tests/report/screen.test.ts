import { afterEach, beforeEach, describe, expect, it, vi } from "vitest";
import { createReporter } from "#report";
import type { Reporter, ReporterOptions } from "#report";
import { stepsFor } from "#rollout";
import type { RolloutEvent, RolloutHappening } from "#rollout";
import { captureStream } from "./streams.ts";
import type { CapturedStream } from "./streams.ts";
import { BAD_GATEWAY, hostReport, name, NOON, typicalRun } from "./typical-run.ts";
import { playTerminal } from "./virtual-terminal.ts";
import type { VirtualTerminal } from "./virtual-terminal.ts";

beforeEach(() => {
  vi.useFakeTimers({ now: NOON });
});

afterEach(() => {
  vi.useRealTimers();
});

/** A reporter on a terminal, and what is to be seen there. */
class Screen implements AsyncDisposable {
  readonly stderr: CapturedStream;
  readonly #reporter: Reporter;
  readonly #size: { readonly columns: number; readonly rows: number };

  constructor(size: { readonly columns: number; readonly rows: number }, options: Partial<ReporterOptions> = {}) {
    this.#size = size;
    this.stderr = captureStream(size);
    const defaults = { format: "tty", colors: false, verbose: false, quiet: false } as const;
    this.#reporter = createReporter({ ...defaults, stdout: captureStream(), stderr: this.stderr, ...options });
  }

  /** Lets time pass until the event, and then has it happen. */
  play(...events: readonly RolloutEvent[]): void {
    for (const event of events) {
      vi.advanceTimersByTime(Math.max(0, event.at - Date.now()));
      this.#reporter.handle(event);
    }
  }

  happen(...happenings: readonly RolloutHappening[]): void {
    for (const happening of happenings) this.play({ at: Date.now(), ...happening });
  }

  /** What is seen a moment later, when what happened has been drawn. */
  look(): VirtualTerminal {
    vi.advanceTimersByTime(200);
    return playTerminal(this.stderr.text, this.#size);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#reporter[Symbol.asyncDispose]();
  }
}

const runStarted = (hosts: readonly string[]): RolloutHappening => ({
  type: "run-started",
  run: "r-7c1d",
  goal: "switch",
  hive: "apiary",
  hosts: hosts.map(name),
  steps: stepsFor("switch"),
});
const failed = (host: string): RolloutHappening => ({
  type: "host-finished",
  host: name(host),
  report: hostReport(host, { outcome: "failed", error: BAD_GATEWAY }),
});
const started = (host: string): RolloutHappening => ({ type: "step-started", host: name(host), step: "copy" });
const fleet = Array.from({ length: 200 }, (_, index) => `edge-${index + 1}`);

describe("tty", () => {
  it("shows a line per host: step, time, how far; what ended and how; what waits", async () => {
    await using screen = new Screen({ columns: 72, rows: 24 });
    screen.play(...typicalRun().filter(({ at }) => at <= NOON + 4_000));
    expect(screen.look().lines).toEqual([
      "* web-1  copy       3 s  50%  19.0 of 38.0 MiB, 60 of 120 paths, 9.0...",
      "= web-2  unchanged  1 s",
      ". db-1   waiting",
      "",
      "notice: the hive's git tree has changes that are not committed",
      "switch: 1 unchanged, 1 under way, 1 waiting, 4 s",
    ]);
  });

  it("ticks every second though nothing happens", async () => {
    await using screen = new Screen({ columns: 72, rows: 24 });
    screen.happen(runStarted(["web-1"]), started("web-1"));
    vi.advanceTimersByTime(42_000);
    expect(screen.look().lines).toEqual(["* web-1  copy  42 s", "", "switch: 1 under way, 42 s"]);
  });

  it("shows a bar and the rate of the last seconds where there is room", async () => {
    await using screen = new Screen({ columns: 120, rows: 24 });
    const copied = (mebibytes: number): RolloutHappening => ({
      type: "step-progress",
      host: name("web-1"),
      step: "copy",
      copy: { paths: 0, pathsTotal: 9, bytes: mebibytes * 1024 * 1024, bytesTotal: 200 * 1024 * 1024 },
    });
    screen.happen(runStarted(["web-1"]), started("web-1"));
    for (let seconds = 0; seconds <= 20; seconds += 1) {
      vi.advanceTimersByTime(1_000);
      screen.happen(copied(seconds < 10 ? 0 : (seconds - 10) * 10));
    }
    expect(screen.look().lines[0]).toBe(
      "* web-1  copy  21 s  [######......] 50%  100 of 200 MiB, 0 of 9 paths, 9.8 MiB/s",
    );
  });

  it("leaves the record and a shown cursor, and nothing of the frames", async () => {
    const screen = new Screen({ columns: 120, rows: 24 });
    screen.play(...typicalRun());
    await screen[Symbol.asyncDispose]();
    const { lines, cursorShown, wrapped } = screen.look();
    expect(lines).toEqual([
      "",
      "HOST   OUTCOME      SYSTEM                                                                GENERATION    COPIED   TIME",
      "web-2  unchanged    0c4x2ab nixos-system-web-2-24.11                                              42            1.0 s",
      "web-1  deployed     0c4x2ab nixos-system-web-1-24.11 -> 9c4x2ab nixos-system-web-1-25.05          43  38.0 MiB   12 s",
      "db-1   rolled back  0c4x2ab nixos-system-db-1-24.11 (not 9c4x2ab)                                     38.0 MiB   29 s",
      "",
      "skep: notice: the hive's git tree has changes that are not committed",
      "skep: notice: web-1: a reboot is needed to run the new kernel",
      "skep: error: db-1: http :80/healthz answered 502 for 30 s, wanted 200 to 299 [health/failed]",
      "  | nginx: bind() to 0.0.0.0:80 failed",
      "skep: hint: see why with ssh root@db-1 journalctl --unit nginx",
      "",
      "switch: 1 deployed, 1 unchanged, 1 rolled back in 42 s",
    ]);
    expect({ cursorShown, wrapped }).toEqual({ cursorShown: true, wrapped: false });
  });

  it("goes on after the last host until the run is finished", async () => {
    const screen = new Screen({ columns: 120, rows: 24 });
    const events = typicalRun();
    screen.play(...events.slice(0, -1));
    await vi.advanceTimersByTimeAsync(5_000);
    expect(screen.look().lines.at(-1)).toBe("switch: 1 deployed, 1 unchanged, 1 rolled back, 45 s");
    screen.play(...events.slice(-1));
    await screen[Symbol.asyncDispose]();
    expect(screen.look().lines.filter((line) => line.includes("db-1   rolled back"))).toHaveLength(1);
  });

  it("left in mid-run keeps the last frame, tells what went wrong so far and gives the terminal back", async () => {
    const listeners = process.listenerCount("exit");
    const screen = new Screen({ columns: 80, rows: 24 });
    screen.happen(runStarted(["web-1", "web-2"]), started("web-1"), failed("web-2"));
    expect(screen.look().cursorShown).toBe(false);
    expect(process.listenerCount("exit")).toBe(listeners + 1);
    await screen[Symbol.asyncDispose]();
    const { lines, cursorShown } = screen.look();
    expect(cursorShown).toBe(true);
    expect(process.listenerCount("exit")).toBe(listeners);
    expect(lines).toEqual([
      "* web-1  copy     0 s",
      "x web-2  failed  12 s  http :80/healthz answered 502 for 30 s, wanted 200 to...",
      "",
      "switch: 1 failed, 1 under way, 0 s",
      "",
      "skep: error: web-2: http :80/healthz answered 502 for 30 s, wanted 200 to 299 [h",
      "ealth/failed]",
      "skep: hint: see why with ssh root@db-1 journalctl --unit nginx",
    ]);
    expect(vi.getTimerCount()).toBe(0);
  });

  it("of 200 hosts on 14 rows shows those in trouble and those under way, and counts the others", async () => {
    await using screen = new Screen({ columns: 60, rows: 14 });
    screen.happen(runStarted(fleet), failed("edge-7"));
    screen.happen(...["edge-10", "edge-11", "edge-12"].map(started));
    const { lines, wrapped } = screen.look();
    expect(wrapped).toBe(false);
    expect(lines).toEqual([
      "x edge-7   failed  12 s  http :80/healthz answered 502 f...",
      "* edge-10  copy     0 s",
      "* edge-11  copy     0 s",
      "* edge-12  copy     0 s",
      "",
      "switch: 1 failed, 3 under way, 196 waiting, 0 s",
    ]);
  });

  it("folds hosts at the same step and with the same trouble when there are more of them than rows", async () => {
    await using screen = new Screen({ columns: 60, rows: 10 });
    screen.happen(runStarted(fleet), ...fleet.slice(0, 40).map(failed), ...fleet.slice(40, 90).map(started));
    vi.advanceTimersByTime(3_000);
    screen.happen({ type: "step-started", host: name("edge-41"), step: "check" }, ...fleet.slice(90, 92).map(started));
    expect(screen.look().lines).toEqual([
      "x 40 hosts  failed       http :80/healthz answered 502 f...",
      "* edge-41   check   0 s",
      "* 51 hosts  copy    3 s  edge-42, edge-43, edge-44, edge...",
      "",
      "switch: 40 failed, 52 under way, 108 waiting, 3 s",
    ]);
  });

  it("says after Ctrl-C what is waited for and what another one does, in full however narrow", async () => {
    await using screen = new Screen({ columns: 42, rows: 24 });
    screen.happen(runStarted(["web-1", "web-2"]), started("web-1"), { type: "interrupted", leave: false });
    screen.stderr.write("^C");
    const { lines, wrapped } = screen.look();
    expect(wrapped).toBe(false);
    expect(lines).toEqual([
      "* web-1  copy     0 s",
      ". web-2  waiting",
      "",
      "stopping: no new host is begun; waiting",
      "for web-1 (copy)",
      "Ctrl-C again: leave now; their agents",
      "take back what is not committed",
      "switch: 1 under way, 1 waiting, 0 s",
    ]);
  });

  it("of a plan says that it is one, also after Ctrl-C", async () => {
    await using screen = new Screen({ columns: 60, rows: 24 });
    screen.happen({ ...runStarted(["web-1"]), planning: true } as RolloutHappening, started("web-1"));
    expect(screen.look().lines.at(-1)).toBe("planning switch: 1 under way, 0 s");
    screen.happen({ type: "interrupted", leave: false });
    expect(screen.look().lines.slice(-2)).toEqual([
      "stopping: planning changed nothing",
      "planning switch: 1 under way, 0 s",
    ]);
  });

  it("shows the last lines that hosts under way print when verbose, as many as there is room for", async () => {
    await using screen = new Screen({ columns: 60, rows: 12 }, { verbose: true });
    const log = (line: string): RolloutHappening => ({ type: "log", host: name("web-1"), step: "copy", line });
    screen.happen(runStarted(["web-1", "web-2"]), started("web-1"));
    screen.happen(...["one", "two", "three", "four", "\u001b[31mfive\u001b[0m", "six", "seven"].map(log));
    expect(screen.look().lines.slice(0, 7)).toEqual([
      "* web-1  copy     0 s",
      "    | three",
      "    | four",
      "    | five",
      "    | six",
      "    | seven",
      ". web-2  waiting",
    ]);
  });

  it("takes away all of a frame that a narrower terminal has wrapped", async () => {
    await using screen = new Screen({ columns: 80, rows: 24 });
    screen.happen(runStarted(["web-1"]), failed("web-1"));
    screen.look();
    const before = screen.stderr.text.length;
    screen.stderr.columns = 40;
    vi.advanceTimersByTime(1_000);
    // The line of the host took two rows of the narrower terminal, the other two lines one each.
    expect(screen.stderr.text.slice(before)).toMatch(/^\r\u001b\[4A/u);
  });

  it.each([
    [20, 3],
    [1, 1],
    [0, 0],
  ])("stays within a terminal of %i columns and %i rows", async (columns, rows) => {
    await using screen = new Screen({ columns, rows });
    screen.play(...typicalRun().slice(0, -1));
    const size = { columns: columns || 80, rows: rows || 24 };
    vi.advanceTimersByTime(200);
    expect(playTerminal(screen.stderr.text, size).wrapped).toBe(false);
  });

  it("is what auto means on a terminal, but not in CI, on a dumb one or anywhere else", async () => {
    const isDrawn = async (env: Record<string, string>, size?: { columns: number; rows: number }): Promise<boolean> => {
      const stderr = captureStream(size);
      const common = { colors: false, verbose: false, quiet: false, stdout: captureStream(), stderr };
      await using reporter = createReporter({ ...common, format: "auto", env });
      reporter.handle({ at: NOON, ...runStarted(["web-1"]) });
      return stderr.text.includes("\u001b[");
    };
    const size = { columns: 80, rows: 24 };
    expect(await isDrawn({}, size)).toBe(true);
    expect(await isDrawn({ CI: "false" }, size)).toBe(true);
    expect(await isDrawn({ CI: "true" }, size)).toBe(false);
    expect(await isDrawn({ TERM: "dumb" }, size)).toBe(false);
    expect(await isDrawn({})).toBe(false);
  });

  it("goes on without a word when nobody reads any more", async () => {
    const screen = new Screen({ columns: 80, rows: 24 });
    screen.stderr.destroy(new Error("EPIPE"));
    await vi.advanceTimersByTimeAsync(0);
    screen.play(...typicalRun());
    await screen[Symbol.asyncDispose]();
    expect(screen.stderr.text).toBe("");
  });
});
