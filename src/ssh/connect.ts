import { abortable } from "#core";
import type { SshSettings } from "./config/settings.ts";
import { resolveSettings } from "./config/settings.ts";
import { openSshFiles } from "./config/ssh-files.ts";
import type { Connection, RoutedConnection } from "./connection/connection.ts";
import { openConnection } from "./connection/connection.ts";
import type { Transport } from "./connection/transport.ts";
import { elevations } from "./elevation.ts";
import { SshError } from "./errors.ts";
import { prepareHostKeyCheck } from "./host-keys/host-key-check.ts";
import { dial } from "./login/dial.ts";
import { collectIdentities } from "./login/identities.ts";
import { parseProxyJump } from "./login/jump.ts";
import { login } from "./login/login.ts";
import { startProxyCommand } from "./login/proxy-command.ts";
import type { ConnectOptions, SshTarget } from "./target.ts";

const CONNECT_TIMEOUT_MS = 10_000;
const KEEPALIVE = { intervalMs: 10_000, count: 3 } as const;
const MAX_JUMPS = 8;

/**
 * Connects and logs in: ssh_config, jump hosts, host key check, keys. Never asks anything of anyone.
 * @throws SshError saying what failed and what to do.
 */
export async function connect(target: SshTarget, options: ConnectOptions = {}): Promise<Connection> {
  return connectAt(target, { ...options, files: options.files ?? openSshFiles(), jumps: 0 });
}

interface HopOptions extends ConnectOptions {
  /** Jump hosts between here and the first target. */
  readonly jumps: number;
}

async function connectAt(target: SshTarget, options: HopOptions): Promise<RoutedConnection> {
  const { signal, keepalive = KEEPALIVE } = options;
  signal?.throwIfAborted();
  const settings = await resolveSettings(target, options);
  const timeoutMs = options.connectTimeoutMs ?? settings.connectTimeoutMs ?? CONNECT_TIMEOUT_MS;
  const hostKeys = await prepareHostKeyCheck(settings, {
    policy: options.hostKeyPolicy ?? "strict",
    pinned: target.hostKeys,
    files: options.files,
    onNotice: options.onNotice,
  });
  const identities = collectIdentities(settings);
  // It is awaited only when the host asks for keys, which may never come to pass.
  identities.catch(() => undefined);
  const { transport, below } = await openRoute(settings, { ...options, timeoutMs });
  try {
    const { client, roundTripMs } = await login(transport, settings, {
      hostKeys,
      identities,
      keepalive,
      timeoutMs,
      signal,
    });
    return openConnection({
      client,
      transport,
      address: { host: settings.hostname, port: settings.port, user: settings.user },
      elevation: target.elevation ?? elevations.none,
      keepalive,
      roundTripMs,
      below,
    });
  } catch (error) {
    await below?.[Symbol.asyncDispose]();
    throw error;
  }
}

interface Route {
  readonly transport: Transport;
  /** The jump host's connection the transport runs through. */
  readonly below?: AsyncDisposable | undefined;
}

async function openRoute(settings: SshSettings, options: HopOptions & { readonly timeoutMs: number }): Promise<Route> {
  const { hostname: host, port, proxyJump, proxyCommand } = settings;
  const { signal, timeoutMs } = options;
  if (proxyJump !== undefined) return jump(settings, { ...options, proxyJump });
  if (proxyCommand !== undefined) return { transport: await abortable(startProxyCommand(proxyCommand), signal) };
  return { transport: await dial({ host, port }, { timeoutMs, signal }) };
}

async function jump(
  { hostname, port }: SshSettings,
  { proxyJump, ...options }: HopOptions & { readonly proxyJump: string },
): Promise<Route> {
  if (options.jumps >= MAX_JUMPS) {
    throw new SshError(
      "ssh/config",
      `there are more than ${MAX_JUMPS} jump hosts on the way; does one lead to itself?`,
      {
        hint: "give the jump host `ProxyJump none` in ssh_config",
      },
    );
  }
  const hop = parseProxyJump(proxyJump);
  let below;
  try {
    below = await connectAt(hop, { ...options, jumps: options.jumps + 1 });
    return { transport: await below.forward({ host: hostname, port }, { signal: options.signal }), below };
  } catch (error) {
    await below?.[Symbol.asyncDispose]();
    throw atJumpHost(error, hop.host);
  }
}

function atJumpHost(error: unknown, host: string): unknown {
  // Of several jump hosts the failing one is named.
  if (!(error instanceof SshError) || error.message.startsWith("jump host ")) return error;
  return new SshError(error.code, `jump host ${host}: ${error.message}`, { hint: error.hint, cause: error });
}
