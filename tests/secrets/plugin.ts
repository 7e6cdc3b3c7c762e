import { randomBytes } from "node:crypto";
import { existsSync, mkdirSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { Redacted } from "#core";
import type { Identity, PluginOptions, PluginPrompts } from "#secrets";
import { openBytes, parseIdentities, parseRecipient, sealBytes, SecretsError, usePlugins } from "#secrets";

/** What the plugin of `age-plugin.js` does besides its work, or in its place. */
export interface PluginSettings {
  readonly does?: string | undefined;
  /** Asked for in every conversation that unwraps. */
  readonly pin?: string;
  readonly labels?: readonly string[];
  /** Said in every conversation. */
  readonly message?: string | undefined;
}

export interface InstalledPlugin {
  /** The folder that the program is in. */
  readonly folder: string;
  /** What it wrote down; `started` tells how often each state machine was started. */
  readonly notes: () => readonly string[];
  readonly started: () => readonly string[];
  /** A new pair of a recipient and an identity. */
  readonly keys: () => { readonly recipient: string; readonly identity: string };
}

/** Puts the program of a plugin into a folder of `folder`. */
export function installPlugin(folder: string, name: string, settings: PluginSettings = {}): InstalledPlugin {
  const bin = join(folder, `bin-${name}`);
  const log = join(folder, `${name}.log`);
  const config = join(folder, `${name}.json`);
  mkdirSync(bin, { recursive: true });
  writeFileSync(config, JSON.stringify({ name, log, ...settings }));
  const program = join(import.meta.dirname, "age-plugin.js");
  const script = `#!/bin/sh\nexec '${process.execPath}' '${program}' '${config}' "$@"\n`;
  writeFileSync(join(bin, `age-plugin-${name}`), script, { mode: 0o755 });
  const notes = (): string[] => (existsSync(log) ? readFileSync(log, "utf8").split("\n").slice(0, -1) : []);
  return {
    folder: bin,
    notes,
    started: () => notes().filter((note) => note.includes(" in /")),
    keys() {
      const data = randomBytes(16);
      return {
        recipient: bech32(`age1${name}`, data),
        identity: bech32(`age-plugin-${name}-`, data).toUpperCase(),
      };
    },
  };
}

/** A plugin and one pair of its keys. */
export interface Card extends InstalledPlugin {
  readonly recipient: string;
  readonly identity: string;
  /** Where it is found. */
  readonly options: PluginOptions;
}

export function installCard(folder: string, settings: PluginSettings = {}, options: PluginOptions = {}): Card {
  const plugin = installPlugin(folder, "card", settings);
  return { ...plugin, ...plugin.keys(), options: { path: plugin.folder, ...options } };
}

export function identitiesOf({ identity, options }: Card): Promise<readonly Identity[]> {
  return parseIdentities(`# a card\n${identity}\n`, { file: "card.txt", plugins: usePlugins(options) });
}

export async function seal(text: string, { recipient, options }: Card): Promise<Buffer> {
  return await sealBytes(Buffer.from(text), [await parseRecipient(recipient)], { plugins: options });
}

export async function open(file: Uint8Array, identities: readonly Identity[]): Promise<string> {
  using opened = await openBytes(file, identities);
  return opened.reveal().toString();
}

export async function errorOf(work: Promise<unknown>): Promise<SecretsError> {
  const error: unknown = await work.catch((thrown: unknown) => thrown);
  if (error instanceof SecretsError) return error;
  throw new Error(`no SecretsError but ${String(error)}`);
}

/** An operator who answers everything so, and writes down what was asked. */
export function answering(value: string, asked: string[]): PluginPrompts {
  return {
    show: (message, { plugin }) => asked.push(`${plugin} says ${message}`),
    ask: (kind, prompt, { plugin }) => {
      asked.push(`${plugin}: ${kind} ${prompt}`);
      return Promise.resolve(new Redacted(value));
    },
    confirm: () => Promise.resolve(true),
  };
}

const CHARACTERS = "qpzry9x8gf2tvdw0s3jn54khce6mua7l";

/** BIP 173, of bytes whose last bits are left out where they fill no character. */
export function bech32(prefix: string, bytes: Uint8Array): string {
  const bits = Array.from(bytes, (byte) => byte.toString(2).padStart(8, "0")).join("");
  const data = (bits.match(/.{1,5}/g) ?? []).map((five) => Number.parseInt(five.padEnd(5, "0"), 2));
  const codes = [...Buffer.from(prefix)];
  let sum = 1n;
  for (const value of [...codes.map((code) => code >> 5), 0, ...codes.map((code) => code & 31), ...data, ...ZEROS]) {
    const top = sum >> 25n;
    sum = ((sum & 0x1ffffffn) << 5n) ^ BigInt(value);
    for (const [bit, generator] of GENERATOR.entries()) if ((top >> BigInt(bit)) & 1n) sum ^= generator;
  }
  sum ^= 1n;
  const checksum = ZEROS.map((_zero, index) => Number((sum >> BigInt(5 * (5 - index))) & 31n));
  return `${prefix}1${[...data, ...checksum].map((value) => CHARACTERS[value] ?? "").join("")}`;
}

const ZEROS = [0, 0, 0, 0, 0, 0];
const GENERATOR = [0x3b6a57b2n, 0x26508e6dn, 0x1ea119fan, 0x3d4233ddn, 0x2a1462b3n];
