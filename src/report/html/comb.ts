import type { Goal } from "#hive";
import type { HostState } from "../run/run-state.ts";
import { endingClass, endingWord } from "./endings.ts";
import type { Markup } from "./markup.ts";
import { markup } from "./markup.ts";

const [WIDTH, HEIGHT] = [20, 23];
const ROW = HEIGHT * 0.75;
/** How much wider than high a comb is. */
const ASPECT = 1.9;
const GAP = 1.2;

/** Every host as a cell of a honeycomb, in the colour of how it ended. Says nothing that the numbers beside it do not. */
export function comb(hosts: readonly HostState[], goal: Goal): Markup {
  const columns = Math.max(1, Math.ceil(Math.sqrt(hosts.length * ASPECT)));
  const rows = Math.ceil(hosts.length / columns);
  const cells = hosts.map((host, index) => {
    const row = Math.floor(index / columns);
    const x = (index % columns) * WIDTH + (row % 2) * (WIDTH / 2);
    return markup`<path class="${endingClass(host)}" d="${hexagon(x, row * ROW)}"
      ><title>${host.name}: ${endingWord(host, goal)}</title></path
    >`;
  });
  const [width, height] = [(columns + (rows > 1 ? 0.5 : 0)) * WIDTH, (rows - 1) * ROW + HEIGHT];
  const cell = hosts.length > 150 ? 0.55 : hosts.length > 24 ? 1 : 1.7;
  return markup`<svg
    class="comb"
    aria-hidden="true"
    viewBox="0 0 ${width} ${height}"
    width="${Math.round(width * cell)}"
    height="${Math.round(height * cell)}"
  >
    ${cells}
  </svg>`;
}

/** A hexagon that stands on its corner. */
function hexagon(left: number, top: number): string {
  const [x, y, w, h] = [left + GAP / 2, top + GAP / 2, WIDTH - GAP, HEIGHT - GAP];
  const points = [
    [x + w / 2, y],
    [x + w, y + h / 4],
    [x + w, y + (h * 3) / 4],
    [x + w / 2, y + h],
    [x, y + (h * 3) / 4],
    [x, y + h / 4],
  ];
  return `M${points.map(([px = 0, py = 0]) => `${px.toFixed(1)} ${py.toFixed(1)}`).join("L")}z`;
}
