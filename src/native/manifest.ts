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
