import { createHash } from "node:crypto";
import type { RunState } from "../run/run-state.ts";
import { verdictOf } from "../run/verdict.ts";
import { runWord } from "../text/words.ts";
import { changesSection } from "./changes-section.ts";
import { headSection } from "./head-section.ts";
import { hostsSection } from "./hosts-section.ts";
import { Markup, markup } from "./markup.ts";
import type { RunOrigin } from "./origin.ts";
import { PAGE_SCRIPT } from "./page-script.ts";
import { PAGE_STYLE } from "./page-style.ts";
import { troublesSection } from "./troubles-section.ts";
import { wavesSection } from "./waves-section.ts";

/**
 * A run as one page that needs nothing else: no network, and no script to be read. Its policy lets a browser run the page's
 * own script and style, told by their digests, and load nothing; so text of hosts could do nothing even if it were taken
 * for markup.
 */
export function htmlReport(state: RunState, origin?: RunOrigin): string {
  const policy = [
    "default-src 'none'",
    `style-src '${digest(PAGE_STYLE)}'`,
    `script-src '${digest(PAGE_SCRIPT)}'`,
    "base-uri 'none'",
    "form-action 'none'",
  ].join("; ");
  return markup`<!doctype html>
<html lang="en">
  <head>
    <meta charset="utf-8">
    <meta http-equiv="Content-Security-Policy" content="${new Markup(policy)}">
    <meta name="viewport" content="width=device-width, initial-scale=1">
    <meta name="color-scheme" content="light dark">
    <meta name="referrer" content="no-referrer">
    <title>${runWord(state)} of ${state.hive}: ${verdictOf(state)}</title>
    <style>${new Markup(PAGE_STYLE)}</style>
  </head>
  <body>
    ${headSection(state, origin)}
    <main>
      ${troublesSection(state)}
      ${wavesSection(state, origin)}
      ${changesSection(state)}
      ${hostsSection(state, origin)}
    </main>
    <footer><p>Made by skep from the events of run <code>${state.run}</code>.</p></footer>
    <script>${new Markup(PAGE_SCRIPT)}</script>
  </body>
</html>
`.toString();
}

function digest(text: string): string {
  return `sha256-${createHash("sha256").update(text).digest("base64")}`;
}
