import type { HostName } from "#hive";
import type { RolloutEvent } from "#rollout";
import type { StorePath } from "#store";

/** An event as {@link openNdjsonView} writes it: instants are text, and what is undefined is not there. */
export type EventOnWire<Type extends RolloutEvent["type"]> = OnWire<Extract<RolloutEvent, { type: Type }>> &
  (Type extends "run-started" ? { v: 1 } : unknown);

type OnWire<T> = T extends HostName | StorePath
  ? string
  : T extends readonly (infer One)[]
    ? OnWire<One>[]
    : T extends object
      ? Flat<
          { -readonly [Key in RequiredKey<T>]: FieldOnWire<Key, T[Key]> } & {
            -readonly [Key in Exclude<keyof T, RequiredKey<T>>]?: FieldOnWire<Key, T[Key]> | undefined;
          }
        >
      : T;

type FieldOnWire<Key, Value> = Key extends "at" | "startedAt" | "until" ? string : OnWire<Value>;
type RequiredKey<T> = { [Key in keyof T]-?: undefined extends T[Key] ? never : Key }[keyof T];
type Flat<T> = { [Key in keyof T]: T[Key] };
