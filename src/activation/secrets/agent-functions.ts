import { BOOT_UNIT } from "./keeper-script.ts";
import { OPEN_FUNCTIONS } from "./open-functions.ts";

/**
 * What the agent does with secrets that were installed beside those in use. `$dir/secrets` is the generation to use,
 * `$dir/secrets-before` the one to go back to.
 *
 * - `take_secrets`, `take_secrets_back`: swap the link
 * - `restart_for_secrets`: restart and reload the units whose secrets are not what they were, unless they were started
 *   since the swap; their names are in `failed_units` when they fail
 * - `bind_secrets`, `unbind_secrets`: at boot the system gets this set; the one it had before
 * - `forget_secrets`: drop what nothing can need any more
 */
export const AGENT_SECRETS = `${OPEN_FUNCTIONS}
secrets_new=$(readlink "$dir/secrets")

secrets_systemctl() {
  case $root:$(command -v systemctl) in
    :/* | "$root:$root"/*) systemctl "$@" ;;
    *) return 1 ;;
  esac
}

# secret_units MANIFEST NAMES: what to do with which unit for the secrets that the file NAMES names, each once
secret_units() {
  secrets_of "$1" 4,9,10 | grep -v "$tab-$tab-\$" | while IFS=$tab read -r name restart reload; do
    grep -q -x -F -e "$name" "$2" || continue
    for unit in $(echo "$restart" | tr ',' ' '); do [ "$unit" = - ] || echo "restart $unit"; done
    for unit in $(echo "$reload" | tr ',' ' '); do [ "$unit" = - ] || echo "reload-or-restart $unit"; done
  done | sort -u
}

invocation_of() { secrets_systemctl show --property=InvocationID --value "$1" 2>/dev/null; }

# swap_secrets FROM TO: remembers which start of each unit had the old ones
swap_secrets() {
  : >"$dir/invocations"
  if [ "$2" != none ]; then
    secrets_of "$run_secrets/$2.manifest" 4 >"$dir/names"
    secret_units "$run_secrets/$2.manifest" "$dir/names" | while read -r _ unit; do
      echo "$unit $(invocation_of "$unit")"
    done >"$dir/invocations"
  fi
  use_generation "$2"
}

take_secrets() {
  [ -n "$secrets_new" ] || return 0
  [ "$secrets_new" = none ] || [ -f "$run_secrets/$secrets_new.manifest" ] || return 1
  [ -L "$dir/secrets-before" ] || set_link secrets-before "$(current_generation)"
  swap_secrets "$(readlink "$dir/secrets-before")" "$secrets_new" >>"$dir/log" 2>&1
}
take_secrets_back() {
  [ -L "$dir/secrets-before" ] || return 0
  swap_secrets "$secrets_new" "$(readlink "$dir/secrets-before")" >>"$dir/log" 2>&1
}

# wants_secrets UNIT: whether it runs, failed, or waits for a condition: one that nobody started stays as it is
wants_secrets() {
  case $(secrets_systemctl show --property=ActiveState --value "$1" 2>/dev/null) in
    active | activating | reloading | deactivating | failed) return 0 ;;
  esac
  [ "$(secrets_systemctl show --property=ConditionResult --value "$1" 2>/dev/null)" = no ] &&
    [ "$(secrets_systemctl show --property=ConditionTimestampMonotonic --value "$1" 2>/dev/null)" != 0 ]
}

# restart_for_secrets FROM TO
restart_for_secrets() {
  failed_units=
  [ "$2" != none ] || return 0
  own_secrets "$run_secrets/$2" "$run_secrets/$2.manifest" || { failed_units="owner of $failed_owner"; return 1; }
  changed_secrets "$run_secrets/$1" "$run_secrets/$2" >"$dir/names"
  secret_units "$run_secrets/$2.manifest" "$dir/names" >"$dir/units"
  while read -r how unit; do
    grep -q -x -F "restart $unit" "$dir/units" && [ "$how" != restart ] && continue
    before=$(sed -n "s/^$(printf '%s' "$unit" | sed 's/[.\\\\]/\\\\&/g') //p" "$dir/invocations")
    [ "$(invocation_of "$unit")" = "$before" ] || continue
    wants_secrets "$unit" || continue
    echo "secrets changed: $how $unit"
    secrets_systemctl "$how" "$unit" </dev/null || failed_units="$failed_units $unit"
  done <"$dir/units" >>"$dir/log" 2>&1
  [ -z "$failed_units" ]
}

bound_set() {
  bound=$(readlink "$kept_secrets/systems/\${1##*/}")
  echo "\${bound##*/}"
}
# bind_set SYSTEM SET
bind_set() {
  if [ -n "$2" ]; then replace_link "../sets/$2" "$kept_secrets/systems/\${1##*/}"
  else rm -f "$kept_secrets/systems/\${1##*/}"; fi
}
bind_secrets() {
  [ -n "$secrets_new" ] || return 0
  [ -L "$dir/bound-before" ] || set_link bound-before "set:$(bound_set "$1")"
  wanted=
  [ "$secrets_new" = none ] || wanted=$(sed -n "s/^set$tab//p" "$run_secrets/$secrets_new.manifest")
  [ "$wanted" != none ] || wanted=
  bind_set "$1" "$wanted" && { [ -z "$wanted" ] || enable_secrets_at_boot; }
}
unbind_secrets() {
  [ -L "$dir/bound-before" ] || return 0
  before=$(readlink "$dir/bound-before")
  bind_set "$1" "\${before#set:}"
}

secrets_boot_unit='${BOOT_UNIT}'
# NixOS has it from skep's module.
enable_secrets_at_boot() {
  [ ! -e "$root/etc/NIXOS" ] || return 0
  units=$root/etc/systemd/system
  mkdir -p "$units/sysinit.target.wants" || return 1
  if [ "$(cat "$units/skep-secrets.service" 2>/dev/null)" != "\${secrets_boot_unit%?}" ]; then
    printf '%s' "$secrets_boot_unit" >"$units/.skep-secrets.new" &&
      mv -f "$units/.skep-secrets.new" "$units/skep-secrets.service" || return 1
  fi
  [ "$(readlink "$units/sysinit.target.wants/skep-secrets.service")" = ../skep-secrets.service ] ||
    replace_link ../skep-secrets.service "$units/sysinit.target.wants/skep-secrets.service"
}

# The generation in use and the one before it stay; so do sets of systems that are there.
forget_secrets() {
  [ -n "$secrets_new" ] || return 0
  current=$(current_generation)
  # A system that came with the secrets in use displaced none.
  [ "$1" = "$current" ] || for there in "$run_secrets"/*.manifest; do
    there=\${there##*/}; there=\${there%.manifest}
    case $there in "$current" | "$1" | '*') continue ;; esac
    rm -rf "$run_secrets/$there" "$run_secrets/$there.manifest"
  done
  for link in "$kept_secrets"/systems/*; do
    [ -L "$link" ] && [ ! -e "$root/nix/store/\${link##*/}" ] && rm -f "$link"
  done
  for there in "$kept_secrets"/sets/*; do
    used=
    for link in "$kept_secrets"/systems/*; do
      [ "$(readlink "$link")" != "../sets/\${there##*/}" ] || used=yes
    done
    for manifest in "$run_secrets"/*.manifest; do
      ! grep -q -x -F "set$tab\${there##*/}" "$manifest" 2>/dev/null || used=yes
    done
    [ -n "$used" ] || rm -rf "$there"
  done
}
`;
