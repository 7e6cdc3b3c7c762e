import { formatDuration } from "#core";
import type { HostState, PastStep } from "../run/run-state.ts";
import { counted } from "../text/words.ts";
import type { Markup } from "./markup.ts";
import { markup } from "./markup.ts";
import { kindOfStep } from "./step-kinds.ts";
import type { TimeScale } from "./time-scale.ts";
import { placeOf, SCALE_WIDTH } from "./time-scale.ts";

/** What lies behind every lane. */
export interface LanesOptions {
  readonly scale: TimeScale;
  /** Milliseconds since 1970: when a step that did not end is drawn to. */
  readonly endedAt: number;
}

const LANE = 10;
/** A step that took no time is seen all the same. */
const NARROWEST = 2;
const ONE_LANE_PX = 22;
const MOST_LANE_PX = 6;
const MOST_PX = 260;

/** Hosts as lanes, one under another for each on which something was done, their steps along the time: one drawing, with one path for each kind of step. */
export function lanes(hosts: readonly HostState[], { scale, endedAt }: LanesOptions): Markup {
  const drawn = hosts.filter(({ course }) => course.length > 0);
  const height = Math.max(1, drawn.length) * LANE;
  const paths = new Map<string, string[]>();
  const add = (name: string, shape: string): void => {
    const shapes = paths.get(name) ?? [];
    shapes.push(shape);
    paths.set(name, shapes);
  };
  for (const [index, { course }] of drawn.entries()) {
    for (const past of course) add(classOf(past), stepShape(past, { top: index * LANE, scale, endedAt }));
  }
  const pixels = drawn.length <= 1 ? ONE_LANE_PX : Math.min(MOST_PX, Math.max(40, drawn.length * MOST_LANE_PX));
  const shapes = Array.from(paths, ([name, shapes]) => markup`<path class="${name}" d="${shapes.join("")}" />`);
  return markup`<svg
    class="lanes"
    role="img"
    aria-label="${labelOf(hosts)}"
    viewBox="0 0 ${SCALE_WIDTH} ${height}"
    height="${pixels}"
    preserveAspectRatio="none"
  >
    <path class="grid" d="${gridShape(scale, height)}" />
    ${shapes}
  </svg>`;
}

function classOf({ step, error, endedAt }: PastStep): string {
  const how = error !== undefined ? " bad" : endedAt === undefined ? " open" : "";
  return `k-${kindOfStep(step)}${how}`;
}

/** A step that failed fills its lane, so that it is seen without its colour too. */
function stepShape(
  { startedAt, endedAt: its, error }: PastStep,
  { top, scale, endedAt }: LanesOptions & { readonly top: number },
): string {
  const from = placeOf(startedAt, scale);
  const width = Math.max(NARROWEST, placeOf(its ?? endedAt, scale) - from);
  const left = Math.min(from, SCALE_WIDTH - width);
  const [inset, height] = error === undefined ? [LANE * 0.2, LANE * 0.6] : [0, LANE];
  return `M${short(left)} ${short(top + inset)}h${short(width)}v${short(height)}h-${short(width)}z`;
}

function gridShape({ ticks }: TimeScale, height: number): string {
  return Array.from({ length: ticks }, (_, tick) => `M${short((tick * SCALE_WIDTH) / ticks)} 0h1v${height}h-1z`).join(
    "",
  );
}

function short(value: number): string {
  return String(Math.round(value * 10) / 10);
}

/** The same for those who do not see it. */
function labelOf(hosts: readonly HostState[]): string {
  const [first] = hosts;
  if (first === undefined || hosts.length > 1)
    return `The steps of ${counted(hosts.length, "host")}; the table below has them`;
  return first.course.length === 0 ? "Nothing was begun" : first.course.map(tell).join(", ");
}

function tell({ step, startedAt, endedAt, error }: PastStep): string {
  const took = endedAt === undefined ? "not ended" : formatDuration(endedAt - startedAt);
  return `${step} ${took}${error === undefined ? "" : ", failed"}`;
}
