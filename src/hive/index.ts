/** What the user says: the hive, its validation, and the selection of hosts from it. */
export type { HiveDefinition } from "./define.ts";
export { command, defineHive, defineHost, http, tcp, unit } from "./define.ts";
export { HiveError, hiveErrorCodes } from "./errors.ts";
export type { Goal } from "./goal.ts";
export { activates, GOALS, installsSecrets, makesSystem, needsHost, persistsAfterReboot } from "./goal.ts";
export type {
  ActivationLimits,
  Check,
  CommandCheck,
  Hive,
  Host,
  HostName,
  HttpCheck,
  Limits,
  SecretUse,
  Target,
  TcpCheck,
  UnitCheck,
  Wave,
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
  RolloutInput,
  SecretUseInput,
  TargetInput,
  TcpCheckInput,
  TcpCheckOptions,
  UnitCheckInput,
} from "./input.ts";
export type {
  DirectoryPackage,
  FileFilter,
  FilePackage,
  Package,
  StorePathPackage,
  TarballPackage,
  TextPackage,
} from "./native-package.ts";
export { directory, file, storePath, tarball, text } from "./native-package.ts";
export type { Scope, ScopeHost, Template } from "./native-scope.ts";
export type {
  CommandHook,
  EtcEntry,
  EtcInput,
  EtcOptions,
  Hooks,
  NativeSource,
  SystemOptions,
} from "./native-system.ts";
export { system } from "./native-system.ts";
export type {
  CommandLine,
  DirectiveValue,
  ServiceOptions,
  ServiceUnit,
  SocketOptions,
  SocketUnit,
  TargetUnit,
  TimerOptions,
  TimerUnit,
  Unit,
  UnitOptions,
} from "./native-units.ts";
export { service, socket, target, timer } from "./native-units.ts";
export type { ParseHiveOptions } from "./parse-hive.ts";
export { parseHive } from "./parse-hive.ts";
export { selectHosts } from "./select-hosts.ts";
export type {
  FileSource,
  FlakeSource,
  NixosOptions,
  NixSource,
  StorePathSource,
  SystemSource,
} from "./system-source.ts";
export { nixos } from "./system-source.ts";
