import type { BootState, RebootOrder } from "#activation";
import { ActivationError, howToBootPrevious, readBootState } from "#activation";
import type { Clock } from "#core";
import { formatDuration } from "#core";
import type { Host } from "#hive";
import type { Connection } from "#ssh";
import { SshError } from "#ssh";
import { accessTo } from "../host/activation-scene.ts";

export interface LoginPorts {
  /** One attempt to log in; it is made again and again. @throws SshError. */
  readonly logIn: (options: { readonly signal: AbortSignal }) => Promise<Connection>;
  /** Called with what is waited for, when that changes. */
  readonly onProgress?: ((message: string) => void) | undefined;
}

export interface AwaitBootOptions {
  readonly order: RebootOrder;
  /** The id of the boot that is to end. */
  readonly oldBootId: string;
  /** In hand, and over with the reboot: it stays the caller's to dispose of. */
  readonly connection: Connection;
  readonly ports: LoginPorts;
  readonly clock: Clock;
  readonly signal: AbortSignal;
  /** From the request to the first login in another boot; default 600,000. */
  readonly withinMs?: number | undefined;
  /** From that login until the wanted system must run; default 60,000. */
  readonly comeUpMs?: number | undefined;
}

/** From the request for a reboot to the first login in another boot. */
export const REBOOT_WITHIN_MS = 600_000;
const COME_UP_MS = 60_000;
const LOOK_EVERY_MS = 1_000;

/**
 * Waits for a host that was asked to reboot: looks once a second until it is in another boot, systemd is up and the wanted
 * system runs, or the time is over.
 * @returns a connection into that boot, the caller's to dispose of.
 * @throws ActivationError `activation/reboot`, `activation/reboot-not-back`, `activation/reboot-other-system`.
 */
export async function awaitBoot(host: Host, options: AwaitBootOptions): Promise<Connection> {
  const { order, ports, clock, signal, oldBootId, withinMs = REBOOT_WITHIN_MS, comeUpMs = COME_UP_MS } = options;
  const says = announce(ports.onProgress);
  await using line = openLine(host, options);
  let sight: Sight = { kind: "old-boot", isGoingDown: false };
  let giveUpAt = clock.monotonic() + withinMs;
  let isAnotherBoot = false;
  for (;;) {
    signal.throwIfAborted();
    try {
      const state = await line.look();
      if (state !== undefined) sight = state.bootId === oldBootId ? stillUp(state) : { kind: "new-boot", state };
    } catch (error) {
      signal.throwIfAborted();
      if (!(error instanceof SshError)) throw error;
      sight = { kind: "no-login", sinceMs: sight.kind === "no-login" ? sight.sinceMs : clock.monotonic(), error };
    }
    says(sight);
    if (sight.kind === "new-boot" && !isAnotherBoot) {
      isAnotherBoot = true;
      giveUpAt = clock.monotonic() + comeUpMs;
    }
    const isOver = clock.monotonic() + LOOK_EVERY_MS >= giveUpAt;
    if (sight.kind === "new-boot" && isThere(sight.state, { order, isOver })) return line.keep();
    if (isOver) throw notBack(sight, { order, waitedMs: withinMs, nowMs: clock.monotonic() });
    await clock.sleep(LOOK_EVERY_MS, { signal });
  }
}

/** What was seen last. `sinceMs` is on the clock that only goes forward. */
type Sight =
  | { readonly kind: "old-boot"; readonly isGoingDown: boolean }
  | { readonly kind: "no-login"; readonly sinceMs: number; readonly error: SshError }
  | { readonly kind: "new-boot"; readonly state: BootState };

/** The connection in hand, and a new one whenever it was lost. */
interface Line extends AsyncDisposable {
  /** @throws SshError when there is no connection, or there is none any more. */
  look(): Promise<BootState | undefined>;
  /** Hands over the connection of the last look, which is not closed then. */
  keep(): Connection;
}

function openLine(host: Host, { connection: first, ports, signal }: AwaitBootOptions): Line {
  let held: Connection | undefined = first;
  const letGo = async (): Promise<void> => {
    const used = held;
    held = undefined;
    // The first is not ours.
    if (used !== first) await used?.[Symbol.asyncDispose]();
  };
  return {
    async look() {
      try {
        held ??= await ports.logIn({ signal });
        return await readBootState(accessTo(host, held), { signal });
      } catch (error) {
        await letGo();
        throw error;
      }
    },
    keep() {
      if (held === undefined) throw new Error("there is no connection to keep");
      const kept = held;
      held = undefined;
      return kept;
    },
    [Symbol.asyncDispose]: letGo,
  };
}

/** A host that may yet go down; one that said it will not is not waited for. */
function stillUp({ refusal, state }: BootState): Sight {
  if (refusal === undefined) return { kind: "old-boot", isGoingDown: state === "stopping" };
  throw new ActivationError("activation/reboot", `the host refused to reboot: ${refusal}`, {
    hint: "is reboot.target masked there, or held back by `systemd-inhibit`? mend that, then reboot it by hand",
  });
}

/**
 * Whether the wanted system is up. Units that take longer than that are not waited for: the checks will tell.
 * @throws ActivationError as soon as another system is up.
 */
function isThere(
  { running, state }: BootState,
  { order, isOver }: { readonly order: RebootOrder; readonly isOver: boolean },
): boolean {
  const isUp = state === undefined || state === "running" || state === "degraded";
  if (running === order.toplevel) return isUp || isOver;
  if (isUp && running !== undefined) throw otherSystem(running, order);
  return false;
}

function notBack(
  sight: Sight,
  { order, waitedMs, nowMs }: { readonly order: RebootOrder; readonly waitedMs: number; readonly nowMs: number },
): ActivationError {
  switch (sight.kind) {
    case "old-boot": {
      const seen = sight.isGoingDown ? "is still going down" : "never went down";
      return new ActivationError(
        "activation/reboot",
        `the host was asked to reboot ${formatDuration(waitedMs)} ago and ${seen}: its boot id is the same`,
        { hint: "see `systemctl list-jobs` and `systemd-inhibit --list` on the host; it may yet reboot" },
      );
    }
    case "no-login": {
      const away = formatDuration(Math.max(0, nowMs - sight.sinceMs));
      return new ActivationError("activation/reboot-not-back", `no login since ${away}: ${sight.error.message}`, {
        hint: `it was to boot ${order.toplevel}; ${howToBootPrevious(order)}`,
        cause: sight.error,
      });
    }
    case "new-boot":
      return otherSystem(sight.state.running, order);
  }
}

function otherSystem(running: BootState["running"], order: RebootOrder): ActivationError {
  const message = `after its reboot the host runs ${running ?? "no system of ours"} instead of ${order.toplevel}`;
  const hint =
    running !== undefined && running === order.previous
      ? "it runs what it ran before: see whether its boot loader could be written, then deploy again"
      : `see \`journalctl --boot\` on the host; ${howToBootPrevious(order)}`;
  return new ActivationError("activation/reboot-other-system", message, { hint });
}

/** Says what is seen when that is something else than before. */
function announce(onProgress: ((message: string) => void) | undefined): (sight: Sight) => void {
  let last = "";
  return (sight) => {
    const message = describe(sight);
    if (message !== last) onProgress?.(message);
    last = message;
  };
}

function describe(sight: Sight): string {
  switch (sight.kind) {
    case "old-boot":
      return "waiting for it to go down";
    case "no-login":
      return `waiting for it to come back (${sight.error.message})`;
    case "new-boot":
      return `it has booted (${sight.state.state ?? "without systemd"})`;
  }
}
