/** Plays `skep demo` on a terminal of its own and draws what is seen as docs/demo.svg. Run by `npm run record`. */
import { writeFileSync } from "node:fs";
import { Writable } from "node:stream";
import process from "node:process";
import { createJiti } from "jiti";
import { runCli } from "../dist/cli/index.js";

const { playTerminal } = await createJiti(import.meta.url).import("../tests/report/virtual-terminal.ts");

const SIZE = { columns: 100, rows: 30 };
const CELL = { width: 8.4, height: 19 };
const MARGIN = 16;
/** How long the last picture stays before it begins again, in seconds. */
const REST = 6;

const { frames, exitCode } = await record();
if (exitCode !== 0) throw new Error(`the demo ended with ${exitCode}`);
writeFileSync(new URL("demo.svg", import.meta.url), draw(frames));

/** Both streams on one terminal, as one sees them. */
async function record() {
  const started = performance.now();
  const written = [];
  const stream = () =>
    Object.assign(
      new Writable({
        write(chunk, _encoding, done) {
          written.push({ at: (performance.now() - started) / 1000, text: String(chunk) });
          done();
        },
      }),
      { isTTY: true, ...SIZE },
    );
  const env = { ...process.env, NO_COLOR: "1", CI: "" };
  const code = await runCli(["demo"], { stdout: stream(), stderr: stream(), env, cwd: process.cwd() });
  return { frames: framesOf(written), exitCode: code };
}

/** What was on the screen, at most ten times a second, without repeats. */
function framesOf(written) {
  const made = [];
  let text = "";
  written.forEach(({ at, text: piece }, index) => {
    text += piece;
    const next = written[index + 1]?.at ?? Number.POSITIVE_INFINITY;
    if (Math.floor(next * 10) === Math.floor(at * 10)) return;
    const lines = playTerminal(text.replaceAll(/(?<!\r)\n/g, "\r\n"), SIZE).lines.slice(-SIZE.rows);
    if (made.at(-1)?.lines.join("\n") !== lines.join("\n")) made.push({ at, lines });
  });
  return made;
}

function draw(all) {
  const total = (all.at(-1)?.at ?? 0) + REST;
  const [width, height] = [SIZE.columns * CELL.width + 2 * MARGIN, SIZE.rows * CELL.height + 2 * MARGIN];
  const percent = (at) => `${((at / total) * 100).toFixed(3)}%`;
  const groups = all.map(({ lines }, index) => {
    const texts = lines.map((line, row) =>
      line === "" ? "" : `<text x="${MARGIN}" y="${MARGIN + (row + 0.75) * CELL.height}">${escape(line)}</text>`,
    );
    return `<g class="f f${index}">${texts.join("")}</g>`;
  });
  const rules = all.map(({ at }, index) => {
    const end = all[index + 1]?.at ?? total;
    const shown = `0%,${percent(at)}{visibility:hidden}${percent(at + 0.0005)},${percent(end)}{visibility:visible}`;
    const gone = index === all.length - 1 ? "" : `${percent(end + 0.0005)},100%{visibility:hidden}`;
    return `@keyframes k${index}{${shown}${gone}}.f${index}{animation:k${index} ${total.toFixed(2)}s step-end infinite}`;
  });
  // Where nothing moves, the last picture is shown.
  const still = `@media (prefers-reduced-motion:reduce){.f{animation:none}.f${all.length - 1}{visibility:visible}}`;
  return `<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 ${width} ${height}" font-family="ui-monospace,Menlo,Consolas,monospace" font-size="14">
<title>skep demo</title>
<style>.f{visibility:hidden;white-space:pre;fill:#d8dee9}text{white-space:pre}${rules.join("")}${still}</style>
<rect width="${width}" height="${height}" rx="8" fill="#1d2128"/>
${groups.join("\n")}
</svg>
`;
}

function escape(text) {
  return text.replaceAll("&", "&amp;").replaceAll("<", "&lt;").replaceAll(">", "&gt;");
}
