import { readFile } from "node:fs/promises";
import { join } from "node:path";
import { errnoOf } from "#core";
import type { Call, CallResult, SystemctlPlace } from "./systemctl-call.ts";
import { isUp, success } from "./systemctl-call.ts";
import { enablement } from "./systemctl-install.ts";

/** `systemctl show`. Properties come in systemd's own order, whatever order they are asked for in. */
export async function show({ units, flags, values }: Call, place: SystemctlPlace): Promise<CallResult> {
  const wanted = values.get("property")?.split(",");
  const blocks: string[] = [];
  for (const name of units) {
    const properties = await propertiesOf(name, place);
    const chosen = Object.keys(properties).filter((key) => wanted?.includes(key) ?? properties[key] !== "");
    blocks.push(chosen.map((key) => `${flags.has("value") ? "" : `${key}=`}${properties[key] ?? ""}\n`).join(""));
  }
  return success(blocks.join("\n"));
}

async function propertiesOf(name: string, place: SystemctlPlace): Promise<Record<string, string>> {
  const unit = await place.manager.load(name);
  const { activeState, subState, result, mainPid, mainStatus, restarts, activeSince, invocation, meetsConditions } =
    place.manager.status(name);
  return {
    Type: unit?.settings.get("Service", "Type") ?? "simple",
    Restart: unit?.settings.get("Service", "Restart") ?? "no",
    MainPID: String(mainPid),
    Result: result,
    NRestarts: String(restarts),
    ExecMainStatus: String(mainStatus),
    Id: name,
    Names: name,
    Requires: unit?.requires.join(" ") ?? "",
    Wants: unit?.wants.join(" ") ?? "",
    PartOf: unit?.partOf.join(" ") ?? "",
    Before: unit?.before.join(" ") ?? "",
    After: unit?.after.join(" ") ?? "",
    Description: unit?.description ?? name,
    LoadState: unit === undefined ? "not-found" : unit.isMasked ? "masked" : "loaded",
    ActiveState: activeState,
    SubState: subState,
    FragmentPath: unit?.path ?? "",
    UnitFileState: unit?.path === undefined ? "" : await enablement(name, place),
    ActiveEnterTimestamp: activeSince === undefined ? "" : new Date(activeSince).toISOString(),
    CanReload: unit !== undefined && unit.settings.all("Service", "ExecReload").length > 0 ? "yes" : "no",
    NeedDaemonReload: "no",
    ConditionResult: meetsConditions ? "yes" : "no",
    InvocationID: invocation,
  };
}

/** `systemctl status`, short. */
export async function status({ units, flags, values }: Call, place: SystemctlPlace): Promise<CallResult> {
  if (units.length === 0) return listUnits({ verb: "list-units", units, flags, values: new Map() }, place);
  const lines: string[] = [];
  let exitCode = 0;
  for (const name of units) {
    const unit = await place.manager.load(name);
    const { activeState, subState, mainPid, result } = place.manager.status(name);
    if (unit === undefined) {
      exitCode = 4;
      lines.push(`Unit ${name} could not be found.`);
      continue;
    }
    if (!isUp(place.manager.status(name))) exitCode = Math.max(exitCode, 3);
    lines.push(
      `● ${name} - ${unit.description}`,
      `     Loaded: loaded (${unit.path ?? "built in"}; ${await enablement(name, place)})`,
      `     Active: ${activeState} (${activeState === "failed" ? `Result: ${result}` : subState})`,
      ...(mainPid === 0 ? [] : [`   Main PID: ${mainPid}`]),
      ...(await lastLogLines(name, { root: place.root, count: Number(values.get("lines") ?? 10) })),
    );
  }
  return { exitCode, stdout: `${lines.join("\n")}\n`, stderr: "" };
}

async function lastLogLines(
  name: string,
  { root, count }: { readonly root: string; readonly count: number },
): Promise<string[]> {
  try {
    const text = await readFile(join(root, "var/log", `${name}.log`), "utf8");
    const lines = text.trimEnd().split("\n");
    return count > 0 ? ["", ...lines.slice(-count)] : [];
  } catch (error) {
    if (errnoOf(error) === "ENOENT") return [];
    throw error;
  }
}

/** `systemctl cat`: what the files of units say. */
export async function cat({ units }: Call, { manager }: SystemctlPlace): Promise<CallResult> {
  const texts: string[] = [];
  let stderr = "";
  for (const name of units) {
    const files = (await manager.load(name))?.files ?? [];
    if (files.length === 0) stderr += `No files found for ${name}.\n`;
    texts.push(...files.map(({ path, text }) => `# ${path}\n${text}${text.endsWith("\n") ? "" : "\n"}`));
  }
  return { exitCode: stderr === "" ? 0 : 1, stdout: texts.join("\n"), stderr };
}

/** `systemctl list-units`. */
export async function listUnits({ flags, values, units }: Call, { manager }: SystemctlPlace): Promise<CallResult> {
  const states = flags.has("failed") ? ["failed"] : values.get("state")?.split(",");
  const types = values.get("type")?.split(",");
  const rows: string[] = [];
  for (const name of await manager.list()) {
    const { activeState, subState } = manager.status(name);
    const unit = await manager.load(name);
    if (units.length > 0 && !units.includes(name)) continue;
    if (types !== undefined && !types.includes(name.slice(name.lastIndexOf(".") + 1))) continue;
    if (states !== undefined && !states.includes(activeState) && !states.includes(subState)) continue;
    if (states === undefined && !flags.has("all") && activeState === "inactive") continue;
    const load = unit === undefined ? "not-found" : "loaded";
    rows.push(`${[name, load, activeState, subState, unit?.description ?? name].join(" ")}\n`);
  }
  const legend = flags.has("no-legend") ? "" : `\n${rows.length} loaded units listed.\n`;
  return success(rows.join("") + legend);
}
