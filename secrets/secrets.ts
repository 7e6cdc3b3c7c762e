import { defineSecrets } from "skep";

// Who may read what. A secret's hosts are those that consume it in the hive; admins and the recovery key read all.
// The private halves of these keys are lost: in a fleet of your own they are yours, and each host's SSH host key is its.
export default defineSecrets({
  admins: {
    alice: "ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIB2YJp4iJ6Le+Kdk5Is5FduJo1MSHgcJ/j98dvkjLAh8",
    bob: "age1t7mqvxm5yhjlst6wd6dnx5hvjx9rh2v6ngz9u3qq9v95nltmxccq7gtzrf",
  },
  recovery: { safe: "age1jueyyck37jtc34lnynskwszyudm7azsl7p7kmfgr76lxkq8tzenqax49xh" },
  hosts: {
    "canary-1": "ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIGEX5bdlmN2YIdiNASEevZ0ML8c7NU9Bl7KQpPDrRWeN",
    "web-1": "ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIAhu+wKQkcgsBKpA5AW6Gjxw9xrzwYZ5UmxItXJiq4dn",
    "web-2": "ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIBgg4hdpWZvRWjRMgAna5inzaTTYPF7wki9weIHjFO3P",
    "db-1": "ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIOVq7Q1u3+pjH2DO85WxVk57Z8KQMqyqeKctMl1lKF9x",
  },
  rules: {
    "db/password": {},
    "web/session-key": {},
  },
});
