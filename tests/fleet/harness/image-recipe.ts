/** What a base image holds. Its cache key is a hash of everything said here. */
export interface ImageRecipe {
  readonly suite: "bookworm" | "trixie";
  readonly packages: readonly string[];
  /** Installed by apt inside the image, once it stands: Nix where the image has it. */
  readonly extraPackages: readonly string[];
  /** Files by path, with their mode. */
  readonly files: Readonly<Record<string, readonly [mode: number, content: string]>>;
  /** Run by `sh` inside the image at the end, with /proc. */
  readonly finish: string;
}

/** The base images there are: Nix 2.8.0, Nix 2.26.3, and no Nix at all. */
export type ImageName = "bookworm" | "trixie" | "bookworm-without-nix";

/** Brings the network up as it was configured from outside: at boot, and whenever it is asked to. Idempotent. */
const CONFIGURE_NETWORK = `#!/bin/sh
set -e
. /etc/fleet-network
ip link set lo up
ip link set host0 up
ip address replace "$ADDRESS/24" dev host0
ip route replace default via "$GATEWAY"
`;

const NETWORK_UNIT = `[Unit]
Description=Static network of this fleet host
DefaultDependencies=no
After=local-fs.target
Before=network.target ssh.service
Wants=network.target

[Service]
Type=oneshot
RemainAfterExit=yes
ExecStart=/usr/local/sbin/fleet-network

[Install]
WantedBy=multi-user.target
`;

/** Single-user Nix for root: no build users, no daemon, no network. */
const NIX_CONF = `build-users-group =
substituters =
sandbox = false
`;

/** A unit that hangs may hold up a reboot for so long and no longer. */
const MANAGER_CONF = `[Manager]
DefaultTimeoutStopSec=15s
`;

const FINISH = `set -e
rm -f /etc/ssh/ssh_host_*
: > /etc/machine-id
: > /etc/resolv.conf
useradd --create-home --shell /bin/bash deploy
install -d -m 700 /root/.ssh
install -d -m 700 -o deploy -g deploy /home/deploy/.ssh
systemctl enable fleet-network.service
systemctl mask console-getty.service apt-daily.timer apt-daily-upgrade.timer dpkg-db-backup.timer e2scrub_all.timer
`;

const BASE = {
  packages: ["systemd", "systemd-sysv", "dbus", "openssh-server", "iproute2", "ca-certificates", "zstd", "sudo"],
  files: {
    "/usr/local/sbin/fleet-network": [0o755, CONFIGURE_NETWORK],
    "/etc/systemd/system/fleet-network.service": [0o644, NETWORK_UNIT],
    "/etc/systemd/system.conf.d/fleet.conf": [0o644, MANAGER_CONF],
    "/etc/sudoers.d/deploy": [0o440, "deploy ALL=(ALL) NOPASSWD: ALL\n"],
  },
} as const;

/** `age` opens secrets; `libfaketime` shows the programs of a host another time than the kernel's. */
const TOOLS = ["age", "libfaketime"] as const;

const WITH_NIX = {
  extraPackages: ["nix-bin", ...TOOLS],
  files: { ...BASE.files, "/etc/nix/nix.conf": [0o644, NIX_CONF] },
  finish: `${FINISH}nix-store --init\n`,
} as const;

/** OpenSSH 9.8 and later shuts out an address after some refused logins, which tests make on purpose. */
const NO_PENALTIES = [0o644, "PerSourcePenalties no\n"] as const;

export const imageRecipes: Readonly<Record<ImageName, ImageRecipe>> = {
  bookworm: { suite: "bookworm", packages: BASE.packages, ...WITH_NIX },
  trixie: {
    suite: "trixie",
    packages: BASE.packages,
    ...WITH_NIX,
    files: { ...WITH_NIX.files, "/etc/ssh/sshd_config.d/fleet.conf": NO_PENALTIES },
  },
  "bookworm-without-nix": {
    suite: "bookworm",
    packages: BASE.packages,
    extraPackages: TOOLS,
    files: BASE.files,
    finish: FINISH,
  },
};
