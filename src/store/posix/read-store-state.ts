import { StoreError } from "../errors.ts";
import type { StorePath } from "../store-path.ts";
import { isStorePath, STORE_FOLDER } from "../store-path.ts";
import { parseInfoFiles } from "./info-file.ts";
import type { Generation, Root, StoreState } from "./plan-garbage.ts";

/**
 * Reads what READ_STORE_SCRIPT prints.
 * @throws StoreError `store/has-nix`, `store/path-info`
 */
export function parseStoreState(lines: readonly string[]): StoreState {
  if (lines[0] === "nix") {
    throw new StoreError("store/has-nix", "reading the host's store failed: it belongs to Nix", {
      hint: "use nix-collect-garbage, or nix-store --verify --check-contents, on the host",
    });
  }
  const end = lines.indexOf("infos");
  if (end === -1) {
    throw new StoreError("store/host-script", "reading the host's store failed: its answer was cut short");
  }
  const stored = new Set<StorePath>();
  const generations: Generation[] = [];
  const roots: Root[] = [];
  let current: number | undefined;
  for (const line of lines.slice(0, end)) {
    const [kind = "", ...words] = line.split(" ");
    const path = `${STORE_FOLDER}/${words.at(-1) ?? ""}`;
    if (kind === "current") current = Number(words[0]);
    else if (!isStorePath(path)) continue;
    else if (kind === "stored") stored.add(path);
    else if (kind === "generation") generations.push({ number: Number(words[0]), path });
    else if (isRootKind(kind)) roots.push({ kind, path });
  }
  const infos = new Map(parseInfoFiles(lines.slice(end + 1)).map((info) => [info.path, info]));
  return { stored, infos, generations, current, roots };
}

const ROOT_KINDS = ["running", "booted", "gcroot", "profile", "temp", "process"] as const;

function isRootKind(kind: string): kind is Root["kind"] {
  return (ROOT_KINDS as readonly string[]).includes(kind);
}
