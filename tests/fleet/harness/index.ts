/**
 * Real hosts under the tests: systemd, sshd and Nix on Debian, made and removed by the suite.
 * Test files begin with `describe.skipIf(fleetUnavailable() !== undefined)`: where the fleet cannot run, they are
 * skipped and the reason is printed once; with `CI` set, the run fails instead.
 */
export type { FleetHostSpec } from "./assemble-host.ts";
export { fleetUnavailable } from "./available.ts";
export { startDelayProxy } from "./delay-proxy.ts";
export { startFleet } from "./fleet.ts";
export type { Fleet } from "./fleet.ts";
export type { FleetHost } from "./host.ts";
export { must, run } from "./run.ts";
export { writeSystems } from "./systems.ts";
export type { Systems, SystemSpec } from "./systems.ts";
export { waitUntil } from "./wait.ts";
