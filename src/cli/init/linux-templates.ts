/** A fleet of one plain Linux host. Lines are for those who read their first hive. */
export const linuxTemplates: Readonly<Record<string, string>> = {
  "hive.ts": `import { defineHive } from "skep";
import { bee } from "./hosts/bee.ts";

// The fleet. Each host has a name, an address to log in to, and a system.
export default defineHive({
  hosts: {
    // Put the address of a host of yours here. You log in as root, or as a user with sudo and no password.
    "bee-1": bee({ target: "root@bee-1.example.org", tags: ["canary"] }),
    // "bee-2": bee({ target: "root@bee-2.example.org" }),
  },

  // The canary goes first. Where it does not come up well, it goes back, and nobody follows.
  rollout: { waves: ["@canary"] },
});
`,
  "hosts/bee.ts": `import type { HostInput } from "skep";
import { command, defineHost, directory, service, system, unit } from "skep";

/**
 * A Linux host with systemd. Its system is made here: programs, units and files below /etc become one generation, which
 * is tried, proven by the checks, and only then kept.
 *
 * It runs a heartbeat: every half minute it writes down that the host is alive and how much it has to do, signed with a
 * key, so that who collects the lines knows whose they are. It takes no more than a shell; put a program of yours there.
 */
export function bee(host: Pick<HostInput, "target" | "tags">): HostInput {
  return defineHost({
    ...host,
    system: system({
      packages: { app: directory("./hosts/bee") },
      units: {
        "heartbeat.service": service({
          description: "Says twice a minute that this host is alive",
          exec: ({ packages }) => ["/bin/sh", \`\${packages.app}/heartbeat.sh\`],
          environment: {
            INTERVAL: 30,
            KEY_FILE: "/run/skep/secrets/heartbeat/key",
          },
          runtimeDirectory: "heartbeat",
          restart: "on-failure",
        }),
      },
    }),

    // You open the key and send it, so a host needs nothing but sshd; after a reboot it waits for \`skep deploy secrets\`.
    // Hosts with age or rage can open it by themselves: see hosts in secrets/secrets.ts, and take \`open\` out.
    secrets: {
      "heartbeat/key": { open: "operator", restart: ["heartbeat.service"] },
    },

    // That the service runs does not prove that it works: it has to have written a line, too.
    // SKEP_ROOT is where the files of a sandbox host are, and nothing on a real one.
    checks: [
      unit("heartbeat.service", { deadline: "30s" }),
      command(["/bin/sh", "-c", 'test -s "$SKEP_ROOT/run/heartbeat/last"'], {
        name: "heartbeat",
        deadline: "30s",
      }),
    ],
  });
}
`,
  "hosts/bee/heartbeat.sh": `#!/bin/sh
# Writes a line every INTERVAL seconds: when it is, which host this is, its load, and a signature made with the key.
# Who has the key tells by it that the line is this host's own: sha256sum of the key, the line, and the key again.
set -eu

key=$(cat "$KEY_FILE")
cd "$RUNTIME_DIRECTORY"

while :; do
  line="$(date -u +%Y-%m-%dT%H:%M:%SZ) $(uname -n) $(cut -d ' ' -f 1-3 /proc/loadavg)"
  signature=$(printf '%s\\n' "$key" "$line" "$key" | sha256sum | cut -d ' ' -f 1)
  # Renamed into its place, so that nobody reads half of it.
  printf '%s %s\\n' "$line" "$signature" >last.new
  mv last.new last
  sleep "$INTERVAL"
done
`,
};
