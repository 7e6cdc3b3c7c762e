/** Where secrets are below a host's root. */
export const secretsLayout = {
  /** A link to the generation in use: what programs read. */
  link: "/run/skep/secrets",
  /**
   * A tmpfs of its own: generations `<N>`, each with its manifest `<N>.manifest`, of which the newest two stay. The link
   * leads to one of them in one step, so a program sees all of a generation or all of another.
   */
  generations: "/run/skep/secrets.d",
  /**
   * On disk, ciphertext only: `sets/<id>`; `systems/<name of a toplevel>`, a link to the set that the system had when it
   * was committed; and `keeper`, the script that opens at boot what belongs to the system that boots.
   */
  kept: "/var/lib/skep/secrets",
} as const;
