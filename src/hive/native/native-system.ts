import type { Package } from "./native-package.ts";
import type { Template } from "./native-scope.ts";
import type { Unit } from "./native-units.ts";

/** How a file of `/etc` is put there. A mode or an owner makes it a copy; without, it is a link into the store. */
export interface EtcOptions {
  /** Permissions in octal. @example "0640" */
  readonly mode?: string | undefined;
  /** The owner, by name or number. Default with a mode: root. */
  readonly user?: string | undefined;
  /** The group, by name or number. Default with a mode: root. */
  readonly group?: string | undefined;
  /**
   * Whether it may take the place of a file that is there and is not skep's. That file is kept, and put back when the
   * entry goes. Default: false, and the activation stops before it changes anything.
   */
  readonly takeOver?: boolean | undefined;
}

/** A file of `/etc`: its text, or where to get it from. */
export type EtcInput<Name extends string = string> =
  | string
  | (EtcOptions &
      (
        | {
            /** What is in it. */
            readonly text: string;
            readonly template?: undefined;
            readonly file?: undefined;
            readonly linkTo?: undefined;
          }
        | {
            /**
             * Makes what is in it, for each host.
             * @example ({ packages, host }) => JSON.stringify({ root: packages.site, name: host.name })
             */
            readonly template: Template<string | undefined, Name>;
            readonly text?: undefined;
            readonly file?: undefined;
            readonly linkTo?: undefined;
          }
        | {
            /** A file of this machine, relative to the hive file. */
            readonly file: string;
            readonly text?: undefined;
            readonly template?: undefined;
            readonly linkTo?: undefined;
          }
        | {
            /**
             * What the entry is a link to, such as a file or folder of a package.
             * @example ({ packages }) => `${packages.site}/conf.d`
             */
            readonly linkTo: Template<string | undefined, Name>;
            readonly text?: undefined;
            readonly template?: undefined;
            readonly file?: undefined;
          }
      ));

/** An entry of `/etc` as {@link system} keeps it: one of `text`, `template`, `file` and `linkTo`, and how it is placed. */
export interface EtcEntry extends EtcOptions {
  readonly text?: string | undefined;
  readonly template?: Template<string | undefined> | undefined;
  readonly file?: string | undefined;
  readonly linkTo?: Template<string | undefined> | undefined;
}

/** Commands of an activation, one after the other, as root. `/nix/store` of the new system is there already. */
export interface Hooks {
  /**
   * Run before anything is changed; when one fails, nothing is. Not run at boot, nor under a root that does not run.
   * @example [["sh", "-c", "test -d /srv/app"]]
   */
  readonly before?: readonly CommandHook[] | undefined;
  /** Run once everything is in place and every unit has started; when one fails, so does the activation. */
  readonly after?: readonly CommandHook[] | undefined;
}

/** A program and its arguments, which a template may make. Exit code 100 says that the host has to be rebooted. */
export type CommandHook = Template<readonly (string | undefined)[]>;

/** What {@link system} takes. */
export interface SystemOptions<Packages extends Readonly<Record<string, Package>> = Readonly<Record<string, Package>>> {
  /**
   * What the system is made of, by names of your own. Each becomes a path of `/nix/store`, which units and files get
   * as `packages.<name>`; people find it at `/run/current-system/packages/<name>`. Stands before `etc` so that the editor knows the names there.
   * @example { site: directory("./dist"), api: file("./target/release/api", { executable: true }) }
   */
  readonly packages?: Packages | undefined;
  /**
   * Files of `/etc`, by their path below it. Users that `sysusers.d/*.conf` declares are made before the files that
   * belong to them are placed and before units start.
   * @example { "motd": "Welcome\n", "ssh/sshd_config": { file: "./sshd_config", takeOver: true } }
   * @example { "sysusers.d/app.conf": "u app - \"The app\"\n", "app.json": { text: "{}", user: "app", mode: "0600" } }
   */
  readonly etc?: Readonly<Record<string, EtcInput<Extract<keyof Packages, string>>>> | undefined;
  /**
   * Units of systemd, by their whole name.
   * @example { "api.service": service({ exec: ({ packages }) => [`${packages.api}/bin/api`] }) }
   */
  readonly units?: Readonly<Record<string, Unit>> | undefined;
  /** Commands to run before and after. */
  readonly hooks?: Hooks | undefined;
}

/** A system made without Nix. Made by {@link system}. */
export interface NativeSource {
  readonly kind: "native";
  readonly packages: Readonly<Record<string, Package>>;
  readonly etc: Readonly<Record<string, EtcEntry>>;
  readonly units: Readonly<Record<string, Unit>>;
  readonly hooks: Hooks;
}

/**
 * A system written in TypeScript, for any Linux: files of `/etc`, units of systemd, and the packages they speak of.
 * Needs no Nix anywhere. What a later deployment no longer has is undone.
 *
 * @example
 * system({
 *   packages: { site: directory("./site"), web: file("./bin/web", { executable: true }) },
 *   etc: { "web.json": { template: ({ packages, host }) => JSON.stringify({ root: packages.site, name: host.name }) } },
 *   units: {
 *     "web.service": service({ exec: ({ packages }) => [`${packages.web}/bin/web`, "--root", packages.site] }),
 *   },
 * })
 */
export function system<const Packages extends Readonly<Record<string, Package>>>(
  options: SystemOptions<Packages>,
): NativeSource {
  // A hive file runs without its types: what should not be there is passed on, for the validation to point at.
  const { packages = {}, etc = {}, units = {}, hooks = {}, ...rest } = options as SystemOptions;
  return { ...rest, kind: "native", packages, etc: withTextSpelledOut(etc), units, hooks };
}

function withTextSpelledOut(etc: Readonly<Record<string, EtcInput>>): Readonly<Record<string, EtcEntry>> {
  const given: unknown = etc;
  if (typeof given !== "object" || given === null || Array.isArray(given)) return etc as never;
  const entries = Object.entries(etc).map(([path, entry]) => [
    path,
    typeof entry === "string" ? { text: entry } : entry,
  ]);
  return Object.fromEntries(entries) as Readonly<Record<string, EtcEntry>>;
}
