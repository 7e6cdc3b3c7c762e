import { SkepError } from "#core";

/** When each error of the simulation layer happens. */
export const simulationErrorCodes = {
  "simulation/invalid": "a fault or a fleet to be simulated makes no sense",
  "simulation/stuck": "a simulated run waits for something that will never happen",
} as const;

export class SimulationError extends SkepError<keyof typeof simulationErrorCodes> {}
