export interface SecretsTemplateOptions {
  /** Who is at work here. */
  readonly admin: string;
  readonly recipients: readonly string[];
  readonly host: string;
}

/** The rules of the fleet's secrets. */
export function secretsTemplate({ admin, recipients, host }: SecretsTemplateOptions): string {
  const keys = recipients.map((recipient) => `      ${JSON.stringify(recipient)},\n`).join("");
  return `import { defineSecrets } from "skep";

// Who may read what. The files beside this one are age files: \`age\` and \`rage\` open them, too.
export default defineSecrets({
  // They read all secrets, and encrypt them anew when this file changes: \`skep secrets rekey\`.
  admins: {
    ${admin}: [
      // Public keys, of SSH or age: one of them opens.
${keys}    ],
  },

  // A key that lies in a safe, for the day when the others are lost: recovery: { safe: "age1…" },

  // The SSH host keys of hosts that open their secrets by themselves. The key of a host in your known_hosts is found
  // there; \`skep secrets check\` says which is not known, and \`skep secrets status\` what to encrypt anew.
  hosts: {
    // "${host}": "ssh-ed25519 AAAA…", // its /etc/ssh/ssh_host_ed25519_key.pub
  },

  // A secret for each line, and the hosts that may read it; {} means those that open it in the hive.
  // \`skep secrets add NAME\` makes its file, \`skep secrets edit NAME\` changes it.
  rules: {
    "heartbeat/key": {},
  },
});
`;
}
