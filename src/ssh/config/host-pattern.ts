/** Whether `text` matches a pattern of ssh_config(5): `*` is any run of characters, `?` any one. Case does not count. */
export function matchesPattern(pattern: string, text: string): boolean {
  return matchesGlob(pattern.toLowerCase(), text.toLowerCase());
}

/** Whether `text` matches one of the patterns and none of the negated (`!`) ones. */
export function matchesPatternList(patterns: readonly string[], text: string): boolean {
  const denied = patterns.some((pattern) => pattern.startsWith("!") && matchesPattern(pattern.slice(1), text));
  return !denied && patterns.some((pattern) => !pattern.startsWith("!") && matchesPattern(pattern, text));
}

/**
 * The same with case counting. Linear in practice and quadratic at worst, whatever a hostile file says: only the last
 * `*` is ever tried again.
 */
export function matchesGlob(pattern: string, text: string): boolean {
  let at = 0;
  let inPattern = 0;
  let star = -1;
  let resumeAt = 0;
  while (at < text.length) {
    const wanted = pattern[inPattern];
    if (wanted === "*") {
      star = inPattern;
      resumeAt = at;
      inPattern += 1;
    } else if (wanted === "?" || wanted === text[at]) {
      at += 1;
      inPattern += 1;
    } else if (star >= 0) {
      resumeAt += 1;
      at = resumeAt;
      inPattern = star + 1;
    } else {
      return false;
    }
  }
  while (pattern[inPattern] === "*") inPattern += 1;
  return inPattern === pattern.length;
}
