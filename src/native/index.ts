/** Systems written in TypeScript, evaluated into closures without Nix. */
export { nativeErrorCodes } from "./errors.ts";
export type { NativeEvaluator, NativeEvaluatorOptions, NativeHost } from "./native-evaluator.ts";
export { openNativeEvaluator } from "./native-evaluator.ts";
