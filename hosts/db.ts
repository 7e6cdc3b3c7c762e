import type { HostInput } from "skep";
import { defineHost, directory, service, system, tcp, timer } from "skep";

/** The database host, with a backup every night. */
export function database(host: Pick<HostInput, "target">): HostInput {
  return defineHost({
    ...host,
    tags: ["db"],
    system: system({
      packages: { app: directory("./hosts/db") },
      units: {
        "db.service": service({
          description: "The example's database",
          exec: ({ packages }) => ["/usr/bin/env", "node", `${packages.app}/server.mjs`],
          environment: { PORT: 5432, PASSWORD_FILE: "/run/skep/secrets/db/password" },
          stateDirectory: "skep-example-db",
          restart: "always",
        }),
        "db-backup.service": service({
          type: "oneshot",
          exec: ["/bin/sh", "-c", "cp /var/lib/skep-example-db/data.json /var/lib/skep-example-db/backup.json"],
        }),
        "db-backup.timer": timer({ onCalendar: "daily", persistent: true }),
      },
    }),
    secrets: { "db/password": { restart: ["db.service"] } },
    checks: [tcp({ port: 5432, period: "300ms", deadline: "5s" })],
  });
}
