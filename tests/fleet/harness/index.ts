/** Real hosts under the tests: systemd, sshd and Nix on Debian, made and removed by the suite. */
export type { FleetHostSpec } from "./assemble-host.ts";
export { fleetUnavailable } from "./available.ts";
export type { FleetClient, HostKeys } from "./client.ts";
export { startFleet } from "./fleet.ts";
export type { Fleet } from "./fleet.ts";
export type { FleetHost, HttpAnswer, WaitForHostOptions } from "./host.ts";
export type { ImageName } from "./image-recipe.ts";
export { OPERATOR_NIX_CONFIG, operatorEnvironment } from "./operator.ts";
export { must, run } from "./run.ts";
export type { Outcome, RunLocalOptions } from "./run.ts";
export { waitUntil } from "./wait.ts";
export type { Fault, Systems, SystemSpec } from "./systems.ts";
export { writeSystems } from "./systems.ts";
export { startDelayProxy } from "./delay-proxy.ts";
export type { DelayProxy, DelayProxyOptions } from "./delay-proxy.ts";
