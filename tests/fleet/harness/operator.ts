import type { FleetClient } from "./client.ts";

/** Nix on the operator's machine: as root without build users, and without the network. */
const OPERATOR_NIX_CONFIG = `build-users-group =
substituters =
`;

/** The environment of the operator's programs: as ours, but with the fleet's home, Nix and ssh settings. */
export function operatorEnvironment(client: FleetClient): NodeJS.ProcessEnv {
  const { NIX_REMOTE: _remote, ...rest } = process.env;
  return {
    ...rest,
    HOME: client.home,
    XDG_CACHE_HOME: `${client.home}/.cache`,
    NIX_CONFIG: OPERATOR_NIX_CONFIG,
    NIX_SSHOPTS: `-F ${client.configFile}`,
  };
}
