/** Throw-away SSH hosts inside this process: for trying a hive, for the demo, and for tests. */
export { sandboxErrorCodes } from "./errors.ts";
export type { SandboxFaults, SandboxHost, SandboxTarget } from "./sandbox-host.ts";
export type { SandboxTwin } from "./sandbox-twin.ts";
export { sandboxTwin, twinsOf } from "./sandbox-twin.ts";
export { standInSecrets } from "./stand-in-secrets.ts";
export type { Sandbox, SandboxOptions } from "./start-sandbox.ts";
export { startSandbox } from "./start-sandbox.ts";
