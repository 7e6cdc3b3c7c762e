import type { HostInput } from "skep";
import { defineHost, directory, http, service, system, unit } from "skep";

/** A web host: any Linux with systemd and Node. The system is made here, without Nix on either side. */
export function web({
  release,
  ...host
}: Pick<HostInput, "target" | "tags"> & { readonly release: string }): HostInput {
  return defineHost({
    ...host,
    tags: ["web", ...(host.tags ?? [])],
    system: system({
      packages: { app: directory("./hosts/web") },
      etc: {
        "skep-example/release": `${release}\n`,
        "skep-example/about.json": { template: ({ host: { name, tags } }) => JSON.stringify({ name, tags, release }) },
      },
      units: {
        "web.service": service({
          description: "The example's web service",
          exec: ({ packages }) => ["/usr/bin/env", "node", `${packages.app}/server.mjs`],
          environment: ({ host: { name } }) => ({
            PORT: 8080,
            HOST: name,
            RELEASE: release,
            SESSION_KEY_FILE: "/run/skep/secrets/web/session-key",
          }),
          restart: "on-failure",
        }),
      },
    }),
    secrets: { "web/session-key": { restart: ["web.service"] } },
    checks: [
      http({ port: 8080, path: "/healthz", period: "300ms", deadline: "5s" }),
      unit("web.service", { deadline: "5s" }),
    ],
  });
}
