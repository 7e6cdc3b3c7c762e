/** What a hive file imports as `skep`: the words to describe a fleet with. */
export type {
  ActivationInput,
  BaselineCheckInput,
  BaselineOptions,
  CheckCommandResult,
  CheckContext,
  CheckFetchOptions,
  CheckFunction,
  CheckInput,
  CheckTiming,
  CheckVerdict,
  CommandCheckInput,
  CommandCheckOptions,
  CommandHook,
  CommandLine,
  CustomCheckInput,
  CustomCheckOptions,
  DirectiveValue,
  DirectoryPackage,
  EtcInput,
  EtcOptions,
  FileFilter,
  FilePackage,
  FileSource,
  FlakeSource,
  HiveDefinition,
  HiveInput,
  Hooks,
  HostDefaults,
  HostInput,
  HttpCheckInput,
  HttpCheckOptions,
  LimitsInput,
  NativeSource,
  NixSource,
  NixosOptions,
  Package,
  Scope,
  ScopeHost,
  SecretUseInput,
  ServiceOptions,
  ServiceUnit,
  SocketOptions,
  SocketUnit,
  StorePathPackage,
  StorePathSource,
  SystemOptions,
  SystemSource,
  TarballPackage,
  TargetInput,
  TargetUnit,
  TcpCheckInput,
  TcpCheckOptions,
  Template,
  TextPackage,
  TimerOptions,
  TimerUnit,
  TlsInput,
  Unit,
  UnitCheckInput,
  UnitOptions,
  FunctionGateInput,
  GateContext,
  GateFunction,
  OnFailure,
  RolloutInput,
  Share,
  WaveInput,
} from "#hive";
export {
  baseline,
  check,
  command,
  defineHive,
  defineHost,
  directory,
  file,
  http,
  nixos,
  service,
  socket,
  storePath,
  system,
  tarball,
  target,
  tcp,
  text,
  timer,
  unit,
} from "#hive";
export type { Duration } from "#core";
export type { AgenixRules, KeysInput, RuleInput, SecretsDefinition, SecretsInput } from "#secrets";
export { agenixRules, defineSecrets } from "#secrets";
import type { SimulatedRollout, SimulateRolloutOptions } from "#simulation";
export type {
  Fault,
  FaultTime,
  HostStanding,
  SimulatedEnd,
  SimulatedRollout,
  SimulateRolloutOptions,
} from "#simulation";

/**
 * Deploys to hosts that do not exist, by the code that deploys to those that do, in no time: for tests of a policy. See
 * docs/simulating.md.
 * @example
 * const { report, mostUnavailable } = await simulateRollout({
 *   hosts: 100,
 *   policy: { waves: ["@canary", "10%", "rest"], maxUnavailable: "5%" },
 *   faults: [{ host: "host-1", kind: "unhealthy" }],
 * });
 */
export async function simulateRollout(options: SimulateRolloutOptions): Promise<SimulatedRollout> {
  // Loaded when it is called: a hive file imports this module, and needs none of it.
  const simulation = await import("#simulation");
  return simulation.simulateRollout(options);
}
