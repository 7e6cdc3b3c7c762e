/** What a hive file imports as `skep`: the words to describe a fleet with. */
export type {
  ActivationInput,
  CheckInput,
  CheckTiming,
  CommandCheckInput,
  CommandCheckOptions,
  FileSource,
  FlakeSource,
  HiveDefinition,
  HiveInput,
  HostDefaults,
  HostInput,
  HttpCheckInput,
  HttpCheckOptions,
  LimitsInput,
  NixosOptions,
  StorePathSource,
  SystemSource,
  TargetInput,
  TcpCheckInput,
  TcpCheckOptions,
  UnitCheckInput,
} from "#hive";
export { command, defineHive, defineHost, http, nixos, tcp, unit } from "#hive";
export type { Duration } from "#core";
