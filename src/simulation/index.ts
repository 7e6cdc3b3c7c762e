/** Rollouts to hosts that do not exist, by the code that deploys to those that do. */
export { simulationErrorCodes } from "./errors.ts";
export type { Fault, FaultTime, HostFault, OperatorFault, SecondOperatorFault, SystemFault } from "./faults/fault.ts";
export { madeUpHive } from "./made-up-hive.ts";
export type { Outage } from "./outages.ts";
export { mostUnavailable } from "./outages.ts";
export type { Random } from "./random.ts";
export { createRandom } from "./random.ts";
export type { RandomFault } from "./faults/random-faults.ts";
export { RANDOM_FAULTS, randomFaults } from "./faults/random-faults.ts";
export type { ResumeOrder } from "./resume-simulated.ts";
export type { SimulateRolloutOptions } from "./simulate-rollout.ts";
export { simulateRollout } from "./simulate-rollout.ts";
export type { SimulatedEnd, SimulatedRollout, Struck, TimelineEntry } from "./simulated-rollout.ts";
export { SimulatedFleet } from "./simulated-fleet.ts";
export type { HostStanding, SystemWord } from "./standing.ts";
export { createVirtualClock } from "./clock/virtual-clock.ts";
export type { VirtualClock } from "./clock/virtual-clock.ts";
