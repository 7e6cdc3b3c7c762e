import { SkepError } from "#core";

/** Every code an {@link SshError} can have, and when it happens. */
export const sshErrorCodes = {
  "ssh/config": "the SSH configuration for a host could not be read, or says something skep cannot do",
  "ssh/name-not-resolved": "the host's name has no address",
  "ssh/connection-refused": "nothing listens on the host's SSH port",
  "ssh/no-route": "the network has no way to the host",
  "ssh/connect-timeout": "the host did not answer, or did not finish the key exchange, within the connect timeout",
  "ssh/unreachable": "the connection to the host could not be made for another reason",
  "ssh/proxy-command": "the ProxyCommand of the SSH configuration failed",
  "ssh/forward-refused": "a jump host refused to open, or could not make, a connection onwards",
  "ssh/no-common-algorithm": "the host and skep share no cipher, key exchange or host key algorithm",
  "ssh/handshake": "the connection broke, or the host broke the protocol, before the login was complete",
  "ssh/known-hosts": "a known_hosts file could not be read or written, or a pinned host key is not a key",
  "ssh/host-key-unknown": "no key is known for the host, so it cannot be told from an impostor",
  "ssh/host-key-changed": "the host showed another key than the one known for it",
  "ssh/host-key-revoked": "the host showed a key that known_hosts marks as revoked",
  "ssh/auth-refused": "the host accepted none of the keys that were offered",
  "ssh/auth-timeout": "authentication did not finish in time",
  "ssh/connection-lost": "the connection broke while it was in use",
  "ssh/closed": "something was asked of a connection that had been closed",
  "ssh/channel-refused": "the host refused to open another session, or to run a command in it",
  "ssh/channel-timeout": "a session could not be opened in time",
  "ssh/command-timeout": "a command did not end within its time",
  "ssh/output-too-long": "a command printed more than can be collected",
  "ssh/exit-unknown": "a command's session closed without saying how the command ended",
  "ssh/stdin-closed": "a command ended before it had read all of its standard input",
  "ssh/elevation": "the login user may not run commands as root without a password",
} as const;

/** What goes wrong between here and one host. Its message does not name the host: the caller knows its name. */
export class SshError extends SkepError<keyof typeof sshErrorCodes> {}
