/** What the user says: the hive, its validation, and the selection of hosts from it. */
export type { HiveDefinition } from "./define.ts";
export { command, defineHive, defineHost, http, tcp, unit } from "./define.ts";
export { HiveError, hiveErrorCodes } from "./errors.ts";
export type { Goal } from "./goal.ts";
export { activates, GOALS, needsHost, persistsAfterReboot } from "./goal.ts";
export type {
  ActivationLimits,
  Check,
  CommandCheck,
  Hive,
  Host,
  HostName,
  HttpCheck,
  Limits,
  Target,
  TcpCheck,
  UnitCheck,
} from "./hive.ts";
export type {
  ActivationInput,
  CheckInput,
  CheckTiming,
  CommandCheckInput,
  CommandCheckOptions,
  HiveInput,
  HostDefaults,
  HostInput,
  HttpCheckInput,
  HttpCheckOptions,
  LimitsInput,
  TargetInput,
  TcpCheckInput,
  TcpCheckOptions,
  UnitCheckInput,
} from "./input.ts";
export type { ParseHiveOptions } from "./parse-hive.ts";
export { parseHive } from "./parse-hive.ts";
export { selectHosts } from "./select-hosts.ts";
export type { FileSource, FlakeSource, NixosOptions, StorePathSource, SystemSource } from "./system-source.ts";
export { nixos } from "./system-source.ts";
