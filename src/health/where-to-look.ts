import { quoteArgv } from "#core";
import type { Check } from "#hive";
import { urlOf } from "./attempt-http.ts";
import type { CheckedHost } from "./checked-host.ts";

const LONGEST = 120;

/** A command that shows more of what a check asks about, and where to type it; undefined where there is none. */
export function whereToLook(check: Check, host: CheckedHost): string | undefined {
  const command = commandFor(check, host);
  if (command === undefined || command.line.length > LONGEST) return undefined;
  return `${command.here ? "from here" : `on ${host.name}`}: ${command.line}`;
}

function commandFor(check: Check, host: CheckedHost): { readonly here: boolean; readonly line: string } | undefined {
  switch (check.kind) {
    case "http":
      return { here: check.from === "operator", line: quoteArgv(["curl", "-i", urlOf(check, host).href]) };
    case "tcp":
      return { here: false, line: `ss -ltnp | grep :${check.port}` };
    case "unit":
      return { here: false, line: quoteArgv(["journalctl", "-u", check.unit, "-n", "50"]) };
    case "command":
      return { here: check.on === "operator", line: quoteArgv(check.argv) };
    case "baseline":
      return { here: false, line: "systemctl --failed" };
    case "custom":
      return undefined;
  }
}
