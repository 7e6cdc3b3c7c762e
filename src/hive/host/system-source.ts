import type { NativeSource } from "../native/native-system.ts";

/** Where a host's system comes from. Made by {@link nixos}, or, without Nix, by `system()`. */
export type SystemSource = NixSource | NativeSource;

/** A system that Nix makes or has made. Made by {@link nixos}. */
export type NixSource = FlakeSource | FileSource | StorePathSource;

/** A system that a flake describes, evaluated and built by this machine's Nix. */
export interface FlakeSource {
  readonly kind: "nix-flake";
  /** A flake reference without its fragment: `"."`, `"./infra"`, `"github:owner/repo"`. Relative to the hive file. */
  readonly flake: string;
  /** The attribute path of a NixOS configuration or of a toplevel. Undefined: `nixosConfigurations.<host name>`. */
  readonly attribute: string | undefined;
}

/** A system that a Nix file describes, evaluated and built by this machine's Nix. */
export interface FileSource {
  readonly kind: "nix-file";
  /** Path of the file or folder, relative to the hive file. */
  readonly file: string;
  /** The attribute path of a NixOS configuration or of a toplevel. Undefined: the host's name. */
  readonly attribute: string | undefined;
}

/** A system that is built already. */
export interface StorePathSource {
  readonly kind: "store-path";
  /** The toplevel's store path. Substituted when this machine's store does not have it. */
  readonly storePath: string;
}

/** What {@link nixos} takes: one of three ways to name a system. */
export type NixosOptions =
  | {
      /**
       * `"."`, `"./infra"`, `"github:owner/repo"`, or with a fragment: `".#web-1"`, `".#nixosConfigurations.web-1"`.
       * Default fragment: the host's name.
       */
      readonly flake: string;
      readonly file?: undefined;
      readonly attribute?: undefined;
      readonly storePath?: undefined;
    }
  | {
      /** A Nix file, or a folder with a `default.nix`, relative to the hive file. */
      readonly file: string;
      /** The attribute path in it. Default: the host's name. */
      readonly attribute?: string | undefined;
      readonly flake?: undefined;
      readonly storePath?: undefined;
    }
  | {
      /** A system that is built already. */
      readonly storePath: string;
      readonly file?: undefined;
      readonly attribute?: undefined;
      readonly flake?: undefined;
    };

/**
 * A system made by Nix: a NixOS configuration, or any derivation with a `bin/switch-to-configuration`.
 * An attribute may be a NixOS configuration (its `config.system.build.toplevel` is taken) or the toplevel itself.
 *
 * @example nixos({ flake: "." })                                   // nixosConfigurations.<host name>
 * @example nixos({ flake: "./infra#web" })                         // nixosConfigurations.web
 * @example nixos({ file: "./hosts.nix", attribute: "hosts.web-1" })
 * @example nixos({ storePath: "/nix/store/…-nixos-system-web-1-24.11" })
 */
export function nixos(options: NixosOptions): NixSource {
  // A hive file runs without its types: what should not be there is passed on, for the validation to point at.
  if (options.storePath !== undefined) return { ...options, kind: "store-path" };
  if (options.file !== undefined) return { attribute: undefined, ...options, kind: "nix-file" };
  return { attribute: undefined, ...options, kind: "nix-flake", ...splitFlake(options.flake) };
}

function splitFlake(flake: string): Pick<FlakeSource, "flake"> & Partial<FlakeSource> {
  const given: unknown = flake;
  const hash = typeof given === "string" ? given.indexOf("#") : -1;
  if (hash === -1) return { flake };
  const fragment = flake.slice(hash + 1);
  if (fragment === "") return { flake: flake.slice(0, hash) };
  // A dot in quotes belongs to a name: `.#"web.example.org"`.
  const isPath = fragment.replaceAll(/"[^"]*"/g, "").includes(".");
  return { flake: flake.slice(0, hash), attribute: isPath ? fragment : `nixosConfigurations.${fragment}` };
}
