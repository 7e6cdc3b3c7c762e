/** Chance that is the same again for the same seed. */
export interface Random {
  /** From 0 up to, but not, 1. */
  next(): number;
  /** A whole number, both ends included. */
  between(least: number, most: number): number;
  /** So many of them, each once, in the order they had. */
  sample<T>(from: readonly T[], count: number): readonly T[];
}

/** Mulberry32: small, quick, and good enough for dice. */
export function createRandom(seed: number): Random {
  let state = seed >>> 0;
  const next = (): number => {
    state = (state + 0x6d2b79f5) >>> 0;
    let mixed = Math.imul(state ^ (state >>> 15), state | 1);
    mixed ^= mixed + Math.imul(mixed ^ (mixed >>> 7), mixed | 61);
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 4_294_967_296;
  };
  return {
    next,
    between: (least, most) => least + Math.floor(next() * (most - least + 1)),
    sample(from, count) {
      let wanted = Math.min(count, from.length);
      let left = from.length;
      return from.filter(() => {
        const isChosen = next() * left < wanted;
        left -= 1;
        if (isChosen) wanted -= 1;
        return isChosen;
      });
    },
  };
}
