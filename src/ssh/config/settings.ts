import { homedir, userInfo } from "node:os";
import { SshError } from "../errors.ts";
import type { SshTarget } from "../target.ts";
import { readSettingsFromFiles } from "./config-file.ts";
import type { RawSettings } from "./raw-settings.ts";
import type { SshFiles } from "./ssh-files.ts";
import { openSshFiles } from "./ssh-files.ts";

/** How to reach one host, with everything decided: what the target says, else ssh_config, else SSH's defaults. */
export interface SshSettings {
  readonly hostname: string;
  readonly port: number;
  readonly user: string;
  /** In the order to try them; files that are not there are no mistake. */
  readonly identityFiles: readonly string[];
  /** Offer no agent keys but those of `identityFiles`. */
  readonly identitiesOnly: boolean;
  /** The agent's socket. */
  readonly identityAgent: string | undefined;
  /** `[user@]host[:port]`, several separated by commas. */
  readonly proxyJump: string | undefined;
  /** A shell command whose standard streams are the connection. */
  readonly proxyCommand: string | undefined;
  /** New keys are added to the first. */
  readonly userKnownHostsFiles: readonly string[];
  readonly globalKnownHostsFiles: readonly string[];
  /** The name to look up in known_hosts instead of the host's own. */
  readonly hostKeyAlias: string | undefined;
  readonly connectTimeoutMs: number | undefined;
}

export interface SettingsOptions {
  /** An ssh_config to read instead of the user's and the system's. */
  readonly configFile?: string | undefined;
  readonly knownHostsFiles?: readonly string[] | undefined;
  /** What was read before. Default: nothing. */
  readonly files?: SshFiles | undefined;
  readonly signal?: AbortSignal | undefined;
}

/**
 * Resolves a target against ssh_config: by asking OpenSSH's own client (`ssh -G`) where there is one, and by reading
 * the files otherwise.
 * @throws SshError when the configuration is wrong or the host's name could not be a host's name.
 */
export async function resolveSettings(target: SshTarget, options: SettingsOptions = {}): Promise<SshSettings> {
  refuseOddHost(target.host);
  const { files = openSshFiles() } = options;
  const raw = (await files.askOpenSsh(target, options)) ?? (await readSettingsFromFiles(target, options));
  return settle(raw, { target, options });
}

/** A host that `ssh` could take for an option, or a shell for more than a word, is not one. */
function refuseOddHost(host: string): void {
  if (/^[^-\s\p{Cc}'"`$\\;&<>|(){}][^\s\p{Cc}'"`$\\;&<>|(){}]*$/u.test(host)) return;
  throw new SshError("ssh/config", `${JSON.stringify(host)} is not the name of a host`);
}

function settle(
  raw: RawSettings,
  { target, options }: { readonly target: SshTarget; readonly options: SettingsOptions },
): SshSettings {
  const user = target.user ?? raw.first("user") ?? userInfo().username;
  const port = target.port ?? Number(raw.first("port") ?? 22);
  if (!Number.isInteger(port) || port < 1 || port > 65_535) {
    throw new SshError("ssh/config", `${raw.first("port") ?? port} is not a port for ${target.host}`);
  }
  const hostname = expandTokens(raw.first("hostname") ?? target.host, { h: target.host, n: target.host });
  const hostKeyAlias = noneIsUndefined(raw.first("hostkeyalias"));
  const expand = (path: string): string =>
    expandHome(expandTokens(path, pathTokens({ target, hostname, port, user, hostKeyAlias })));
  const proxyJump = target.proxyJump ?? raw.first("proxyjump");
  const proxyCommand = noneIsUndefined(raw.first("proxycommand"));
  const seconds = Number(raw.first("connecttimeout"));
  return {
    hostname,
    port,
    user,
    identityFiles: [...(target.identityFiles ?? raw.all("identityfile"))].filter(isNotNone).map(expand),
    identitiesOnly: raw.first("identitiesonly") === "yes",
    identityAgent: agentSocket(raw.first("identityagent"), expand),
    proxyJump: noneIsUndefined(proxyJump),
    // A ProxyJump that is said, "none" included, leaves no room for a ProxyCommand.
    proxyCommand:
      proxyJump === undefined && proxyCommand !== undefined
        ? expandTokens(proxyCommand, { h: hostname, n: target.host, p: String(port), r: user })
        : undefined,
    userKnownHostsFiles: (options.knownHostsFiles ?? raw.all("userknownhostsfile")).filter(isNotNone).map(expand),
    globalKnownHostsFiles:
      options.knownHostsFiles === undefined ? raw.all("globalknownhostsfile").filter(isNotNone) : [],
    hostKeyAlias,
    connectTimeoutMs: seconds > 0 ? seconds * 1_000 : undefined,
  };
}

function isNotNone(value: string): boolean {
  return value.toLowerCase() !== "none";
}

function noneIsUndefined(value: string | undefined): string | undefined {
  return value !== undefined && isNotNone(value) ? value : undefined;
}

function agentSocket(said: string | undefined, expand: (path: string) => string): string | undefined {
  const fromEnvironment = process.env.SSH_AUTH_SOCK;
  if (said === undefined || said === "SSH_AUTH_SOCK") return fromEnvironment === "" ? undefined : fromEnvironment;
  if (!isNotNone(said)) return undefined;
  if (said.startsWith("$")) return process.env[said.slice(1).replace(/^\{(.*)\}$/, "$1")];
  return expand(said);
}

function expandHome(path: string): string {
  return path === "~" || path.startsWith("~/") ? homedir() + path.slice(1) : path;
}

function pathTokens({
  target,
  hostname,
  port,
  user,
  hostKeyAlias,
}: {
  readonly target: SshTarget;
  readonly hostname: string;
  readonly port: number;
  readonly user: string;
  readonly hostKeyAlias: string | undefined;
}): Record<string, string> {
  const { uid, username } = userInfo();
  return {
    d: homedir(),
    h: hostname,
    i: String(uid),
    k: hostKeyAlias ?? target.host,
    n: target.host,
    p: String(port),
    r: user,
    u: username,
  };
}

/** Expands `%x` as ssh_config(5) has it, and `${NAME}`; what it does not know stays as it is. */
function expandTokens(text: string, tokens: Readonly<Record<string, string>>): string {
  return text.replace(/%(.)|\$\{(\w+)\}/g, (whole, token: string | undefined, variable: string | undefined) => {
    if (variable !== undefined) return process.env[variable] ?? whole;
    return token === "%" ? "%" : (tokens[token ?? ""] ?? whole);
  });
}
