import { SkepError } from "#core";

/** Every code a {@link NixError} can carry, and when it happens. */
export const nixErrorCodes = {
  "nix/missing": "there is no nix on the operator's PATH",
  "nix/too-old": "the operator's Nix is older than 2.8",
  "nix/attribute-path": "the attribute path given for a host is malformed",
  "nix/attribute-missing": "the flake or file has no attribute of that name",
  "nix/not-a-system": "the attribute is neither a NixOS configuration nor a derivation",
  "nix/evaluate": "Nix could not evaluate a host's system",
  "nix/out-of-memory": "the memory did not suffice to evaluate one host alone",
  "nix/root": "Nix could not register a garbage collector root",
  "nix/build": "a derivation of a host's system failed to build",
  "nix/store-path-invalid": "a system given as a store path is in no store that Nix can reach",
  "nix/failed": "Nix ended with an error that has no code of its own",
  "nix/timeout": "Nix took too long for what it was asked",
} as const;

/** What goes wrong with the operator's Nix. */
export class NixError extends SkepError<keyof typeof nixErrorCodes> {}
