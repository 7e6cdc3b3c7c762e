import { setMaxListeners } from "node:events";
import type { Connection } from "#ssh";
import type { OperatorFault } from "./faults/fault.ts";
import type { SimulatedConnection } from "./host/simulated-connection.ts";

/** The operator's hands, and the connections in them. */
export interface Operator {
  readonly stop: AbortSignal;
  readonly leave: AbortSignal;
  /** What ended it without a word; undefined as long as nothing did. */
  readonly end: "killed" | "crashed" | undefined;
  readonly operate: (kind: OperatorFault["kind"]) => void;
  /** Keeps a connection that ends with the operator. */
  hold(connection: SimulatedConnection): Promise<Connection>;
}

export function openOperator(): Operator {
  const stop = new AbortController();
  const leave = new AbortController();
  setMaxListeners(0, stop.signal, leave.signal);
  const held = new Set<SimulatedConnection>();
  let end: Operator["end"];
  return {
    stop: stop.signal,
    leave: leave.signal,
    get end() {
      return end;
    },
    operate(kind) {
      if (kind === "operator-killed" || kind === "operator-crashed") {
        end ??= kind === "operator-killed" ? "killed" : "crashed";
        // First, so that nothing which tidies up reaches a host.
        for (const connection of [...held]) void connection[Symbol.asyncDispose]();
      }
      stop.abort(new Error("the operator stopped the run"));
      if (kind !== "operator-stops") leave.abort(new Error("the operator left"));
    },
    async hold(connection) {
      held.add(connection);
      connection.onEnd = () => held.delete(connection);
      if (end !== undefined) await connection[Symbol.asyncDispose]();
      return connection;
    },
  };
}
