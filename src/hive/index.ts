/** What the user says: the hive, its validation, and the selection of hosts from it. */
export type {
  CheckCommandResult,
  CheckContext,
  CheckFetchOptions,
  CheckFunction,
  CheckVerdict,
} from "./checks/check-function.ts";
export type { HiveDefinition } from "./define.ts";
export { baseline, check, command, defineHive, defineHost, http, tcp, unit } from "./define.ts";
export { HiveError, hiveErrorCodes } from "./errors.ts";
export { globMatches, parseGlob } from "./selection/glob.ts";
export type { Goal, PlanGoal } from "./goal.ts";
export { activates, GOALS, installsSecrets, makesSystem, needsHost, persistsAfterReboot, PLAN_GOALS } from "./goal.ts";
export type {
  ActivationLimits,
  BaselineCheck,
  Check,
  CommandCheck,
  CustomCheck,
  HeaderExpectation,
  Hive,
  Host,
  HostName,
  HttpCheck,
  Limits,
  SecretUse,
  Target,
  TcpCheck,
  TlsExpectations,
  UnitCheck,
} from "./hive.ts";
export type {
  ActivationInput,
  BaselineCheckInput,
  BaselineOptions,
  CheckInput,
  CheckTiming,
  CommandCheckInput,
  CommandCheckOptions,
  CustomCheckInput,
  CustomCheckOptions,
  HiveInput,
  HostDefaults,
  HostInput,
  HttpCheckInput,
  HttpCheckOptions,
  LimitsInput,
  SecretUseInput,
  TargetInput,
  TcpCheckInput,
  TcpCheckOptions,
  TlsInput,
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
} from "./native/native-package.ts";
export { directory, file, storePath, tarball, text } from "./native/native-package.ts";
export { ARTIFACTS_FOLDER, STATE_FOLDER } from "./own-folders.ts";
export type { Scope, ScopeHost, Template } from "./native/native-scope.ts";
export type {
  CommandHook,
  EtcEntry,
  EtcInput,
  EtcOptions,
  Hooks,
  NativeSource,
  SystemOptions,
} from "./native/native-system.ts";
export { system } from "./native/native-system.ts";
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
} from "./native/native-units.ts";
export { service, socket, target, timer } from "./native/native-units.ts";
export { amountExpected, parseAmount, writeAmount } from "./rollout/amount.ts";
export type { Share } from "./rollout/amount.ts";
export { makeWaves, takesRest } from "./rollout/make-waves.ts";
export type { WaveRead } from "./rollout/rollout-schema.ts";
export { ON_FAILURE, REST } from "./rollout/rollout-schema.ts";
export { MAX_DURATION_MS } from "./words.ts";
export type { FunctionGateInput, GateInput, RolloutInput, WaveInput } from "./rollout/rollout-input.ts";
export type {
  Amount,
  Gate,
  GateContext,
  GateFunction,
  OnFailure,
  RolloutPolicy,
  WavePolicy,
} from "./rollout/rollout-policy.ts";
export { countOf } from "./rollout/rollout-policy.ts";
export type { ParseHiveOptions } from "./parse-hive.ts";
export { parseHive } from "./parse-hive.ts";
export { selectHosts } from "./selection/select-hosts.ts";
export type {
  FileSource,
  FlakeSource,
  NixosOptions,
  NixSource,
  StorePathSource,
  SystemSource,
} from "./host/system-source.ts";
export { nixos } from "./host/system-source.ts";
