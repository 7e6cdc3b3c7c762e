import type { Duration } from "#core";
import type { Template } from "./native-scope.ts";

/**
 * A program and its arguments, each word taken as it is: no shell, no variables. The program is an absolute path, or
 * a name that systemd looks up in `/usr/bin` and its like.
 */
export type CommandLine = readonly (string | undefined)[];

/** The value of a directive of a unit file. A list repeats the directive; `true` is `yes`. */
export type DirectiveValue = string | number | boolean | readonly (string | number)[];

/** What every kind of unit may say. Names of units are whole: `"postgresql.service"`. */
export interface UnitOptions {
  /** What `systemctl status` calls it. Default: the unit's name. */
  readonly description?: string | undefined;
  /** Units that must have started before this one starts. @example ["network-online.target", "db.service"] */
  readonly after?: readonly string[] | undefined;
  /** Units that must not start before this one has. */
  readonly before?: readonly string[] | undefined;
  /** Units that are started with this one; it goes on without those that fail. */
  readonly wants?: readonly string[] | undefined;
  /** Units that are started with this one, and without which it is stopped. */
  readonly requires?: readonly string[] | undefined;
  /** Units whose stopping and restarting is this one's too. */
  readonly partOf?: readonly string[] | undefined;
  /** Targets or units that start this one with them, at boot for instance. `[]`: nothing starts it by itself. */
  readonly wantedBy?: readonly string[] | undefined;
  /** As `wantedBy`, for units that cannot do without this one. */
  readonly requiredBy?: readonly string[] | undefined;
  /**
   * Texts that make the unit count as changed when they change, such as the store path of a configuration file that
   * the service finds by itself. @example ({ packages }) => [packages.config]
   */
  readonly restartTriggers?: Template<readonly (string | undefined)[]> | undefined;
  /** `false`: when it changed, an activation leaves the unit as it runs. Default: true. */
  readonly restartIfChanged?: boolean | undefined;
  /**
   * Every other directive, by section, written as it is: specifiers such as `%i` work here.
   * @example { Service: { LimitNOFILE: 65536, ProtectSystem: "strict" } }
   */
  readonly settings?: Readonly<Record<string, Readonly<Record<string, DirectiveValue>>>> | undefined;
}

/** A service: a program that systemd runs. */
export interface ServiceOptions extends UnitOptions {
  /**
   * The program and its arguments.
   * @example ["/usr/sbin/nginx", "-g", "daemon off;"]
   * @example ({ packages }) => [`${packages.api}/bin/api`, "--root", packages.site]
   */
  readonly exec: Template<CommandLine>;
  /** Programs that run to their end, one after the other, before `exec`. */
  readonly execStartPre?: Template<readonly CommandLine[]> | undefined;
  /** Programs that run once `exec` has started. */
  readonly execStartPost?: Template<readonly CommandLine[]> | undefined;
  /**
   * Makes the service read its configuration again. As no word is expanded here, systemd's variables need `settings`:
   * `{ Service: { ExecReload: "/bin/kill -HUP $MAINPID" } }`.
   * @example ["/usr/sbin/nginx", "-s", "reload"]
   */
  readonly execReload?: Template<CommandLine> | undefined;
  /** Stops the service in its own way. Default: SIGTERM. */
  readonly execStop?: Template<CommandLine> | undefined;
  /** When the service counts as started. Default: `"exec"`, once the program runs. `"oneshot"`: once it has ended. */
  readonly type?: "exec" | "simple" | "oneshot" | "notify" | "forking" | "dbus" | "idle" | undefined;
  /** Environment variables; those that are undefined are left out. @example { PORT: 8080, NODE_ENV: "production" } */
  readonly environment?: Template<Readonly<Record<string, string | number | undefined>>> | undefined;
  /** The folder it runs in. */
  readonly workingDirectory?: Template<string | undefined> | undefined;
  /** The user it runs as, who must exist on the host. Default: root. */
  readonly user?: string | undefined;
  /** The group it runs as. Default: the user's own. */
  readonly group?: string | undefined;
  /** Runs it as a user made for it alone, with access to nothing it is not given. */
  readonly dynamicUser?: boolean | undefined;
  /** A folder of `/var/lib` that is made for it and belongs to it. */
  readonly stateDirectory?: string | undefined;
  /** A folder of `/run` that is made for it and goes with it. */
  readonly runtimeDirectory?: string | undefined;
  /** When systemd starts it again by itself. Default: `"no"`. */
  readonly restart?:
    "no" | "always" | "on-success" | "on-failure" | "on-abnormal" | "on-abort" | "on-watchdog" | undefined;
  /** How long systemd waits before it does. Default: systemd's own, 100 ms. */
  readonly restartSec?: Duration | undefined;
  /** For a `"oneshot"`: whether it counts as running after it ended, until it is stopped. */
  readonly remainAfterExit?: boolean | undefined;
  /** `true`: when the unit changed, an activation reloads the service (`execReload`) and does not restart it. */
  readonly reloadIfChanged?: boolean | undefined;
}

/** A service of this kind, as {@link service} makes it. */
export interface ServiceUnit extends ServiceOptions {
  readonly kind: "service";
}

/** A timer: starts a service at certain times. */
export interface TimerOptions extends UnitOptions {
  /** Times of the calendar. @example "daily" @example ["Mon..Fri 07:00", "Sat 09:30"] */
  readonly onCalendar?: string | readonly string[] | undefined;
  /** So long after the machine booted. */
  readonly onBootSec?: Duration | undefined;
  /** So long after the timer itself was started. */
  readonly onActiveSec?: Duration | undefined;
  /** So long after the service was last started. */
  readonly onUnitActiveSec?: Duration | undefined;
  /** Whether a time that was missed while the machine was off is made up for. Default: false. */
  readonly persistent?: boolean | undefined;
  /** Spreads the start over that long, by chance, so that a fleet does not start all at once. */
  readonly randomizedDelaySec?: Duration | undefined;
  /** How exact the time is. Default: systemd's own, a minute. */
  readonly accuracySec?: Duration | undefined;
  /** What it starts. Default: the service of the same name. */
  readonly unit?: string | undefined;
}

/** A timer, as {@link timer} makes it. */
export interface TimerUnit extends TimerOptions {
  readonly kind: "timer";
}

/** A socket: listens, and starts a service when someone connects. */
export interface SocketOptions extends UnitOptions {
  /** Ports, addresses or paths to listen on. @example 8080 @example ["127.0.0.1:8080", "/run/app.sock"] */
  readonly listenStream?: string | number | readonly (string | number)[] | undefined;
  /** The same for datagrams: UDP, or a datagram socket of a path. */
  readonly listenDatagram?: string | number | readonly (string | number)[] | undefined;
  /** Whether every connection gets a service of its own (`app@.service`). Default: false. */
  readonly accept?: boolean | undefined;
  /** Mode of a socket that is a path. @example "0660" */
  readonly socketMode?: string | undefined;
  /** Owner of a socket that is a path. */
  readonly socketUser?: string | undefined;
  /** Group of a socket that is a path. */
  readonly socketGroup?: string | undefined;
  /** What it starts. Default: the service of the same name. */
  readonly service?: string | undefined;
}

/** A socket, as {@link socket} makes it. */
export interface SocketUnit extends SocketOptions {
  readonly kind: "socket";
}

/** A target: a name for a group of units. */
export interface TargetUnit extends UnitOptions {
  readonly kind: "target";
}

/** A unit: typed, or the text of its file. Wants of a text's `[Install]` section are honoured as systemd does. */
export type Unit = string | ServiceUnit | TimerUnit | SocketUnit | TargetUnit;

/**
 * A systemd service. It is started at boot and by activations (`wantedBy: ["multi-user.target"]`), unless the system
 * also has a timer, socket or path unit of the same name, which then starts it.
 * @example
 * service({
 *   exec: ({ packages }) => [`${packages.api}/bin/api`, "--root", packages.site],
 *   environment: { PORT: 8080 },
 *   dynamicUser: true,
 *   restart: "on-failure",
 * })
 */
export function service(options: ServiceOptions): ServiceUnit {
  return { ...options, kind: "service" };
}

/**
 * A systemd timer, started with `timers.target`.
 * @example timer({ onCalendar: "daily", persistent: true, randomizedDelaySec: "30m" })
 */
export function timer(options: TimerOptions): TimerUnit {
  return { ...options, kind: "timer" };
}

/**
 * A systemd socket, started with `sockets.target`.
 * @example socket({ listenStream: 8080 })
 */
export function socket(options: SocketOptions): SocketUnit {
  return { ...options, kind: "socket" };
}

/**
 * A systemd target, started with `multi-user.target`.
 * @example target({ description: "The whole site", wants: ["web.service", "worker.service"] })
 */
export function target(options: UnitOptions = {}): TargetUnit {
  return { ...options, kind: "target" };
}
