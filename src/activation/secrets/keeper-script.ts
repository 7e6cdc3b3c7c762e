/**
 * The keeper: the POSIX sh script that stays on a host to open its secrets when skep is not there.
 *
 *     keeper boot [ROOT]   opens what belongs to the system that boots; once something is in use it does nothing
 *     keeper own [ROOT]    sets the owners of the generation in use, once users exist
 */
import { GENERATION_FUNCTIONS } from "#store";
import { PRELUDE } from "../host-access.ts";
import { OPEN_FUNCTIONS } from "./open-functions.ts";

export const KEEPER_SCRIPT = `#!/bin/sh
action=$1; shift
[ $# -gt 0 ] || set -- "$SKEP_ROOT"
${PRELUDE}${GENERATION_FUNCTIONS}${OPEN_FUNCTIONS}
fail() { echo "skep-secrets: $1" >&2; exit 1; }

# The generation that the boot loader chose, which may be another than the profile's default: NixOS boots with its name on
# the kernel's command line. A container has the command line of the machine it is on.
booting_system() {
  for word in $(cat "$root/proc/cmdline" 2>/dev/null); do
    case $word in init=/nix/store/*/init) chosen=\${word#init=}; chosen=\${chosen%/init} ;; *) continue ;; esac
    for number in $(generations_of "$profile"); do
      if [ "$(system_of "$profile-$number-link")" = "$chosen" ]; then echo "$chosen"; return; fi
    done
  done
  system_of "$profile"
}

boot() {
  [ ! -L "$secrets_link" ] || exit 0
  profile=$(default_profile)
  toplevel=$(booting_system)
  set_folder=$kept_secrets/systems/\${toplevel##*/}
  if [ -z "$toplevel" ] || [ ! -d "$set_folder/" ]; then echo "skep-secrets: this system has none"; exit 0; fi
  mount_secrets || fail "$run_secrets is no tmpfs"
  umask 077
  stage=$run_secrets/.boot
  rm -rf "$stage"
  mkdir "$stage" && cp "$set_folder"/* "$stage/" || fail "cannot copy $set_folder"
  find_age "$toplevel"
  open_secrets "$stage"
  while IFS=$tab read -r _ code name detail; do
    [ "$name" = - ] || detail="$name: $detail"
    echo "skep-secrets: cannot open: $detail" >&2
  done <"$stage/problems"
  while IFS=$tab read -r _ name; do
    echo "skep-secrets: $name is opened by the operator: skep deploy secrets" >&2
  done <"$stage/waiting"
  failed=
  [ ! -s "$stage/problems" ] || failed=yes
  own_secrets "$stage/files" "$stage/manifest"
  keep_generation "$stage" "$toplevel" && use_generation "$generation" || fail "cannot put them in place"
  rm -rf "$stage"
  # What could be opened is there for those who need it; what could not fails this unit.
  [ -z "$failed" ] || exit 1
}

case $action in
  boot) boot ;;
  own)
    number=$(current_generation)
    [ "$number" != none ] || exit 0
    own_secrets "$run_secrets/$number" "$run_secrets/$number.manifest" || fail "cannot set the owner of $failed_owner"
    ;;
  *) fail "keeper boot|own [ROOT]" ;;
esac
`;

/** Opens at boot what the keeper keeps. Belongs to no system: a host has it once it has had secrets. */
export const BOOT_UNIT = `[Unit]
Description=The secrets of the system that boots, opened by skep
DefaultDependencies=no
RequiresMountsFor=/nix/store /nix/var /run /var/lib/skep
ConditionPathExists=/var/lib/skep/secrets/keeper
After=local-fs.target systemd-sysusers.service
Before=skep-boot.service sysinit.target shutdown.target
Conflicts=shutdown.target

[Service]
Type=oneshot
RemainAfterExit=yes
ExecStart=/bin/sh /var/lib/skep/secrets/keeper boot

[Install]
WantedBy=sysinit.target
`;
