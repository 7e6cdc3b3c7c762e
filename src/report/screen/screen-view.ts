import type { LiveView } from "../live-view.ts";
import type { Output } from "../output.ts";
import type { RunState } from "../run/run-state.ts";
import type { Paint } from "../text/paint.ts";
import { renderFrame } from "./frame.ts";
import type { TaskList } from "./task-list.ts";
import { openTaskList } from "./task-list.ts";
import type { DrawingPlace } from "./terminal.ts";
import { openDrawingPlace } from "./terminal.ts";

export interface ScreenOptions {
  readonly state: RunState;
  readonly paint: Paint;
  readonly verbose: boolean;
  readonly now: () => number;
}

const TICK_MS = 1_000;
const SHORTEST_FRAME_MS = 100;
const SETTLING_MS = 20;
const DEFAULT_COLUMNS = 80;
const DEFAULT_ROWS = 24;

/**
 * A run on a terminal, redrawn in place from its start to its end. Once the run is finished the screen is taken away:
 * what stays is the record written after it. A run left before its end leaves its last frame.
 */
export function openScreenView(output: Output, options: ScreenOptions): LiveView {
  const { state, now } = options;
  let list: TaskList | undefined;
  let place: DrawingPlace | undefined;
  let ticking: NodeJS.Timeout | undefined;
  let pending: NodeJS.Timeout | undefined;
  let drawnAt = -Infinity;

  const draw = (): void => {
    clearTimeout(pending);
    pending = undefined;
    drawnAt = now();
    // One column less: a full line would leave terminals in doubt about where the cursor is; one row less for it.
    const columns = Math.max(1, (output.columns || DEFAULT_COLUMNS) - 1);
    const rows = Math.max(1, (output.rows || DEFAULT_ROWS) - 1);
    place?.draw(renderFrame(state, { ...options, columns, rows, now: drawnAt }));
  };
  const drawSoon = (): void => {
    if (place === undefined || pending !== undefined) return;
    const restMs = SHORTEST_FRAME_MS - Math.max(0, now() - drawnAt);
    // Never at once: the end of a step and the start of the next belong into one frame.
    pending = setTimeout(draw, Math.max(SETTLING_MS, restMs)).unref();
  };
  const start = (): void => {
    place = openDrawingPlace(output);
    ticking = setInterval(draw, TICK_MS).unref();
    draw();
  };
  const end = (): void => {
    clearInterval(ticking);
    clearTimeout(pending);
    if (state.report === undefined) draw();
    else place?.erase();
    place?.[Symbol.dispose]();
    place = undefined;
  };

  return {
    show(event) {
      if (event.type === "run-started") list ??= openTaskList(event.hosts, { start, end });
      if (event.type === "host-finished") list?.settle(event.host);
      drawSoon();
    },
    async close() {
      await list?.[Symbol.asyncDispose]();
    },
  };
}
