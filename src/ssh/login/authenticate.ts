import type { AnyAuthMethod, AuthenticationType, AuthHandlerMiddleware } from "ssh2";
import type { SshSettings } from "../config/settings.ts";
import { SshError } from "../errors.ts";
import type { Identities, Identity } from "./identities.ts";

/** Offers a host one key after the other, and can tell afterwards what was offered. */
export interface Authentication {
  readonly handler: AuthHandlerMiddleware;
  /** The error for a host that accepted none of it; `ending` is what it said when it broke the attempt off. */
  refused(ending?: string): SshError;
}

/**
 * @param onStart called when the host is ready to authenticate us.
 * @param onExhausted called when there is nothing left to offer.
 */
export function authenticate(
  settings: SshSettings,
  {
    identities,
    onStart,
    onExhausted,
  }: {
    readonly identities: Promise<Identities>;
    readonly onStart: () => void;
    readonly onExhausted: (error: SshError) => void;
  },
): Authentication {
  const tried: Identity[] = [];
  let known: Identities = { offered: [], skipped: [], someEncrypted: false };
  let methods: readonly AuthenticationType[] | undefined;
  let partly = false;

  const refused = (ending?: string): SshError => {
    const who = `${settings.user}@${settings.hostname}:${settings.port}`;
    const offered = tried.length === 0 ? "there was no key to offer" : `offered were ${labels(tried)}`;
    const reason = ending ?? (partly ? "a key was accepted, but the host wants more than a key" : undefined);
    return new SshError(
      "ssh/auth-refused",
      `logging in as ${who} was refused: ${[reason, offered].filter((part) => part !== undefined).join("; ")}`,
      { hint: hintFor({ settings, tried, identities: known, methods, ending }) },
    );
  };

  const next = async (): Promise<AnyAuthMethod | undefined> => {
    known = await identities;
    if (methods?.includes("publickey") !== true) return undefined;
    const identity = known.offered[tried.length];
    if (identity === undefined) return undefined;
    tried.push(identity);
    return { ...identity.proof, username: settings.user };
  };

  return {
    refused,
    handler(methodsLeft: AuthenticationType[] | null, partialSuccess, proceed) {
      if (methodsLeft === null) {
        onStart();
        // As OpenSSH does: it tells which methods there are, and some hosts want nothing more.
        proceed({ type: "none", username: settings.user });
        return;
      }
      methods = methodsLeft;
      partly ||= partialSuccess;
      next().then(
        (method) => {
          if (method === undefined) onExhausted(refused());
          else proceed(method);
        },
        (error: unknown) => {
          onExhausted(new SshError("ssh/auth-refused", "collecting the keys to log in with failed", { cause: error }));
        },
      );
    },
  };
}

function hintFor({
  settings,
  tried,
  identities,
  methods,
  ending,
}: {
  readonly settings: SshSettings;
  readonly tried: readonly Identity[];
  readonly identities: Identities;
  readonly methods: readonly AuthenticationType[] | undefined;
  readonly ending: string | undefined;
}): string {
  const skipped = identities.skipped.length === 0 ? "" : ` (not offered: ${identities.skipped.join(", ")})`;
  if (ending !== undefined && /too many/i.test(ending)) {
    return `the host allows fewer tries than there are keys: name the right one with IdentityFile and set IdentitiesOnly yes${skipped}`;
  }
  if (methods?.includes("publickey") === false && tried.length === 0) {
    return `the host accepts no keys for this user, only ${methods.join(", ")}; skep logs in with keys alone`;
  }
  if (identities.someEncrypted) return `add the encrypted key to the agent with ssh-add${skipped}`;
  return `put one of these keys into authorized_keys of ${settings.user} there, or name another with identityFile${skipped}`;
}

function labels(identities: readonly Identity[]): string {
  return identities.map((identity) => identity.label).join(", ");
}
