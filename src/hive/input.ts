import type { Duration } from "#core";
import type { CheckFunction } from "./checks/check-function.ts";
import type { SystemSource } from "./host/system-source.ts";
import type { RolloutInput } from "./rollout/rollout-input.ts";

/** What a hive file exports through {@link defineHive}. */
export interface HiveInput {
  /** What this fleet is called in reports. Default: the name of the hive file's folder. */
  readonly name?: string | undefined;
  /** The hosts, by name. A name is what `--on`, reports and errors say: lower case letters, digits, `-`, `_` and `.`. */
  readonly hosts: Readonly<Record<string, HostInput>>;
  /** What every host takes unless it says otherwise. Its `tags` are added to each host's own. */
  readonly defaults?: HostDefaults | undefined;
  /** In which order the hosts get their turn, and what happens when some do not end well. */
  readonly rollout?: RolloutInput | undefined;
  /** How much happens at once. */
  readonly limits?: LimitsInput | undefined;
}

/** One machine: how to reach it, what it runs, and how to tell that it is well. */
export interface HostInput extends HostDefaults {
  /**
   * Where to connect: `"root@10.0.0.5"`, `"deploy@web.example.org:2222"`, an alias of `~/.ssh/config`, or an object.
   * What is not said here comes from `~/.ssh/config`. Default: the host's own name. No two hosts may share one.
   */
  readonly target?: string | TargetInput | undefined;
  /** What this host runs: `nixos({ flake: "." })` and its siblings. */
  readonly system: SystemSource;
}

/** The settings of a host that a whole fleet may share. */
export interface HostDefaults {
  /** Words to select hosts by: `--on @web`. Lower case letters, digits, `-`, `_` and `.`. */
  readonly tags?: readonly string[] | undefined;
  /** How skep becomes root on the host when it logs in as another user. Default: `"sudo"` (without a password). */
  readonly elevation?: "none" | "sudo" | undefined;
  /**
   * Proof that the host is well, gathered over a fresh login while the new system runs and before it becomes the
   * default. All must pass, or the host goes back to what it ran before.
   */
  readonly checks?: readonly CheckInput[] | undefined;
  /** Time limits of the change on the host. */
  readonly activation?: ActivationInput | undefined;
  /** Whether the host may fetch paths from its own substituters before they are sent. Default: false. */
  readonly substitute?: boolean | undefined;
  /**
   * The kind of the host's store: `"nix"` is spoken to through `nix-store`, `"posix"` is `/nix/store` filled with `sh` and
   * `tar` alone. Default: `"auto"`, which is `"nix"` where the host has `nix-store` and no `root` is given.
   */
  readonly store?: "auto" | "nix" | "posix" | undefined;
  /**
   * The secrets that programs on the host read, by their names in `secrets/secrets.ts`. Each is at
   * `/run/skep/secrets/<name>`, in memory only. What a host says of a secret takes the place of all that the defaults say
   * of it.
   * @example { "db/password": { owner: "postgres", restart: ["api.service"] } }
   */
  readonly secrets?: Readonly<Record<string, SecretUseInput>> | undefined;
  /**
   * Private key files on the host that its secrets are opened with.
   * Default: `/etc/ssh/ssh_host_ed25519_key` and `/etc/ssh/ssh_host_rsa_key`, those that are there.
   */
  readonly identityPaths?: readonly string[] | undefined;
}

/** How a host has a secret. */
export interface SecretUseInput {
  /** Who may read it: a user's name or number. Default: `"root"`. */
  readonly owner?: string | undefined;
  /** Default: the owner's own group. */
  readonly group?: string | undefined;
  /** Octal permissions. Default: `"0400"`. */
  readonly mode?: string | undefined;
  /** A path that becomes a link to the secret, for programs that look for it in one place only. */
  readonly path?: string | undefined;
  /** Units to restart when its content, owner or mode changed. */
  readonly restart?: readonly string[] | undefined;
  /** Units to reload when its content, owner or mode changed. */
  readonly reload?: readonly string[] | undefined;
  /**
   * - `"host"`: it travels encrypted, and the host opens it with its SSH host key, again at every boot. Default.
   * - `"operator"`: skep opens it in memory and sends it to the host's memory. Nothing in the repository can be read with
   *   the host's key; after a reboot the host waits for the next deployment or `skep deploy secrets`.
   */
  readonly open?: "host" | "operator" | undefined;
}

/** A target spelled out. Every field may be left to `~/.ssh/config`. */
export interface TargetInput {
  /** Address, DNS name or alias of `~/.ssh/config`. Default: the host's name in the hive. */
  readonly host?: string | undefined;
  /** Login name. Default: `~/.ssh/config`, then `root`. */
  readonly user?: string | undefined;
  /** TCP port of sshd. Default: `~/.ssh/config`, then 22. */
  readonly port?: number | undefined;
  /** A private key file to log in with, relative to the hive file. Tried after the agent's keys. */
  readonly identityFile?: string | undefined;
  /** A host to connect through, as in `ssh -J`: `"bastion"`, `"me@bastion:2222"`, several with commas. */
  readonly proxyJump?: string | undefined;
  /** The host's public key as `"ssh-ed25519 AAAA…"`. When given, known_hosts is not consulted for this host. */
  readonly hostKey?: string | undefined;
  /**
   * A folder on the target to deploy below, instead of to the target itself: an image that is being prepared, or a
   * chroot. Everything goes to `<root>/nix/store`, `<root>/etc` and so on.
   */
  readonly root?: string | undefined;
}

/** Time limits of the change on the host. Durations are `"90s"`, `"5m"` or milliseconds. */
export interface ActivationInput {
  /** How long `switch-to-configuration` may take, forward or back, before it is killed. Default: `"5m"`. */
  readonly timeout?: Duration | undefined;
  /**
   * How long the host waits, with the new system running, for skep to come back over a fresh login and confirm it;
   * then it goes back by itself. More than the checks may take; default: 30 seconds more.
   */
  readonly confirmTimeout?: Duration | undefined;
}

/** How much happens at once. */
export interface LimitsInput {
  /** Hosts being deployed at one time. Default: 10. */
  readonly parallel?: number | undefined;
  /** Nix evaluations at one time. Default: 1. */
  readonly evaluate?: number | undefined;
  /** Memory that evaluations may use together, in MiB. Default: half of what is free. */
  readonly evaluateMemoryMiB?: number | undefined;
  /** Systems being built at one time; Nix spreads each over its own `max-jobs`. Default: 2. */
  readonly build?: number | undefined;
  /** Hosts being copied to at one time. Default: 10. */
  readonly copy?: number | undefined;
  /** Hosts between the start of their activation and its end at one time. Default: 10. */
  readonly activate?: number | undefined;
}

/**
 * One kind of proof; made by {@link http}, {@link tcp}, {@link unit}, {@link command}, {@link baseline} and
 * {@link check}.
 */
export type CheckInput =
  HttpCheckInput | TcpCheckInput | UnitCheckInput | CommandCheckInput | BaselineCheckInput | CustomCheckInput;

/** When and how often a check is tried. */
export interface CheckTiming {
  /** What the check is called in reports, unlike the host's other checks. Default: made from what it checks. */
  readonly name?: string | undefined;
  /** From the start of one attempt to the start of the next. Default: `"1s"`. */
  readonly period?: Duration | undefined;
  /** How long one attempt may take. Default: `"5s"`. */
  readonly timeout?: Duration | undefined;
  /** How long the check may take to pass, all attempts together. Default: `"60s"`. */
  readonly deadline?: Duration | undefined;
  /** Passes in a row that are wanted. Default: 1. */
  readonly passes?: number | undefined;
  /** Failures in a row that are too many once it has passed, while the rollout lets the host soak. Default: 3. */
  readonly failures?: number | undefined;
  /**
   * Whether the check must pass even when it did not before the deployment. Otherwise what was ill already does not
   * count. Default: false.
   */
  readonly required?: boolean | undefined;
}

/** An HTTP request that must be answered as expected. */
export interface HttpCheckOptions extends CheckTiming {
  /** The whole URL. Default: made from the target's address with `port` and `path`. */
  readonly url?: string | undefined;
  /** The port, when no `url` is given. Default: 80, with `tls` 443. */
  readonly port?: number | undefined;
  /** The path, when no `url` is given. Default: `"/"`. */
  readonly path?: string | undefined;
  /** Default: `"GET"`. */
  readonly method?: "GET" | "HEAD" | undefined;
  /** The status wanted, or those that will do. Default: any from 200 to 299. Redirections are not followed. */
  readonly status?: number | readonly number[] | undefined;
  /**
   * Headers the answer must have: text that one must contain, or what it must be.
   * @example { "content-type": "text/html", "x-release": { equals: "v2" } }
   */
  readonly headers?: Readonly<Record<string, string | { readonly equals: string }>> | undefined;
  /** Text that the first 64 KiB of the body must contain. */
  readonly body?: string | undefined;
  /**
   * What the certificate must be. `{}` alone, without a `url`, makes the request an https one; an https `url` is verified
   * without it, too.
   */
  readonly tls?: TlsInput | undefined;
  /**
   * Where the request starts: `"operator"` connects from this machine; `"host"` goes through the SSH connection and
   * starts on the host itself (to `127.0.0.1` unless a `url` says otherwise). Default: `"operator"`.
   */
  readonly from?: "operator" | "host" | undefined;
}

/** What a server's certificate must be. It must be valid today, whatever else is said. */
export interface TlsInput {
  /** Whole days for which the certificate must stay valid. Default: 0. */
  readonly minDaysLeft?: number | undefined;
  /**
   * The name that the server is asked for and that the certificate must have. Default: the URL's host. Where no `url` is
   * given the request's `Host` is this too.
   */
  readonly servername?: string | undefined;
  /** Certificates in PEM to trust in place of Node's own; for a certificate of one's own authority. */
  readonly ca?: string | readonly string[] | undefined;
  /**
   * The certificate's SHA-256 as `openssl x509 -fingerprint -sha256` prints it. Without `ca` it alone is the proof, and the
   * certificate may be self-signed and of any name.
   */
  readonly fingerprint?: string | undefined;
}

/** A TCP port that must accept a connection. */
export interface TcpCheckOptions extends CheckTiming {
  readonly port: number;
  /** Address to connect to. Default: the target's own, or `127.0.0.1` from the host. */
  readonly address?: string | undefined;
  /** Where the connection starts; see {@link HttpCheckOptions.from}. Default: `"operator"`. */
  readonly from?: "operator" | "host" | undefined;
}

/** A command that must end with exit code 0. */
export interface CommandCheckOptions extends CheckTiming {
  /** Where it runs: on the host, as root, or on this machine with `SKEP_HOST` and `SKEP_ADDRESS` set. Default: `"host"`. */
  readonly on?: "host" | "operator" | undefined;
}

/** Units that fail since the deployment. */
export interface BaselineOptions extends CheckTiming {
  /** Units that may fail, as names or globs: `["certbot.service", "backup-*"]`. Without a suffix a `.service` is meant. */
  readonly ignore?: readonly string[] | undefined;
}

/** The timing of a {@link check}, which is named apart. */
export type CustomCheckOptions = Omit<CheckTiming, "name">;

export interface HttpCheckInput extends HttpCheckOptions {
  readonly kind: "http";
}
export interface TcpCheckInput extends TcpCheckOptions {
  readonly kind: "tcp";
}
export interface UnitCheckInput extends CheckTiming {
  readonly kind: "unit";
  /** The unit's name; without a suffix a `.service` is meant. */
  readonly unit: string;
}
export interface CommandCheckInput extends CommandCheckOptions {
  readonly kind: "command";
  readonly argv: readonly [program: string, ...args: string[]];
}
export interface BaselineCheckInput extends BaselineOptions {
  readonly kind: "baseline";
}
export interface CustomCheckInput extends CustomCheckOptions {
  readonly kind: "custom";
  readonly name: string;
  readonly probe: CheckFunction;
}
