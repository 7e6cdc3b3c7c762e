import { SkepError } from "#core";

/** When each error of the activation layer happens. */
export const activationErrorCodes = {
  "activation/probe": "the host could not be asked what it is and what it runs",
  "activation/not-root": "the commands skep runs on the host do not run as root",
  "activation/no-nix": "the host has no Nix, and its store cannot be written without",
  "activation/lease-held": "another deployment holds the host",
  "activation/lease-lost": "another deployment took the host over while this one was under way",
  "activation/no-switch": "the system has no executable bin/switch-to-configuration",
  "activation/no-room": "the host's /run has less room than systemd wants to reload its units",
  "activation/not-nixos": "a NixOS host was to get a system that is not a NixOS toplevel",
  "activation/prepare": "the deployment could not be prepared on the host",
  "activation/agent": "the on-host agent could not be started, or went away without a result",
  "activation/switch": "switch-to-configuration failed or left another system running",
  "activation/switch-timeout": "switch-to-configuration did not end in time",
  "activation/reboot-needed": "the system can only be reached by a reboot",
  "activation/reboot-need": "a system could not be compared with the one the host booted",
  "activation/reboot": "the host could not be asked to reboot, refused to, or never went down",
  "activation/reboot-not-back": "nobody could log in to the host after it was asked to reboot",
  "activation/reboot-other-system": "the host came back from its reboot with another system than it was to",
  "activation/reboot-unwell": "the host's checks did not pass after its reboot",
  "activation/not-confirmed": "the host was not confirmed in time and went back by itself",
  "activation/commit": "the system ran well but could not be made the default",
  "activation/dry-activate": "switch-to-configuration dry-activate failed",
  "activation/secrets-open": "the host cannot open a secret with its own key",
  "activation/secrets-no-age": "the host has neither age nor rage to open its secrets with",
  "activation/secrets-memory": "the host has no tmpfs for its secrets",
  "activation/secrets-owner": "a secret's owner or group is neither on the host nor in its new system",
  "activation/secrets-path": "something else lies where a secret's link is to be",
  "activation/secrets": "secrets could not be received, put in place or kept on the host",
  "activation/stranded": "the host could not go back to the system it ran before",
} as const;

export class ActivationError extends SkepError<keyof typeof activationErrorCodes> {}
