import { formatBytes, formatDuration } from "#core";
import type { Step } from "#rollout";
import { describeHost } from "../run/describe-host.ts";
import type { HostState, PastStep, RunState } from "../run/run-state.ts";
import { logBefore } from "../run/troubles.ts";
import { plainLine, plainLines } from "../text/plain-text.ts";
import { counted } from "../text/words.ts";
import type { Markup } from "./markup.ts";
import { markup } from "./markup.ts";

/** What was done on one host, behind a line to open. */
export function hostDetails(host: HostState, { state }: { readonly state: RunState }): Markup {
  const { course, report } = host;
  const facts = describeHost(host);
  if (course.length === 0 && facts.length === 0) return markup`<p class="nothing">${whyNothing(host)}</p>`;
  const error = report !== undefined && "error" in report ? report.error : undefined;
  const log = error === undefined ? [] : logBefore(host, error);
  return markup`<details>
    <summary>
      ${course.length === 0 ? "What is known" : counted(course.length, "step")}<span class="hidden">
        of ${host.name}</span
      >
    </summary>
    <div class="details">
      ${course.length === 0 ? undefined : stepsTable(host, state.startedAt ?? 0)}
      ${
        facts.length === 0
          ? undefined
          : markup`<dl>
              ${facts.map(
                ([name, text]) =>
                  markup`<div>
                    <dt>${name}</dt>
                    <dd>${text}</dd>
                  </div>`,
              )}
            </dl>`
      }
      ${error === undefined ? undefined : markup`<pre tabindex="0" aria-label="Error and last output of ${host.name}">${[...plainLines(error.message), ...log].join("\n")}</pre>`}
    </div>
  </details>`;
}

function whyNothing({ report }: HostState): string {
  if (report === undefined) return "nothing was begun";
  return "reason" in report ? plainLine(report.reason) : "error" in report ? plainLine(report.error.message) : "";
}

function stepsTable({ name, course }: HostState, startedAt: number): Markup {
  return markup`<table class="steps">
    <caption class="hidden">
      The steps of ${name}
    </caption>
    <thead>
      <tr>
        <th scope="col">Step</th>
        <th scope="col" class="number">From</th>
        <th scope="col" class="number">Took</th>
        <th scope="col">Result</th>
      </tr>
    </thead>
    <tbody>
      ${course.map((past) => stepRow(past, startedAt))}
    </tbody>
  </table>`;
}

function stepRow(past: PastStep, runStartedAt: number): Markup {
  const { step, startedAt, endedAt, error } = past;
  const took = endedAt === undefined ? "" : formatDuration(endedAt - startedAt);
  const result = error === undefined ? (endedAt === undefined ? "not ended" : "") : `failed: ${plainLine(error.code)}`;
  return markup`<tr>
    <th scope="row">${step}</th>
    <td class="number">+${formatDuration(Math.max(0, startedAt - runStartedAt))}</td>
    <td class="number">${took}</td>
    <td>${result}</td>
  </tr> `;
}

/** Hosts that went the same way, behind a line to open: a row for each, a column for each step. */
export function groupDetails(group: readonly HostState[]): Markup {
  const steps = [...new Set(group.flatMap(({ course }) => course.map(({ step }) => step)))];
  return markup`<details>
    <summary>Each of the ${counted(group.length, "host")}</summary>
    <div class="details">
      <table class="matrix">
        <caption class="hidden">
          How long each step took on each host
        </caption>
        <thead>
          <tr>
            <th scope="col">Host</th>
            ${steps.map((step) => markup`<th scope="col" class="number">${step}</th>`)}
            <th scope="col" class="number">Took</th>
            <th scope="col" class="number">Copied</th>
            <th scope="col" class="number">Generation</th>
          </tr>
        </thead>
        <tbody>
          ${group.map((host) => matrixRow(host, steps))}
        </tbody>
      </table>
    </div>
  </details>`;
}

function matrixRow({ name, course, report }: HostState, steps: readonly Step[]): Markup {
  const copied = report?.copiedBytes ?? 0;
  return markup`<tr>
    <th scope="row">${name}</th>
    ${steps.map((step) => markup`<td class="number">${tookOf(step, course)}</td>`)}
    <td class="number">
      ${report === undefined || report.outcome === "skipped" ? "" : formatDuration(report.durationMs)}
    </td>
    <td class="number">${copied === 0 ? "" : formatBytes(copied)}</td>
    <td class="number">${report?.generation}</td>
  </tr> `;
}

/** How long a step took on a host, all times that it was done. */
function tookOf(step: Step, course: readonly PastStep[]): string {
  const times = course.flatMap((past) =>
    past.step === step && past.endedAt !== undefined ? past.endedAt - past.startedAt : [],
  );
  return times.length === 0 ? "" : formatDuration(times.reduce((total, ms) => total + ms, 0));
}
