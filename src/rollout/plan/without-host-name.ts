/**
 * The name of a store path with `{host}` where it has the host's name as words of its own, so that `etc-web-1` and
 * `etc-web-2` are the same on their hosts, and a number in a host's name is no version.
 */
export function withoutHostName(name: string, host: string): string {
  const words = name.split(BETWEEN);
  const parts = host.split(BETWEEN);
  const at = words.findIndex(
    (_, index) => index % 2 === 0 && parts.every((part, step) => words[index + step] === part),
  );
  if (at === -1) return name;
  return [...words.slice(0, at), "{host}", ...words.slice(at + parts.length)].join("");
}

const BETWEEN = /([^A-Za-z0-9]+)/;
