import { describeFound } from "../describe-found.ts";
import { foldersOf } from "../folders-of.ts";
import type { SecretUse } from "../hive.ts";
import type { Path, Problems } from "../problems.ts";
import type { HostDefaultsRead, HostRead } from "./host-schema.ts";

interface Inputs {
  readonly name: string;
  readonly host: HostRead;
  readonly defaults: HostDefaultsRead;
}

/** A host's secrets, its own in place of the shared ones of the same name. By name: the order they are said in means nothing. */
export function makeSecrets({ name, host, defaults }: Inputs, problems: Problems): readonly SecretUse[] {
  const secrets = Object.entries({ ...defaults.secrets, ...host.secrets })
    .sort(([one], [other]) => (one < other ? -1 : 1))
    .map(([secret, input]): SecretUse => {
      const { owner = "root", group, mode = "0400", path, restart = [], reload = [], open = "host" } = input;
      return { name: secret, owner, group, mode: mode.padStart(4, "0"), path, restart, reload, open };
    });
  const placeOf = (secret: string, ...below: readonly string[]): Path => {
    const own = Object.hasOwn(host.secrets ?? {}, secret);
    return [...(own ? ["hosts", name] : ["defaults"]), "secrets", secret, ...below];
  };
  refuseNestedNames(secrets, { placeOf, problems });
  refuseSharedPaths(secrets, { placeOf, problems, etc: etcOf(host) });
  return secrets;
}

interface Placing {
  readonly placeOf: (secret: string, ...below: readonly string[]) => Path;
  readonly problems: Problems;
}

/** On the host a secret is a file by its name, which cannot be a folder as well. */
function refuseNestedNames(secrets: readonly SecretUse[], { placeOf, problems }: Placing): void {
  const names = new Set(secrets.map(({ name }) => name));
  for (const name of names) {
    const above = foldersOf(name).find((folder) => names.has(folder));
    if (above === undefined) continue;
    problems.add(placeOf(name), `a name that does not lie below "${above}", a secret too`, describeFound(name));
  }
}

/** Two links cannot be at one place, nor one below another, nor where the system has a file of its own. */
function refuseSharedPaths(
  secrets: readonly SecretUse[],
  { placeOf, problems, etc }: Placing & { readonly etc: ReadonlySet<string> },
): void {
  const taken = new Map<string, string>();
  for (const { name, path } of secrets) if (path !== undefined && !taken.has(path)) taken.set(path, name);
  const etcFolders = new Set([...etc].flatMap(foldersOf));
  for (const { name, path } of secrets) {
    if (path === undefined) continue;
    const refuse = (expected: string): void => {
      problems.add(placeOf(name, "path"), expected, describeFound(path));
    };
    const first = taken.get(path);
    if (first !== undefined && first !== name) refuse(`another path than that of "${first}"`);
    const above = foldersOf(path).find((folder) => taken.has(folder));
    if (above !== undefined) refuse(`a path that does not lie below that of "${taken.get(above) ?? ""}"`);
    const inSystem = [path, ...foldersOf(path)].find((place) => etc.has(place));
    if (inSystem !== undefined) refuse(`a path that is not the system's own, as ${inSystem} is`);
    else if (etcFolders.has(path)) refuse("a path below which the system has no files of its own");
  }
}

function etcOf({ system }: HostRead): ReadonlySet<string> {
  return new Set(system.kind === "native" ? Object.keys(system.etc).map((path) => `/etc/${path}`) : []);
}
