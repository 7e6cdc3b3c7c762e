import type { Scope, Unit } from "#hive";
import { lookUpInTree, parseStorePath, treeDirectory, treeFile } from "#store";
import type { FileTree } from "#store";
import { NativeError } from "./errors.ts";
import type { Evaluation } from "./evaluation.ts";
import type { UnitLinks } from "./install-section.ts";
import { readUnitLinks } from "./install-section.ts";
import type { ManifestLine } from "./manifest.ts";
import { etcLine, unitLine } from "./manifest.ts";
import { unitText } from "./unit-text.ts";

/**
 * Adds units to a system: each as a store object of its own, linked from `/etc/systemd/system`, with the links that
 * `systemctl enable` would make.
 * @throws NativeError `native/template`, `native/program`.
 */
export function makeUnits(
  evaluation: Evaluation,
  { units, scope }: { readonly units: Readonly<Record<string, Unit>>; readonly scope: Scope },
): readonly ManifestLine[] {
  const unitNames = new Set(Object.keys(units));
  const { host } = evaluation;
  const onProgram = (program: string, where: string): void => {
    checkProgram(evaluation, program, where);
  };
  const texts = Object.entries(units).map(([name, unit]) => {
    const text = unitText(name, unit, { host: host.name, scope, unitNames, onProgram });
    return { name, unit, text, links: readUnitLinks(text) };
  });
  const linksOf = new Map(texts.map(({ name, links }) => [name, links]));
  return texts.flatMap(({ name, unit, text, links }) => {
    // A folder of its own, so that the file has the unit's name: systemd takes that of a link's target for an alias.
    const path = `${evaluation.addTree(`unit-${name}`, treeDirectory([[name, treeFile(text)]]))}/${name}`;
    const etc = (below: string, target: string): ManifestLine =>
      etcLine({ path: `systemd/system/${below}`, target, takeOver: false });
    return [
      etc(name, path),
      ...links.wantedBy.map((by) => etc(`${by}.wants/${name}`, `../${name}`)),
      ...links.requiredBy.map((by) => etc(`${by}.requires/${name}`, `../${name}`)),
      unitLine({
        name,
        text: path,
        onChange: onChange(unit),
        started: isStarted(name, linksOf),
        service: serviceOf(name, links),
      }),
    ];
  });
}

function onChange(unit: Unit): "restart" | "reload" | "keep" {
  if (typeof unit === "string") return "restart";
  if (unit.restartIfChanged === false) return "keep";
  return unit.kind === "service" && unit.reloadIfChanged === true ? "reload" : "restart";
}

const NEVER_UP =
  /^(?:shutdown|reboot|poweroff|halt|kexec|rescue|emergency|sleep|suspend|hibernate|hybrid-sleep|umount|final|exit|initrd.*)\.target$/;

/** Whether a running machine has it running: some target that it belongs to is up. */
function isStarted(name: string, linksOf: ReadonlyMap<string, UnitLinks>, above: readonly string[] = []): boolean {
  if (above.includes(name) || name.includes("@.")) return false;
  const links = linksOf.get(name);
  if (links === undefined) return name.endsWith(".target") && !NEVER_UP.test(name);
  return [...links.wantedBy, ...links.requiredBy].some((by) => isStarted(by, linksOf, [...above, name]));
}

function serviceOf(name: string, { service }: UnitLinks): string | undefined {
  return name.endsWith(".socket") ? (service ?? `${name.slice(0, -".socket".length)}.service`) : undefined;
}

/** A program that is not there would show on the host only, when systemd tries to start it. */
function checkProgram(evaluation: Evaluation, program: string, where: string): void {
  const [, path = "", inside = ""] = /^(\/nix\/store\/[^/]+)(.*)$/.exec(program) ?? [];
  const tree = path === "" ? undefined : evaluation.treeOf(parseStorePath(path));
  if (tree === undefined || leadsThroughLink(tree, inside)) return;
  const found = lookUpInTree(tree, inside);
  if (found?.kind === "file" && found.executable) return;
  const why = found === undefined ? "is not there" : found.kind === "file" ? "is not executable" : "is a folder";
  const hint =
    tree.kind === "file"
      ? 'say file("…", { executable: true }), which puts a program at bin/<its name>'
      : `the package has ${listed(tree)}`;
  throw new NativeError("native/program", `could not use ${program} for ${where}: it ${why}`, {
    host: evaluation.host.name,
    hint,
  });
}

function leadsThroughLink(tree: FileTree, path: string): boolean {
  const names = path.split("/");
  return names.some((_, index) => lookUpInTree(tree, names.slice(0, index + 1).join("/"))?.kind === "symlink");
}

function listed(tree: FileTree): string {
  const names = tree.kind === "directory" ? [...tree.entries.keys()] : [];
  const bin = lookUpInTree(tree, "bin");
  if (bin?.kind === "directory") names.push(...[...bin.entries.keys()].map((name) => `bin/${name}`));
  return names.length === 0 ? "nothing in it" : names.slice(0, 12).join(", ");
}
