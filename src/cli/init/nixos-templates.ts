/** A fleet of one NixOS host, which the flake beside the hive describes. */
export function nixosTemplates(name: string): Readonly<Record<string, string>> {
  return {
    "hive.ts": `import { defineHive } from "skep";
import { bee } from "./hosts/bee.ts";

// The fleet. Each host has a name, an address to log in to, and a system.
export default defineHive({
  hosts: {
    // The name is the one that nixosConfigurations in flake.nix gives it. Put the address of a host of yours here.
    // You log in as root, or as a user with sudo and no password.
    ${JSON.stringify(name)}: bee({ target: "root@${name}.example.org", tags: ["canary"] }),
  },

  // The canary goes first. Where it does not come up well, it goes back, and nobody follows.
  rollout: { waves: ["@canary"] },
});
`,
    "hosts/bee.ts": `import type { HostInput } from "skep";
import { command, defineHost, nixos, unit } from "skep";

/**
 * A NixOS host: nixosConfigurations.<its name> of the flake, built by the Nix of this machine, tried on the host, proven
 * by the checks, and only then kept.
 */
export function bee(host: Pick<HostInput, "target" | "tags">): HostInput {
  return defineHost({
    ...host,
    system: nixos({ flake: "." }),

    // You open the key and send it; after a reboot the host waits for \`skep deploy secrets\`.
    // Hosts with age or rage can open it by themselves: see hosts in secrets/secrets.ts, and take \`open\` out.
    secrets: {
      "heartbeat/key": { open: "operator", restart: ["heartbeat.service"] },
    },

    // That the service of hosts/heartbeat.nix runs does not prove that it works: it has to have written a line, too.
    checks: [
      unit("heartbeat.service", { deadline: "30s" }),
      command(["test", "-s", "/run/heartbeat/last"], {
        name: "heartbeat",
        deadline: "30s",
      }),
    ],
  });
}
`,
    "hosts/heartbeat.nix": `# Writes every half minute that the host is alive and how much it has to do, signed with a key that skep brings, so that
# who collects the lines knows whose they are: sha256sum of the key, the line, and the key again.
{
  systemd.services.heartbeat = {
    description = "Says twice a minute that this host is alive";
    wantedBy = [ "multi-user.target" ];
    environment.KEY_FILE = "/run/skep/secrets/heartbeat/key";
    serviceConfig = {
      RuntimeDirectory = "heartbeat";
      Restart = "on-failure";
    };
    script = ''
      key=$(cat "$KEY_FILE")
      cd "$RUNTIME_DIRECTORY"
      while :; do
        line="$(date -u +%Y-%m-%dT%H:%M:%SZ) $(uname -n) $(cut -d ' ' -f 1-3 /proc/loadavg)"
        signature=$(printf '%s\\n' "$key" "$line" "$key" | sha256sum | cut -d ' ' -f 1)
        printf '%s %s\\n' "$line" "$signature" >last.new
        mv last.new last
        sleep 30
      done
    '';
  };
}
`,
  };
}

/** Where there is no flake yet: one, and the host's configuration. */
export const flakeTemplates: Readonly<Record<string, string>> = {
  "flake.nix": `{
  description = "A fleet that skep deploys";

  inputs.nixpkgs.url = "github:NixOS/nixpkgs/nixos-25.05";

  outputs =
    { nixpkgs, ... }:
    {
      # skep deploys to each host of hive.ts the configuration of its name.
      nixosConfigurations.bee-1 = nixpkgs.lib.nixosSystem {
        system = "x86_64-linux";
        modules = [ ./hosts/bee.nix ];
      };
    };
}
`,
  "hosts/bee.nix": `# Put your host's own configuration here: /etc/nixos/hardware-configuration.nix of the host says what its disks are.
{
  imports = [ ./heartbeat.nix ];

  networking.hostName = "bee-1";

  # Without them nobody could log in to prove the system well, and it would go back.
  services.openssh.enable = true;
  users.users.root.openssh.authorizedKeys.keys = [
    # "ssh-ed25519 AAAA… you"
  ];

  boot.loader.grub.device = "/dev/vda";
  fileSystems."/" = {
    device = "/dev/vda1";
    fsType = "ext4";
  };

  system.stateVersion = "25.05";
}
`,
};

/** The first host that a flake names, as far as that can be told without Nix. */
export function hostOfFlake(flake: string): string | undefined {
  const host = /nixosConfigurations\.(?:"([^"]+)"|([\w-]+))|nixosConfigurations\s*=\s*\{\s*(?:"([^"]+)"|([\w-]+))\s*=/;
  const groups: readonly (string | undefined)[] = host.exec(flake)?.slice(1) ?? [];
  const name = groups.find((one) => one !== undefined);
  return name !== undefined && /^[a-z0-9][a-z0-9-]*$/.test(name) ? name : undefined;
}
