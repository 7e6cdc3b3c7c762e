import { SkepError } from "#core";

/** Every code a {@link StoreError} can carry, and when it happens. */
export const storeErrorCodes = {
  "store/path": "a text was taken for a store path and is none",
  "store/hash": "a text was taken for a hash and is none",
  "store/path-info": "Nix described a store path in a way we cannot read",
  "store/closure": "the paths given do not form a closure",
  "store/nar": "a byte stream is not a well-formed NAR",
  "store/tar": "a file is not a tar archive we can read, or holds what a store cannot",
  "store/unreadable": "a store path could not be read on the operator's machine",
  "store/changed": "the files of a store path are no longer the ones it was made of",
  "store/no-nix": "the host has no nix-store that can be started",
  "store/not-serving": "what answered on the host is not nix-store --serve",
  "store/protocol": "nix-store --serve broke the protocol or speaks a version we do not",
  "store/disk-full": "the host's disk is full",
  "store/denied": "the host's Nix does not let this user add paths, or not unsigned ones",
  "store/ended": "nix-store --serve ended before its work was done",
  "store/silent": "the host's store gave no sign of life for too long",
  "store/no-tools": "a host without Nix lacks a program that its store needs",
  "store/unwritable": "a host without Nix does not let us write to its store",
  "store/host-script": "a host without Nix could not add, check or collect store paths",
  "store/unregistered": "a path in use on a host is none of which the host knows what it refers to",
  "store/has-nix": "the host's store belongs to Nix, so its garbage is not ours to collect",
  "store/closed": "a host store was used after it had been closed",
} as const;

/** What goes wrong with store paths, NARs, closures and the stores on hosts. */
export class StoreError extends SkepError<keyof typeof storeErrorCodes> {}
