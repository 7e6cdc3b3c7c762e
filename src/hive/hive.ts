import type { CheckFunction } from "./checks/check-function.ts";
import type { SystemSource } from "./host/system-source.ts";
import type { RolloutPolicy } from "./rollout/rollout-policy.ts";

declare const hostName: unique symbol;
/** The name of a host in the hive; made by validation only. */
export type HostName = string & { readonly [hostName]: true };

/** A validated hive: every default filled in, every duration in milliseconds, deeply frozen. */
export interface Hive {
  readonly name: string;
  /** The hive file's folder, which relative paths in the hive start from. */
  readonly directory: string;
  /** In the order the hive file gives them. */
  readonly hosts: readonly Host[];
  readonly rollout: RolloutPolicy;
  readonly limits: Limits;
}

/** One machine of a {@link Hive}. */
export interface Host {
  readonly name: HostName;
  readonly target: Target;
  readonly tags: readonly string[];
  readonly elevation: "none" | "sudo";
  readonly system: SystemSource;
  readonly checks: readonly Check[];
  readonly activation: ActivationLimits;
  readonly substitute: boolean;
  /** `auto`: what the first look finds. */
  readonly store: "auto" | "nix" | "posix";
  /** Sorted by name. */
  readonly secrets: readonly SecretUse[];
  /** Private key files on the host that open its secrets, absolute. Those that are not there are passed over. */
  readonly identityPaths: readonly string[];
}

/** A secret as one host has it. */
export interface SecretUse {
  /** As secrets/secrets.ts calls it. */
  readonly name: string;
  readonly owner: string;
  /** Undefined: the owner's own. */
  readonly group: string | undefined;
  /** Four octal digits. */
  readonly mode: string;
  /** A link to the secret, absolute; undefined when none is wanted. */
  readonly path: string | undefined;
  /** Units to restart when it changed. */
  readonly restart: readonly string[];
  /** Units to reload when it changed. */
  readonly reload: readonly string[];
  /** Who opens it: the host with its own key, or skep before it is sent. */
  readonly open: "host" | "operator";
}

/** Where to connect. What is undefined is left to ssh_config. */
export interface Target {
  readonly host: string;
  readonly user: string | undefined;
  readonly port: number | undefined;
  /** Absolute path. */
  readonly identityFile: string | undefined;
  readonly proxyJump: string | undefined;
  readonly hostKey: string | undefined;
  /** The folder on the target that everything lies under; `""` for the target itself. */
  readonly root: string;
}

export interface ActivationLimits {
  /** For one run of switch-to-configuration. */
  readonly timeoutMs: number;
  /** For the whole proof: from the end of the activation to the confirmation. */
  readonly confirmTimeoutMs: number;
}

export interface Limits {
  readonly parallel: number;
  readonly evaluate: number;
  /** Undefined: half of what is free when the evaluation starts. */
  readonly evaluateMemoryMiB: number | undefined;
  readonly build: number;
  readonly copy: number;
  readonly activate: number;
}

export type Check = HttpCheck | TcpCheck | UnitCheck | CommandCheck | BaselineCheck | CustomCheck;

interface CheckBase {
  readonly name: string;
  readonly periodMs: number;
  readonly timeoutMs: number;
  readonly deadlineMs: number;
  readonly passes: number;
  /** Failures in a row that fail it during the soak. */
  readonly failures: number;
  /** Whether it must pass even when it did not before the deployment. */
  readonly required: boolean;
}

export interface HttpCheck extends CheckBase {
  readonly kind: "http";
  /** Undefined: made from the target's address, `port` and `path`. */
  readonly url: string | undefined;
  readonly port: number;
  readonly path: string;
  readonly method: "GET" | "HEAD";
  /** One of these; undefined: any from 200 to 299. */
  readonly status: number | readonly number[] | undefined;
  /** Names in lower case. */
  readonly headers: readonly HeaderExpectation[];
  readonly body: string | undefined;
  /** Given without a `url`, it makes the request an https one. */
  readonly tls: TlsExpectations | undefined;
  readonly from: "operator" | "host";
}

/** What one header of an answer must be. */
export type HeaderExpectation =
  { readonly name: string; readonly contains: string } | { readonly name: string; readonly equals: string };

export interface TlsExpectations {
  /** Whole days. */
  readonly minDaysLeft: number;
  /** Undefined: the URL's. */
  readonly servername: string | undefined;
  /** Certificates in PEM; undefined: those Node trusts. */
  readonly ca: readonly string[] | undefined;
  /** SHA-256 of the certificate: 64 digits in lower case. */
  readonly fingerprint: string | undefined;
}

export interface TcpCheck extends CheckBase {
  readonly kind: "tcp";
  readonly port: number;
  readonly address: string | undefined;
  readonly from: "operator" | "host";
}

export interface UnitCheck extends CheckBase {
  readonly kind: "unit";
  readonly unit: string;
}

export interface CommandCheck extends CheckBase {
  readonly kind: "command";
  readonly argv: readonly [program: string, ...args: string[]];
  readonly on: "host" | "operator";
}

export interface BaselineCheck extends CheckBase {
  readonly kind: "baseline";
  /** Globs of unit names. */
  readonly ignore: readonly string[];
}

export interface CustomCheck extends CheckBase {
  readonly kind: "custom";
  readonly probe: CheckFunction;
}
