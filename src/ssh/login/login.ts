import type { CipherAlgorithm, Client, ServerHostKeyAlgorithm } from "ssh2";
import ssh2 from "ssh2";
import { messageOf, startDeadline } from "#core";
import type { SshSettings } from "../config/settings.ts";
import type { Transport } from "../connection/transport.ts";
import { SshError } from "../errors.ts";
import type { HostKeyCheck } from "../host-keys/host-key-check.ts";
import type { Keepalive } from "../target.ts";
import type { Authentication } from "./authenticate.ts";
import { authenticate } from "./authenticate.ts";
import type { Identities } from "./identities.ts";

export interface LoginOptions {
  readonly hostKeys: HostKeyCheck;
  readonly identities: Promise<Identities>;
  readonly keepalive: Keepalive;
  /** Bounds the key exchange, and then authentication. */
  readonly timeoutMs: number;
  readonly signal?: AbortSignal | undefined;
}

export interface Login {
  readonly client: Client;
  readonly roundTripMs: number;
}

/** AES-GCM runs at twice the speed of the others, in OpenSSH as here. */
const CIPHERS: CipherAlgorithm[] = [
  "aes128-gcm@openssh.com",
  "aes256-gcm@openssh.com",
  "chacha20-poly1305@openssh.com",
  "aes128-ctr",
  "aes192-ctr",
  "aes256-ctr",
];

/** Host key algorithms in order of preference; SHA-1 signatures are not among them. */
const HOST_KEY_ALGORITHMS: readonly ServerHostKeyAlgorithm[] = [
  "ssh-ed25519",
  "ecdsa-sha2-nistp256",
  "ecdsa-sha2-nistp384",
  "ecdsa-sha2-nistp521",
  "rsa-sha2-512",
  "rsa-sha2-256",
];

/** Key exchange, host key check and authentication. The transport is destroyed when any of it fails. */
export async function login(transport: Transport, settings: SshSettings, options: LoginOptions): Promise<Login> {
  const { timeoutMs, signal } = options;
  const client = new ssh2.Client();
  const seconds = `${timeoutMs / 1_000} s`;
  let keysExchangedAt: number | undefined;
  let roundTripMs = 0;
  let broken: Error | undefined;

  using exchange = startDeadline(timeoutMs, {
    signal,
    reason: () =>
      new SshError("ssh/connect-timeout", `the host took the connection but no SSH handshake was done in ${seconds}`, {
        hint: "is it an SSH server that listens on this port, and is the host not overloaded?",
      }),
  });
  let authTimer: Disposable | undefined;
  try {
    await new Promise<void>((resolve, reject) => {
      const giveUp = (reason: unknown): void => {
        // What comes first is the cause; the connection's end that follows is not.
        broken ??= reason as Error;
        reject(broken);
      };
      const watch = (deadline: AbortSignal): void => {
        if (deadline.aborted) giveUp(deadline.reason);
        deadline.addEventListener("abort", () => {
          giveUp(deadline.reason);
        });
      };
      watch(exchange.signal);
      let ending: string | undefined;
      const authentication = authenticate(settings, {
        identities: options.identities,
        onStart() {
          // The service request between these two moments costs the host nothing: it is a bare round trip.
          if (keysExchangedAt !== undefined) roundTripMs = performance.now() - keysExchangedAt;
        },
        onExhausted: giveUp,
      });
      client.once("handshake", () => {
        keysExchangedAt = performance.now();
        exchange[Symbol.dispose]();
        const deadline = startDeadline(timeoutMs, {
          signal,
          reason: () => new SshError("ssh/auth-timeout", `logging in as ${settings.user}: not done in ${seconds}`),
        });
        authTimer = deadline;
        watch(deadline.signal);
      });
      client.once("ready", resolve);
      client.on("error", (error: Ssh2Error) => {
        // A key that cannot sign is not the end: the next one is tried.
        if (error.level === "agent" || error.message.startsWith("Error signing")) return;
        ending = error.message;
        giveUp(loginError(error, { authentication, exchanged: keysExchangedAt !== undefined }));
      });
      client.once("close", () => {
        giveUp(
          keysExchangedAt === undefined
            ? handshakeError("the host closed the connection")
            : authentication.refused(ending ?? "the host closed the connection"),
        );
      });
      const verified = verifyOnce(options.hostKeys, giveUp);
      client.connect({
        sock: transport,
        username: settings.user,
        authHandler: authentication.handler,
        hostVerifier: verified,
        algorithms: {
          cipher: CIPHERS,
          serverHostKey: orderAlgorithms(options.hostKeys.knownTypes),
          // The library's own compression blocks the event loop.
          compress: ["none"],
        },
        // Only to send pings: whether the host is alive is judged by what it sends, not by these alone.
        keepaliveInterval: options.keepalive.intervalMs,
        keepaliveCountMax: Number.POSITIVE_INFINITY,
        // Deadlines are ours.
        readyTimeout: 0,
      });
    });
    return { client, roundTripMs };
  } catch (error) {
    client.on("error", () => undefined);
    transport.destroy();
    throw error;
  } finally {
    authTimer?.[Symbol.dispose]();
  }
}

interface Ssh2Error extends Error {
  readonly level?: string;
  readonly code?: string | number;
}

/** Known types first, each list in its own order, as OpenSSH does: a host with several keys then shows the known one. */
function orderAlgorithms(knownTypes: readonly string[]): ServerHostKeyAlgorithm[] {
  const isKnown = (algorithm: string): boolean =>
    knownTypes.includes(algorithm.startsWith("rsa-sha2-") ? "ssh-rsa" : algorithm);
  return [...HOST_KEY_ALGORITHMS.filter(isKnown), ...HOST_KEY_ALGORITHMS.filter((algorithm) => !isKnown(algorithm))];
}

/** The host shows its key again at each rekeying; it must stay the one that was accepted. */
function verifyOnce(
  hostKeys: HostKeyCheck,
  onRefused: (error: unknown) => void,
): (key: Buffer, decide: (accepted: boolean) => void) => void {
  let accepted: Buffer | undefined;
  return (key, decide) => {
    if (accepted !== undefined) {
      decide(accepted.equals(key));
      return;
    }
    const shown = Buffer.from(key);
    hostKeys.verify(shown).then(
      () => {
        accepted = shown;
        decide(true);
      },
      (error: unknown) => {
        onRefused(error);
        decide(false);
      },
    );
  };
}

function loginError(
  error: Ssh2Error,
  { authentication, exchanged }: { readonly authentication: Authentication; readonly exchanged: boolean },
): SshError {
  // The transport's own: a proxy command or a jump host's connection ended.
  if (error instanceof SshError) return error;
  if (error.message.includes("no matching")) {
    const what = /no matching (.*)$/.exec(error.message)?.[1] ?? "algorithm";
    return new SshError("ssh/no-common-algorithm", `the host and skep have no ${what} in common`, {
      hint: "the host's SSH server is older, newer or stricter than skep's: see Ciphers, KexAlgorithms, MACs and HostKeyAlgorithms in its sshd_config",
      cause: error,
    });
  }
  // A number is the reason code of the host's own farewell.
  if (exchanged && typeof error.code === "number") return authentication.refused(`the host said: ${error.message}`);
  return handshakeError(messageOf(error), error);
}

function handshakeError(reason: string, cause?: unknown): SshError {
  return new SshError("ssh/handshake", `the SSH handshake failed: ${reason}`, {
    hint: "the host's sshd log says why; too many logins at once (MaxStartups), a ban or a full disk are common",
    cause,
  });
}
