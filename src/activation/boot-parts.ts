import type { ChangedPart, RebootNeed } from "./reboot-need.ts";
import { BOOTED_PARTS, versionIn } from "./reboot-need.ts";

/** Those parts of a system that only a boot brings: what each leads to, or for `kernel-params` what it says. */
export type BootParts = ReadonlyMap<string, string>;

/** What a host booted, for comparing it with a system that it does not have yet. */
export interface BootFacts {
  /** Undefined where nothing boots by itself: below a root, on a host that asks for no reboots. */
  readonly parts: BootParts | undefined;
  /** Its `init-interface-version`, where the running system has one. */
  readonly initInterface: string | undefined;
  /** What the host itself asks a reboot for (`/run/reboot-required`): names of its packages. */
  readonly requiredBy: readonly string[] | undefined;
}

/** Whether a host that is to get a system will need a reboot. Pure; decides as NEED_SCRIPT does on the host. */
export function compareBoot(
  { parts: booted, initInterface, requiredBy }: BootFacts,
  { parts: wanted, initInterface: wantedInterface }: Pick<BootFacts, "initInterface"> & { readonly parts: BootParts },
): RebootNeed {
  const changed = BOOTED_PARTS.flatMap((part): readonly ChangedPart[] => {
    const to = wanted.get(part)?.trim();
    const from = booted?.get(part)?.trim();
    if (booted === undefined || to === undefined || from === to) return [];
    if (part === "kernel-params") return [{ part, from: undefined, to: undefined }];
    return [{ part, from: versionIn(from ?? ""), to: versionIn(to) }];
  });
  const onlyByReboot =
    booted !== undefined &&
    wantedInterface !== undefined &&
    initInterface !== undefined &&
    wantedInterface !== initInterface;
  return { parts: changed, requiredBy, onlyByReboot };
}
