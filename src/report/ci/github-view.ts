import type { LiveView } from "../live-view.ts";
import type { Output } from "../output.ts";
import type { RunState } from "../run/run-state.ts";
import type { Paint } from "../text/paint.ts";
import { githubAnnotations } from "./github-annotations.ts";
import { githubCommand, withoutGithubCommands } from "./github-text.ts";
import { openSectionsView } from "./sections-view.ts";

const MARKS = {
  open: ({ title }: { readonly title: string }) => githubCommand("group", title),
  close: () => githubCommand("endgroup", ""),
};

export interface GithubViewOptions {
  readonly state: RunState;
  readonly paint: Paint;
  readonly verbose: boolean;
  /** Only what went wrong. */
  readonly quiet: boolean;
}

/** A run in the log of a GitHub workflow: hosts as groups, and what went wrong as annotations at its end. */
export function openGithubView(output: Output, { quiet, ...options }: GithubViewOptions): LiveView {
  const view = quiet ? undefined : openSectionsView(output, { ...options, marks: MARKS, guard: withoutGithubCommands });
  return {
    show(event) {
      view?.show(event);
    },
    async close() {
      await view?.close();
      for (const line of githubAnnotations(options.state)) output.write(`${line}\n`);
    },
  };
}
