import type { Problems } from "./problems.ts";
import type { Reader } from "./rules.ts";
import { describeReader } from "./rules.ts";

/**
 * Refuses readers that make no good file: none at all, hosts only (nobody could rekey), post-quantum and classic ones
 * together (as weak as the weaker), one key twice.
 */
export function checkReaders(
  readers: readonly Reader[],
  { where, problems }: { readonly where: string; readonly problems: Problems },
): void {
  if (readers.length === 0) problems.add(where, "nobody may read it");
  else if (readers.every(({ role }) => role === "host")) {
    problems.add(where, "only hosts may read it, so that no admin could edit or rekey it");
  }
  // What those of plugins are shows when they are encrypted to.
  const strong = readers.find(({ recipient }) => recipient.postQuantum === true);
  const weak = readers.find(({ recipient }) => recipient.postQuantum === false);
  if (strong !== undefined && weak !== undefined) {
    const mixed = `the key of ${describeReader(strong)} is post-quantum and that of ${describeReader(weak)} is not`;
    problems.add(where, `${mixed}: the file would be as weak as the weaker`);
  }
  const owners = new Map<string, Reader>();
  for (const reader of readers) {
    const other = owners.get(reader.recipient.id);
    if (other !== undefined) {
      problems.add(where, `${describeReader(other)} and ${describeReader(reader)} have the same key`);
    }
    owners.set(reader.recipient.id, reader);
  }
}
