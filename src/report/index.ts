/** What people and programs see of a run: everything here is made from its events. */
export { reportErrorCodes } from "./errors.ts";
export { eventSchemas, eventsJsonSchema, EVENTS_VERSION } from "./ndjson/event-schema.ts";
export type { OutputFormat } from "./output-format.ts";
export type { OutputStream } from "./output.ts";
export type { Paint, Style } from "./paint.ts";
export { createPaint, useColors } from "./paint.ts";
export type { PastRunFormat } from "./past-run.ts";
export { renderPastRun } from "./past-run.ts";
export { plainLine } from "./plain-text.ts";
export type { Reporter, ReporterOptions } from "./reporter.ts";
export { createReporter } from "./reporter.ts";
export { planMarkdown } from "./plan/plan-markdown.ts";
export { planText } from "./plan/plan-text.ts";
export { summary } from "./summary.ts";
