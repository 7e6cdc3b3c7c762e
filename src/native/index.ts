/** Systems written in TypeScript, evaluated into closures without Nix. */
export { nativeErrorCodes } from "./errors.ts";
export type { NativeEvaluator, NativeEvaluatorOptions, NativeHost } from "./native-evaluator.ts";
export { openNativeEvaluator } from "./native-evaluator.ts";
export type { Manifest, ManifestUnit } from "./manifest.ts";
export { parseManifest } from "./manifest.ts";
export type { EtcChanges, HostUnits, UnitActions } from "./plan-switch.ts";
export { compareEtc, planUnits, unitsToAsk } from "./plan-switch.ts";
