import type { Clock } from "#core";
import { abortable, systemClock } from "#core";
import type { KnownHost } from "../host-keys/known-hosts.ts";
import { parseKnownHosts } from "../host-keys/known-hosts.ts";
import type { SshTarget } from "../target.ts";
import type { ConfigText } from "./config-class.ts";
import { classOf, parseConfigText } from "./config-class.ts";
import { createFileCache } from "./file-cache.ts";
import { readSettingsFromOpenSsh } from "./openssh-config.ts";
import type { RawSettings } from "./raw-settings.ts";
import type { SettingsOptions } from "./settings.ts";

/**
 * What the files of SSH say, kept from one login to the next, so that a thousand logins need not read each a thousand
 * times. A file that has changed is read again.
 */
export interface SshFiles {
  /** What OpenSSH's client says of a target; undefined where there is no such client. */
  askOpenSsh(target: SshTarget, options: SettingsOptions): Promise<RawSettings | undefined>;
  /** The lines of a known_hosts file. Rejects as `readFile` does. */
  readKnownHosts(file: string): Promise<readonly KnownHost[]>;
}

interface Answer {
  /** Who was asked about. */
  readonly target: SshTarget;
  readonly texts: readonly ConfigText[];
  readonly settings: Promise<RawSettings | undefined>;
}

/** Hosts that the same blocks of ssh_config are about share one question to `ssh`. */
export function openSshFiles({ clock = systemClock }: { readonly clock?: Pick<Clock, "now"> } = {}): SshFiles {
  const readText = createFileCache(parseConfigText, { clock });
  const answers = new Map<string, Answer>();
  return {
    readKnownHosts: createFileCache(parseKnownHosts, { clock }),
    async askOpenSsh(target, options) {
      const { configFile, signal } = options;
      const found = await classOf(target, { configFile, read: readText });
      if (found === undefined) return readSettingsFromOpenSsh(target, options);
      const { name, texts } = found;
      let answer = answers.get(name);
      if (answer === undefined || !isSame(answer.texts, texts)) {
        // Others wait for it too: it is not for one of them to break it off.
        answer = { target, texts, settings: readSettingsFromOpenSsh(target, { configFile }) };
        answers.set(name, answer);
        answer.settings.catch(() => answers.delete(name));
      }
      let settings: RawSettings | undefined;
      try {
        settings = await abortable(answer.settings, signal);
      } catch (error) {
        signal?.throwIfAborted();
        // What went wrong is told of each host by its own name.
        if (answer.target === target) throw error;
        return readSettingsFromOpenSsh(target, options);
      }
      return settings === undefined ? undefined : forTarget(settings, { target, askedAbout: answer.target });
    },
  };
}

function isSame(before: readonly ConfigText[], now: readonly ConfigText[]): boolean {
  return before.length === now.length && before.every((text, index) => text === now[index]);
}

/** The same answer for another host of its class: where nothing is said of the name, it is the host's own. */
function forTarget(
  settings: RawSettings,
  { target, askedAbout }: { readonly target: SshTarget; readonly askedAbout: SshTarget },
): RawSettings {
  if (settings.first("hostname") !== askedAbout.host) return settings;
  return {
    first: (keyword) => (keyword === "hostname" ? target.host : settings.first(keyword)),
    all: (keyword) => (keyword === "hostname" ? [target.host] : settings.all(keyword)),
  };
}
