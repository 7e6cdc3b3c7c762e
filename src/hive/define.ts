import type { CheckFunction } from "./checks/check-function.ts";
import type {
  BaselineCheckInput,
  BaselineOptions,
  CheckTiming,
  CommandCheckInput,
  CommandCheckOptions,
  CustomCheckInput,
  CustomCheckOptions,
  HiveInput,
  HostInput,
  HttpCheckInput,
  HttpCheckOptions,
  TcpCheckInput,
  TcpCheckOptions,
  UnitCheckInput,
} from "./input.ts";

/** What a hive file exports: the hive, or a function that makes it, now or later. */
export type HiveDefinition = HiveInput | (() => HiveInput | Promise<HiveInput>);

/**
 * Describes a fleet; the default export of `hive.ts`. May be given a function, and that may be async: an inventory can
 * be fetched from anywhere. It is validated when the file is loaded.
 *
 * @example
 * export default defineHive({
 *   hosts: { "web-1": { target: "root@10.0.0.1", tags: ["web"], system: nixos({ flake: "." }) } },
 * });
 */
export function defineHive(hive: HiveDefinition): HiveDefinition {
  return hive;
}

/** Describes one host in a file of its own, with the editor's help; the hive takes it under the host's name. */
export function defineHost(host: HostInput): HostInput {
  return host;
}

/**
 * Passes when an HTTP request is answered as expected.
 * @example http({ port: 8080, path: "/healthz" })
 * @example http({ url: "https://www.example.org/", status: [200, 304], headers: { "content-type": "text/html" } })
 * @example http({ path: "/healthz", tls: { servername: "www.example.org", minDaysLeft: 14 } })
 */
export function http(options: HttpCheckOptions = {}): HttpCheckInput {
  return { ...options, kind: "http" };
}

/**
 * Passes when a TCP port accepts a connection.
 * @example tcp({ port: 5432, from: "host" })
 */
export function tcp(options: TcpCheckOptions): TcpCheckInput {
  return { ...options, kind: "tcp" };
}

/**
 * Passes when a systemd unit is active.
 * @example unit("nginx.service", { passes: 3 })
 */
export function unit(name: string, options: CheckTiming = {}): UnitCheckInput {
  return { ...options, kind: "unit", unit: name };
}

/**
 * Passes when a command ends with exit code 0.
 * @example command(["pg_isready", "-q"])
 * @example command(["./smoke-test"], { on: "operator", deadline: "2m" })
 */
export function command(
  argv: readonly [program: string, ...args: string[]],
  options: CommandCheckOptions = {},
): CommandCheckInput {
  return { ...options, kind: "command", argv };
}

/**
 * Passes when no systemd unit has failed that had not failed before the deployment.
 * @example baseline({ ignore: ["certbot.service"] })
 */
export function baseline(options: BaselineOptions = {}): BaselineCheckInput {
  return { ...options, kind: "baseline" };
}

/**
 * A check of one's own, in TypeScript. It passes unless it throws, or answers `false` or a reason.
 * @example
 * check("the queue drains", async ({ run }) => {
 *   const { stdout } = await run(["redis-cli", "llen", "jobs"]);
 *   return Number(stdout) < 1000 || `${stdout.trim()} jobs wait`;
 * })
 */
export function check(name: string, probe: CheckFunction, options: CustomCheckOptions = {}): CustomCheckInput {
  return { ...options, kind: "custom", name, probe };
}
