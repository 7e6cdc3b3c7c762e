import type { Stanza } from "../age/stanza.ts";
import type { Reader } from "../rules/rules.ts";
import { describeReader } from "../rules/rules.ts";
import type { KeyNames, KnownFile } from "./lock-file.ts";

/** How the readers of a file differ from those of its rule. */
export interface Difference {
  /** Who should be able to read it and cannot. */
  readonly missing: readonly Reader[];
  /** Who can read it and should not, by key id or by what the header calls the key. */
  readonly extra: KeyNames;
  /** Whether this is certain. Where it is not, as many keys as there should be can read it. */
  readonly exact: boolean;
}

/** Compares a file with its rule: by the lock where that knows the file, else by the file's header. Needs no key. */
export function compareReaders(
  readers: readonly Reader[],
  { known, stanzas }: { readonly known: KnownFile; readonly stanzas: readonly Stanza[] },
): Difference {
  return known.recipients === undefined ? byHeader(readers, stanzas) : byLock(readers, known.recipients);
}

function byLock(readers: readonly Reader[], recipients: KeyNames): Difference {
  const wanted = new Set(readers.map(({ recipient }) => recipient.id));
  return {
    missing: readers.filter(({ recipient }) => recipients[recipient.id] === undefined),
    extra: Object.fromEntries(Object.entries(recipients).filter(([id]) => !wanted.has(id))),
    exact: true,
  };
}

const NATIVE_STANZAS = {
  x25519: "X25519",
  "post-quantum": "mlkem768x25519",
  tag: "p256tag",
  "tag-post-quantum": "mlkem768p256tag",
} as const;

/** SSH keys are named in the header; age's own are only counted, and those of plugins are what is left. */
function byHeader(readers: readonly Reader[], stanzas: readonly Stanza[]): Difference {
  const missing: Reader[] = [];
  const extra: Record<string, string> = {};
  const left = stanzas.filter(({ args }) => args[0]?.endsWith("-grease") !== true);
  const take = (isOne: (stanza: Stanza) => boolean): boolean => {
    const index = left.findIndex(isOne);
    if (index !== -1) left.splice(index, 1);
    return index !== -1;
  };
  for (const reader of readers) {
    const { kind, tag } = reader.recipient;
    if (tag !== undefined && !take(({ args }) => args[0] === kind && args[1] === tag)) missing.push(reader);
  }
  for (const [kind, type] of Object.entries(NATIVE_STANZAS)) {
    const native = readers.filter(({ recipient }) => recipient.kind === kind);
    const count = native.filter(() => take(({ args }) => args[0] === type)).length;
    // Too few, and nobody can say whose is missing.
    if (count < native.length) missing.push(...native);
  }
  const plugins = readers.filter(({ recipient }) => recipient.kind === "plugin");
  const count = plugins.filter(() => take(({ args }) => args[0]?.startsWith("ssh-") !== true)).length;
  if (count < plugins.length) missing.push(...plugins);
  for (const [index, { args }] of left.entries()) {
    const [type = "", tag = ""] = args;
    const isTagged = type.startsWith("ssh-");
    extra[isTagged ? `${type} ${tag}` : `${type} ${index + 1}`] = isTagged ? "an unknown key" : "an unknown reader";
  }
  return { missing, extra, exact: readers.every(({ recipient }) => recipient.tag !== undefined) };
}

/** Readers as the lock keeps them. */
export function keyNames(readers: readonly Reader[]): KeyNames {
  return Object.fromEntries(readers.map((reader) => [reader.recipient.id, describeReader(reader)]));
}
