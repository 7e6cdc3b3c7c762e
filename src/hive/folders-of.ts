/** The folders above a path, from the top: `a/b/c` → `a`, `a/b`. */
export function foldersOf(path: string): readonly string[] {
  const names = path.split("/");
  return names.slice(1).map((_, index) => names.slice(0, index + 1).join("/"));
}
