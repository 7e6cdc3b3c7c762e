/**
 * What a host without Nix knows of one store path, in the form of a binary cache's narinfo:
 *
 *     StorePath: /nix/store/<base>
 *     NarHash: sha256:<nixbase32>
 *     NarSize: <bytes>
 *     References: <base> <base> …
 *     Deriver: <base>                 when it has one
 *     Sig: <key>:<signature>          any number of times
 *     CA: <content address>           when it has one
 */
import { StoreError } from "../errors.ts";
import { narHashHex, parseNarHash } from "../nar-hash.ts";
import { encodeNixBase32 } from "../nix-base32.ts";
import type { PathInfo } from "../path-info.ts";
import type { StorePath } from "../store-path.ts";
import { parseStorePath, STORE_FOLDER } from "../store-path.ts";

/** The last part of a store path, its name in the store's folder. */
export function baseOf(path: StorePath): string {
  return path.slice(STORE_FOLDER.length + 1);
}

/** @throws StoreError `store/path` */
export function pathOfBase(base: string): StorePath {
  return parseStorePath(`${STORE_FOLDER}/${base}`);
}

export function formatInfoFile(info: PathInfo): string {
  const hash = encodeNixBase32(Buffer.from(narHashHex(info.narHash), "hex"));
  const lines = [
    `StorePath: ${info.path}`,
    `NarHash: sha256:${hash}`,
    `NarSize: ${info.narSize}`,
    `References: ${info.references.map(baseOf).join(" ")}`.trimEnd(),
    ...(info.deriver === undefined ? [] : [`Deriver: ${baseOf(info.deriver)}`]),
    ...info.signatures.map((signature) => `Sig: ${signature}`),
    ...(info.ca === undefined ? [] : [`CA: ${info.ca}`]),
  ];
  return `${lines.join("\n")}\n`;
}

/**
 * Reads info files, one behind the other.
 * @throws StoreError `store/path-info`, `store/path`, `store/hash`
 */
export function parseInfoFiles(lines: Iterable<string>): PathInfo[] {
  const infos: PathInfo[] = [];
  let fields: [name: string, value: string][] = [];
  const finish = (): void => {
    if (fields.length > 0) infos.push(parseFields(fields));
    fields = [];
  };
  for (const line of lines) {
    const colon = line.indexOf(":");
    if (colon === -1) throw malformed(`${JSON.stringify(line.slice(0, 100))} is not a field`);
    const name = line.slice(0, colon);
    if (name === "StorePath") finish();
    fields.push([name, line.slice(colon + 1).trim()]);
  }
  finish();
  return infos;
}

function parseFields(fields: readonly [name: string, value: string][]): PathInfo {
  const all = (wanted: string): string[] => fields.filter(([name]) => name === wanted).map(([, value]) => value);
  const path = parseStorePath(all("StorePath")[0] ?? "");
  const required = (name: string): string => {
    const value = all(name)[0];
    if (value === undefined) throw malformed(`${name} of ${path} is missing`);
    return value;
  };
  const narSize = Number(required("NarSize"));
  if (!Number.isSafeInteger(narSize) || narSize <= 0) throw malformed(`NarSize of ${path} is not a number of bytes`);
  const deriver = all("Deriver")[0];
  return {
    path,
    narHash: parseNarHash(required("NarHash")),
    narSize,
    references: required("References")
      .split(" ")
      .filter((base) => base !== "")
      .map(pathOfBase),
    deriver: deriver === undefined ? undefined : pathOfBase(deriver),
    signatures: all("Sig"),
    ca: all("CA")[0],
  };
}

function malformed(why: string): StoreError {
  return new StoreError("store/path-info", `could not read the host's record of a store path: ${why}`, {
    hint: "the files in nix/var/skep/info on the host are damaged; remove the damaged one and deploy again",
  });
}
