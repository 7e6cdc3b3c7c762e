import type { HostInput } from "skep";
import { defineHost, http, nixos } from "skep";

/** A NixOS host, described by the flake beside this file and built by the operator's Nix. */
export function edge(host: Pick<HostInput, "target">): HostInput {
  return defineHost({
    ...host,
    tags: ["edge", "nixos"],
    system: nixos({ flake: "./hosts/edge" }),
    checks: [http({ path: "/healthz" })],
  });
}
