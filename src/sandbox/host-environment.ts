import { join } from "node:path";

/** What makes a process recognisable as one of a sandbox: `<sandbox id>/<host name>`. */
export const MARKER = "SKEP_SANDBOX";

export interface EnvironmentOptions {
  readonly root: string;
  readonly name: string;
  /** The value of {@link MARKER}. */
  readonly marker: string;
  /** The folder of links to this machine's tools. */
  readonly tools: string;
  /** What `PORT` says where nothing else is said. */
  readonly httpPort: number;
}

/** The folder below a host's root whose programs stand in for a small systemd Linux's. */
export const STAND_INS = "run/skep-sandbox/bin";

/** The whole environment of a command or service on a sandbox host; nothing of the operator's own is in it. */
export function hostEnvironment({ root, name, marker, tools, httpPort }: EnvironmentOptions): Record<string, string> {
  return {
    PATH: `${join(root, STAND_INS)}:${tools}`,
    HOME: join(root, "root"),
    USER: "root",
    LOGNAME: "root",
    SHELL: "/bin/sh",
    TMPDIR: join(root, "tmp"),
    LANG: "C.UTF-8",
    PORT: String(httpPort),
    SKEP_ROOT: root,
    SKEP_HOST: name,
    [MARKER]: marker,
  };
}
