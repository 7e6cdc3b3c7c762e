import { counted } from "../text/words.ts";
import type { Markup } from "./markup.ts";
import { markup } from "./markup.ts";

const NAMES_AT_ONCE = 8;

/** The names of hosts; those of many folded away. */
export function hostNames(hosts: readonly string[]): Markup {
  if (hosts.length <= NAMES_AT_ONCE) return markup`${hosts.join(", ")}`;
  return markup`<details class="names">
    <summary>${counted(hosts.length, "host")}</summary>
    ${hosts.join(", ")}
  </details>`;
}
