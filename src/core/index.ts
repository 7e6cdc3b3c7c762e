/** Words without a domain: errors, argv, commands, time, sizes. */
export type { Argv } from "./argv.ts";
export { quoteArgv, quoteWord } from "./argv.ts";
export { formatBytes } from "./bytes.ts";
export type { Clock } from "./clock.ts";
export { systemClock } from "./clock.ts";
export type { CommandChannel, CommandExit, CommandResult, CommandRunner, OpenOptions, RunOptions } from "./command.ts";
export { describeExit, lastLines, succeeded } from "./command.ts";
export type { Deadline } from "./deadline.ts";
export { abortable, startDeadline } from "./deadline.ts";
export type { Duration } from "./duration.ts";
export { formatDuration, parseDuration } from "./duration.ts";
export type { ErrorCode, SkepErrorJson, SkepErrorOptions } from "./errors.ts";
export { errnoOf, messageOf, reasonOf, SkepError } from "./errors.ts";
export { localTime } from "./local-time.ts";
export { once } from "./once.ts";
export { Redacted } from "./redacted.ts";
export { closest, didYouMean } from "./suggest.ts";
export { writeFileAtomically } from "./write-file.ts";
