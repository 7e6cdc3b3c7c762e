/**
 * What a system made without Nix has, as its `switch-to-configuration` reads it: lines of fields with tabs between,
 * `-` where there is nothing to say.
 *
 *     etc   link|copy  mode  user  group  take|-  target  path
 *     unit  name       text  restart|reload|keep  start|-  service
 *     hook  before|after  file  command
 *
 * `target` is where a link leads, or the file to copy. `text` is the store path of a unit's file, which says whether
 * the unit changed. `service` is what a socket starts. `file` is relative to the system; `command` is for people.
 */
export type ManifestLine = readonly ["etc" | "unit" | "hook", ...string[]];

/** A file of `/etc`. */
export interface ManifestEtc {
  readonly path: string;
  readonly target: string;
  readonly takeOver: boolean;
  /** Undefined for a link. */
  readonly copy?: { readonly mode: string; readonly user: string; readonly group: string } | undefined;
}

export function etcLine({ path, target, takeOver, copy }: ManifestEtc): ManifestLine {
  const placing = copy === undefined ? ["link", "-", "-", "-"] : ["copy", copy.mode, copy.user, copy.group];
  return ["etc", ...placing, takeOver ? "take" : "-", target, path];
}

/** A unit to be started, stopped and restarted. */
export interface ManifestUnit {
  readonly name: string;
  readonly text: string;
  /** What to do with it when it runs and its text changed. */
  readonly onChange: "restart" | "reload" | "keep";
  readonly started: boolean;
  readonly service?: string | undefined;
}

export function unitLine({ name, text, onChange, started, service }: ManifestUnit): ManifestLine {
  return ["unit", name, text, onChange, started ? "start" : "-", service ?? "-"];
}

export function hookLine(
  when: "before" | "after",
  { file, command }: { readonly file: string; readonly command: string },
): ManifestLine {
  return ["hook", when, file, command.replaceAll(/[\t\n]+/g, " ")];
}

export function formatManifest(lines: readonly ManifestLine[]): string {
  return lines.map((fields) => `${fields.join("\t")}\n`).join("");
}

/** A manifest as a comparison reads it. */
export interface Manifest {
  /** How each path below `/etc` is made: the rest of its line. */
  readonly etc: ReadonlyMap<string, string>;
  /** In the order of their lines. */
  readonly units: readonly ManifestUnit[];
  /** Commands, for people. */
  readonly hooks: { readonly before: readonly string[]; readonly after: readonly string[] };
}

/** Reads a manifest. What is not such a line is passed over: another version of skep may have written it. */
export function parseManifest(text: string): Manifest {
  const etc = new Map<string, string>();
  const units: ManifestUnit[] = [];
  const hooks = { before: [] as string[], after: [] as string[] };
  for (const line of text.split("\n")) {
    const [kind, first = "", second = "", third = "", fourth = "", fifth = "", ...rest] = line.split("\t");
    if (kind === "etc" && rest.length === 2) etc.set(rest[1] ?? "", [first, second, third, fourth, rest[0]].join("\t"));
    if (kind === "unit" && fifth !== "" && isOnChange(third)) {
      const service = fifth === "-" ? undefined : fifth;
      units.push({ name: first, text: second, onChange: third, started: fourth === "start", service });
    }
    if (kind === "hook" && (first === "before" || first === "after")) hooks[first].push(third);
  }
  return { etc, units, hooks };
}

function isOnChange(word: string): word is ManifestUnit["onChange"] {
  return word === "restart" || word === "reload" || word === "keep";
}
