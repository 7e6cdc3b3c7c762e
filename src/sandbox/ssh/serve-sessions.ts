import type { Connection, ServerChannel, Session } from "ssh2";
import type { CommandPlace, RunningSession } from "./run-session.ts";
import { runSession } from "./run-session.ts";

/** sshd's MaxSessions. */
const MAX_SESSIONS = 10;
/** What sshd_config usually accepts from a client's environment. */
const ACCEPTED_ENVIRONMENT = /^(LANG|LC_\w+)$/;

/**
 * Serves the sessions of one connection: commands, and a shell without a terminal. What nobody listens for here
 * (terminals, subsystems, agent forwarding) ssh2 refuses by itself.
 */
export function serveSessions(
  connection: Connection,
  { place, hostName }: { readonly place: CommandPlace; readonly hostName: string },
): void {
  const open = new Set<Session>();
  const running = new Set<RunningSession>();
  connection.once("close", () => {
    for (const session of running) session.abandon();
  });
  connection.on("session", (accept, reject) => {
    if (open.size >= MAX_SESSIONS) {
      reject();
      return;
    }
    const session = accept();
    open.add(session);
    session.once("close", () => open.delete(session));
    const environment: Record<string, string> = { ...place.environment };
    let signals: string[] | RunningSession = [];
    const start = (channel: ServerChannel, args: readonly string[]): void => {
      runSession(channel, { args, place: { ...place, environment } }).then(
        (started) => {
          for (const name of signals instanceof Array ? signals : []) started.signal(name);
          signals = started;
          running.add(started);
          channel.once("close", () => running.delete(started));
        },
        () => {
          channel.exit(255);
          channel.end();
        },
      );
    };
    session.on("env", (acceptValue, rejectValue, { key, val }) => {
      if (ACCEPTED_ENVIRONMENT.test(key)) {
        environment[key] = val;
        answer(acceptValue);
      } else answer(rejectValue);
    });
    session.on("exec", (acceptCommand, _reject, { command: line }) => {
      start(acceptCommand(), ["-c", line]);
    });
    session.on("shell", (acceptShell) => {
      environment.PS1 = `${hostName}# `;
      start(acceptShell(), ["-i"]);
    });
    session.on("signal", (acceptSignal, _reject, { name }) => {
      answer(acceptSignal);
      // One that comes before the command has started waits for it.
      if (signals instanceof Array) signals.push(name);
      else signals.signal(name);
    });
  });
}

/** A client that wants no answer gives nothing to answer with. */
function answer(reply: (() => unknown) | undefined): void {
  reply?.();
}
