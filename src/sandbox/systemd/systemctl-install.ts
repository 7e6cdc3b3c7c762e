import { mkdir, readlink, rm, symlink } from "node:fs/promises";
import { dirname, join } from "node:path";
import { errnoOf } from "#core";
import { resolveInRoot } from "../resolve-in-root.ts";
import type { Call, CallResult, SystemctlPlace } from "./systemctl-call.ts";
import { failure } from "./systemctl-call.ts";
import type { Unit } from "./unit-files.ts";

/** `systemctl enable`: the links that the unit's `[Install]` section asks for. */
export async function enable(call: Call, place: SystemctlPlace): Promise<CallResult> {
  const lines: string[] = [];
  for (const name of call.units) {
    const unit = await place.manager.load(name);
    if (unit?.path === undefined) return failure(1, `Failed to enable unit: Unit file ${name} does not exist.`);
    for (const link of installLinks(unit)) {
      if (await makeLink(place.root, { link, target: unit.path })) {
        lines.push(`Created symlink ${link} → ${unit.path}.\n`);
      }
    }
  }
  place.manager.reloadFiles();
  if (call.flags.has("now")) for (const name of call.units) await place.manager.start(name);
  return { exitCode: 0, stdout: "", stderr: call.flags.has("quiet") ? "" : lines.join("") };
}

/** `systemctl disable`: removes every link that would start the unit at boot. */
export async function disable(call: Call, place: SystemctlPlace): Promise<CallResult> {
  const lines: string[] = [];
  for (const name of call.units) {
    for (const { link } of await place.manager.files.linksTo(name)) {
      await rm(join(await resolveInRoot(place.root, dirname(link)), name), { force: true });
      lines.push(`Removed "${link}".\n`);
    }
  }
  place.manager.reloadFiles();
  if (call.flags.has("now")) for (const name of call.units) await place.manager.stop(name);
  return { exitCode: 0, stdout: "", stderr: call.flags.has("quiet") ? "" : lines.join("") };
}

/** What `systemctl is-enabled` says of a unit. */
export async function enablement(name: string, { manager }: SystemctlPlace): Promise<string> {
  const unit = await manager.load(name);
  if (unit === undefined) return "not-found";
  if (unit.isMasked) return "masked";
  const links = await manager.files.linksTo(name);
  if (links.some(({ folder }) => folder.startsWith("/etc/"))) return "enabled";
  if (links.length > 0) return "enabled-runtime";
  return installLinks(unit).length === 0 ? "static" : "disabled";
}

function installLinks({ name, settings }: Unit): string[] {
  const below = (key: string, kind: string): string[] =>
    settings.words("Install", key).map((target) => `/etc/systemd/system/${target}.${kind}/${name}`);
  return [
    ...below("WantedBy", "wants"),
    ...below("RequiredBy", "requires"),
    ...settings.words("Install", "Alias").map((alias) => `/etc/systemd/system/${alias}`),
  ];
}

async function makeLink(
  root: string,
  { link, target }: { readonly link: string; readonly target: string },
): Promise<boolean> {
  const folder = await resolveInRoot(root, dirname(link));
  const path = join(folder, link.slice(dirname(link).length + 1));
  await mkdir(folder, { recursive: true });
  try {
    if ((await readlink(path)) === target) return false;
  } catch (error) {
    if (errnoOf(error) !== "ENOENT") throw error;
  }
  await rm(path, { force: true });
  await symlink(target, path);
  return true;
}
