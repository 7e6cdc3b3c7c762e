import { quoteArgv } from "#core";
import type { CommandHook, NativeSource, Scope } from "#hive";
import type { Closure, FileTree } from "#store";
import { treeDirectory, treeFile, treeSymlink } from "#store";
import { NativeError } from "./errors.ts";
import type { Evaluation } from "./evaluation.ts";
import { makeEtc } from "./make-etc.ts";
import type { MakePackagesOptions } from "./make-packages.ts";
import { makePackages } from "./make-packages.ts";
import { makeUnits } from "./make-units.ts";
import type { ManifestLine } from "./manifest.ts";
import { formatManifest, hookLine } from "./manifest.ts";
import { isCommand, renderTemplate } from "./render-template.ts";
import { SWITCH_SCRIPT } from "./switch-script.ts";

/**
 * Puts one host's system together: packages, files of `/etc`, units, hooks, and over them the toplevel, which has a
 * manifest of all of it, `bin/switch-to-configuration`, and a link to each package: `/run/current-system/packages/site`.
 */
export async function evaluateSystem(
  evaluation: Evaluation,
  source: NativeSource,
  options: Omit<MakePackagesOptions, "packages">,
): Promise<Closure> {
  const scope = await makePackages(evaluation, { ...options, packages: source.packages });
  const units = makeUnits(evaluation, { units: source.units, scope });
  const etc = await makeEtc(evaluation, { etc: source.etc, scope });
  refuseConflicts([...units, ...etc], evaluation.host.name);
  const before = makeHooks("before", { evaluation, scope, commands: source.hooks.before });
  const after = makeHooks("after", { evaluation, scope, commands: source.hooks.after });
  const manifest = formatManifest([...etc, ...units, ...before.lines, ...after.lines]);

  const script = treeDirectory([["switch-to-configuration", treeFile(SWITCH_SCRIPT, { executable: true })]]);
  const switching = evaluation.addTree("skep-switch", script);
  const packages = Object.keys(source.packages).map(
    (name) => [name, linkFromBelow(scope.packages[name] ?? "")] as const,
  );
  const hooks = [...before.files, ...after.files];
  const toplevel = treeDirectory([
    ["bin", treeDirectory([["switch-to-configuration", linkFromBelow(`${switching}/switch-to-configuration`)]])],
    ["manifest", treeFile(manifest)],
    ...(packages.length === 0 ? [] : [["packages", treeDirectory(packages)] as const]),
    ...(hooks.length === 0 ? [] : [["hooks", treeDirectory(hooks)] as const]),
  ]);
  return evaluation.closureOf(evaluation.addTree(`skep-system-${evaluation.host.name}`, toplevel));
}

/** A link from a folder of the toplevel to a path of the store; relative, so that it leads there below a root as well. */
function linkFromBelow(path: string): FileTree {
  return treeSymlink(path.replace("/nix/store/", "../../"));
}

interface HooksParts {
  readonly evaluation: Evaluation;
  readonly scope: Scope;
  readonly commands: readonly CommandHook[] | undefined;
}

interface MadeHooks {
  readonly lines: readonly ManifestLine[];
  readonly files: readonly (readonly [name: string, tree: FileTree])[];
}

function makeHooks(when: "before" | "after", { evaluation, scope, commands = [] }: HooksParts): MadeHooks {
  const made = commands.map((command, index) => {
    const where = `hooks.${when}[${index}]`;
    const expected = "a program and its arguments";
    const argv = renderTemplate(command, { host: evaluation.host.name, scope, where, expected, isRight: isCommand });
    const name = `${when}-${index + 1}`;
    const text = quoteArgv(argv);
    return {
      line: hookLine(when, { file: `hooks/${name}`, command: text }),
      file: [name, treeFile(`${text}\n`)] as const,
    };
  });
  return { lines: made.map(({ line }) => line), files: made.map(({ file }) => file) };
}

/** An entry of `/etc` may be a unit, or a part of one, by mistake. */
function refuseConflicts(lines: readonly ManifestLine[], host: string): void {
  const seen = new Set<string>();
  for (const line of lines) {
    const path = line.at(-1) ?? "";
    if (line[0] !== "etc") continue;
    if (seen.has(path)) {
      throw new NativeError("native/conflict", `two parts of the system want /etc/${path}`, {
        host,
        hint: "name units under units and not under etc as well",
      });
    }
    seen.add(path);
  }
}
