/** What of a unit file says how the unit is started, and what it starts. */
export interface UnitLinks {
  /** Units that are to start it with them, in whose `.wants` folder a link to it belongs. */
  readonly wantedBy: readonly string[];
  /** The same with `.requires`. */
  readonly requiredBy: readonly string[];
  /** The service a socket starts, when it says so. */
  readonly service: string | undefined;
}

/** Reads the `[Install]` section, and a socket's `Service=`, of a unit file as `systemctl enable` does. */
export function readUnitLinks(text: string): UnitLinks {
  const found = { wantedBy: [] as string[], requiredBy: [] as string[], service: undefined as string | undefined };
  let section = "";
  for (const line of joinContinued(text)) {
    section = /^\[(.*)\]$/.exec(line)?.[1] ?? section;
    const { key, value = "" } = /^(?<key>[\w-]+)\s*=\s*(?<value>.*)$/.exec(line)?.groups ?? {};
    if (section === "Install" && key === "WantedBy") assign(found.wantedBy, value);
    if (section === "Install" && key === "RequiredBy") assign(found.requiredBy, value);
    if (section === "Socket" && key === "Service") found.service = value === "" ? undefined : value;
  }
  return found;
}

function joinContinued(text: string): string[] {
  const lines = text.replaceAll(/\\\n/g, " ").split("\n");
  return lines.map((line) => line.trim()).filter((line) => line !== "" && !/^[#;]/.test(line));
}

/** Adds names to a list; an empty value empties it, as everywhere in unit files. */
function assign(names: string[], value: string): void {
  if (value === "") names.length = 0;
  names.push(...value.split(/\s+/).filter((name) => name !== "" && !names.includes(name)));
}
