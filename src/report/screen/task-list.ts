import type { ListrRendererFactory, ListrTask } from "listr2";
import { Listr } from "listr2";

/** The hosts of a run as listr2 tasks: a projection that waits for what is done elsewhere. */
export interface TaskList extends AsyncDisposable {
  /** A host came to its end, and so does its task. */
  settle(host: string): void;
}

/** What draws the tasks. */
export interface Drawing {
  start(): void;
  /** Called once, when the list is disposed. */
  end(): void;
}

const RUN: unique symbol = Symbol("run");

/**
 * Runs one task per host, all at once, and one for the run, which outlasts its hosts. Disposing settles what is left and
 * waits for the drawing's end.
 */
export function openTaskList(hosts: readonly string[], drawing: Drawing): TaskList {
  const settlers = new Map<string | typeof RUN, () => void>();
  const taskFor = (key: string | typeof RUN): ListrTask => {
    const settled = new Promise<void>((resolve) => settlers.set(key, resolve));
    return { title: String(key), task: () => settled };
  };
  const list = new Listr([...hosts.map(taskFor), taskFor(RUN)], {
    renderer: rendererFor(drawing),
    concurrent: true,
    exitOnError: false,
    // Ctrl-C is the command line's: hosts are brought to an end first.
    registerSignalListeners: false,
  });
  const finished = list.run();
  return {
    settle(host) {
      settlers.get(host)?.();
    },
    async [Symbol.asyncDispose]() {
      for (const settle of settlers.values()) settle();
      await finished;
    },
  };
}

/**
 * A renderer of our own, because listr2's knows the size of `process.stdout` only, captures what others write, and shows
 * every task however many there are.
 */
function rendererFor(drawing: Drawing): ListrRendererFactory {
  return class {
    static rendererOptions = {};
    static rendererTaskOptions = {};
    // Whether there is a terminal was decided before.
    static nonTTY = true;

    render = (): void => {
      drawing.start();
    };

    end = (): void => {
      drawing.end();
    };
  };
}
