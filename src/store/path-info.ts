import { messageOf } from "#core";
import { StoreError } from "./errors.ts";
import type { NarHash } from "./nar-hash.ts";
import { parseNarHash } from "./nar-hash.ts";
import type { StorePath } from "./store-path.ts";
import { parseStorePath } from "./store-path.ts";

/** What Nix knows of one valid path. */
export interface PathInfo {
  readonly path: StorePath;
  readonly narHash: NarHash;
  /** Bytes of its NAR. */
  readonly narSize: number;
  /** Store paths its files mention; itself too when they do. */
  readonly references: readonly StorePath[];
  readonly deriver?: StorePath | undefined;
  readonly signatures: readonly string[];
  /** The content address, such as `fixed:r:sha256:…` or `text:sha256:…`, of paths that have one. */
  readonly ca?: string | undefined;
  /** Whether it was built where it lies, so that nothing but that store vouches for it. */
  readonly ultimate?: boolean | undefined;
}

/**
 * Reads the output of `nix path-info -r --json`: an array of objects with `path` (up to Nix 2.18), or an object keyed
 * by path (2.19 on).
 * @throws StoreError `store/path-info` when it is neither, or when a path in it is not valid.
 */
export function parsePathInfos(json: string): PathInfo[] {
  return entriesOf(readJson(json)).map(([path, fields]) => parsePathInfo(path, fields));
}

function readJson(json: string): unknown {
  try {
    return JSON.parse(json);
  } catch (error) {
    throw malformed(`it is not JSON: ${messageOf(error)}`, error);
  }
}

function entriesOf(value: unknown): [path: unknown, fields: unknown][] {
  if (Array.isArray(value)) {
    return value.map((entry: unknown) => [isRecord(entry) ? entry.path : undefined, entry]);
  }
  if (isRecord(value)) return Object.entries(value);
  throw malformed("it is neither an array nor an object");
}

function parsePathInfo(key: unknown, fields: unknown): PathInfo {
  if (typeof key !== "string") throw malformed("an entry has no path");
  const path = parseStorePath(key);
  if (!isRecord(fields) || fields.valid === false) {
    throw new StoreError("store/path-info", `${path} is not valid in this store`, {
      hint: "build it, or copy it here, before deploying it",
    });
  }
  const { narSize, narHash, ultimate } = fields;
  if (typeof narSize !== "number" || !Number.isSafeInteger(narSize) || narSize <= 0) {
    throw malformed(`narSize of ${path} is not a number of bytes`);
  }
  if (typeof narHash !== "string") throw malformed(`narHash of ${path} is missing`);
  const deriver = optionalString(fields, "deriver", path);
  return {
    path,
    narHash: parseNarHash(narHash),
    narSize,
    references: stringsOf(fields, "references", path).map(parseStorePath),
    deriver: deriver === undefined || deriver === "" ? undefined : parseStorePath(deriver),
    signatures: stringsOf(fields, "signatures", path),
    ca: optionalString(fields, "ca", path),
    ultimate: ultimate === true,
  };
}

function optionalString(fields: Record<string, unknown>, name: string, path: StorePath): string | undefined {
  const value = fields[name] ?? undefined;
  if (value === undefined || typeof value === "string") return value;
  throw malformed(`${name} of ${path} is not a text`);
}

function stringsOf(fields: Record<string, unknown>, name: string, path: StorePath): string[] {
  const value = fields[name] ?? [];
  if (Array.isArray(value) && value.every((item) => typeof item === "string")) return value;
  throw malformed(`${name} of ${path} is not a list of texts`);
}

function isRecord(value: unknown): value is Record<string, unknown> {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}

function malformed(why: string, cause?: unknown): StoreError {
  return new StoreError("store/path-info", `could not read nix path-info --json: ${why}`, { cause });
}
