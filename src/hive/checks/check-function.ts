import type { Duplex } from "node:stream";

/**
 * A check of your own. It passes unless it throws, or answers `false` or text, which says what is wrong.
 * It is called once an attempt, and given up when its `timeout` is over.
 */
export type CheckFunction = (context: CheckContext) => CheckVerdict | Promise<CheckVerdict>;

/** True or nothing: the check passes. False or a reason: it does not. */
// eslint-disable-next-line @typescript-eslint/no-invalid-void-type -- a function that only asserts returns nothing
export type CheckVerdict = boolean | string | undefined | void;

/** The host as a check of one's own has it, over the SSH connection that is open anyway. */
export interface CheckContext {
  /** The host's name in the hive. */
  readonly host: string;
  /** The address SSH connected to. */
  readonly address: string;
  /** Runs a command on the host, as root. A command that fails is a result and no error. */
  readonly run: (
    argv: readonly [program: string, ...args: string[]],
    options?: { readonly stdin?: string | Uint8Array | undefined },
  ) => Promise<CheckCommandResult>;
  /**
   * An HTTP request that starts on the host: `"/healthz"` goes to port 80 of the host itself, `":8080/healthz"` to
   * another port, a URL to wherever it says as seen from there. Redirections are not followed. The body is the first 16 MiB.
   */
  readonly fetch: (url: string | URL, options?: CheckFetchOptions) => Promise<Response>;
  /** A TCP connection that starts on the host; `host` is `127.0.0.1` unless given. */
  readonly forward: (destination: { readonly host?: string | undefined; readonly port: number }) => Promise<Duplex>;
  /** Aborts when the attempt's time is over. */
  readonly signal: AbortSignal;
}

/** How a command ended on the host, and what it printed. */
export interface CheckCommandResult {
  /** Null when a signal ended it. */
  readonly exitCode: number | null;
  readonly stdout: string;
  readonly stderr: string;
}

export interface CheckFetchOptions {
  /** Default: `"GET"`. */
  readonly method?: string | undefined;
  readonly headers?: Readonly<Record<string, string>> | undefined;
  readonly body?: string | Uint8Array | undefined;
  /** Certificates in PEM to trust in place of Node's own. */
  readonly ca?: string | readonly string[] | undefined;
}
