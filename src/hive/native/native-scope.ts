/** What a template may speak of: where the packages are, and which host it is written for. */
export interface Scope<Name extends string = string> {
  /** The store path of every package, by its name. A name that is none is an error that says which are. */
  readonly packages: Readonly<Record<Name, string>>;
  readonly host: ScopeHost;
}

/** The host a template is written for. */
export interface ScopeHost {
  readonly name: string;
  readonly tags: readonly string[];
  /** Where skep connects to: an address, a DNS name or an alias of `~/.ssh/config`. */
  readonly address: string;
}

/** A value, or a function that makes it for each host. It must make the same each time: no clock, no chance. */
export type Template<T, Name extends string = string> = T | ((scope: Scope<Name>) => T);
