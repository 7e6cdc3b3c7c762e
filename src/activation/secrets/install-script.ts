/**
 * Receives a set, opens all of it beside what is in use, and finds every problem before anything changes. Arguments:
 * `install` or `try`, the id of the set, the toplevel it is for. Standard input: a tar of `manifest`, `<n>.age` and
X Answers with lines of fields with tabs between:
 *
 *     problem  code  subject  detail      nothing was changed
 *     changed  name                       not as in the generation in use
 *     waiting  name
 *     no-unit  name  unit                 it is to be restarted or reloaded, and neither system nor host has it
 *     unopened                            a NixOS host's system has no unit that opens them at boot
 *     generation  number                  ready to be used
 */
import { secretsLayout } from "./secrets-layout.ts";
import { KEEPER_SCRIPT } from "./keeper-script.ts";
import { OPEN_FUNCTIONS } from "./open-functions.ts";

const OWNER_FUNCTIONS = `
# has_user NAME, has_group NAME: whether it is there now
has_account() {
  case $2 in *[!0-9]*) ;; *) return 0 ;; esac
  if [ -n "$root" ] && [ -f "$root/etc/$1" ]; then
    while IFS=: read -r known _; do [ "$known" = "$2" ] && return 0; done <"$root/etc/$1"
    return 1
  fi
  if command -v getent >/dev/null; then getent "$1" "$2" >/dev/null
  elif [ "$1" = passwd ]; then id -u "$2" >/dev/null 2>&1
  else while IFS=: read -r known _; do [ "$known" = "$2" ] && return 0; done </etc/group; return 1; fi
}
# declares u|g NAME: whether the system that is to be activated will make it
declares() {
  if [ -f "$root$toplevel/activate" ]; then
    grep -o '/nix/store/[^ "]*users-groups\\.json' "$root$toplevel/activate" | while read -r json; do
      cat "$root$json"
    done | tr -d ' \\n' | grep -q "\\"name\\":\\"$2\\"" && return 0
  fi
  {
    cat "$root$toplevel"/etc/sysusers.d/*.conf
    while IFS=$tab read -r what _ _ _ _ _ target path; do
      case $what:$path in etc:sysusers.d/*.conf) cat "$root$target" ;; esac
    done <"$root$toplevel/manifest"
  } 2>/dev/null | while read -r kind name _; do
    case $kind:$name in "u:$2" | "u!:$2" | "$1:$2") echo yes ;; esac
  done | grep -q yes
}
check_owners() {
  secrets_of "$folder/manifest" 6 | sort -u | while read -r owner; do
    has_account passwd "$owner" || declares u "$owner" || account_problem 6 "$owner" user
  done
  secrets_of "$folder/manifest" 7 | sort -u | while read -r group; do
    [ "$group" = - ] || has_account group "$group" || declares g "$group" || account_problem 7 "$group" group
  done
}
account_problem() {
  secrets_of "$folder/manifest" "4,$1" | while IFS=$tab read -r name account; do
    [ "$account" != "$2" ] || problem owner "$name" "the host has no $3 $2, and the system declares none"
  done
}
check_paths() {
  paths_in "$folder/manifest" | while IFS=$tab read -r name path; do
    there=$root$path
    if [ -L "$there" ]; then
      case $(readlink "$there") in ${secretsLayout.link}/* | /run/agenix/* | /run/secrets/*) ;;
        *) problem path "$name" "$path is a link to $(readlink "$there") already" ;;
      esac
    elif [ -e "$there" ]; then problem path "$name" "$path is there already and is no link"; fi
  done
}
`;

/** What is certain to be there is known; where that cannot be told, so is everything. */
const UNIT_FUNCTIONS = `
# has_unit UNIT: whether the system that is to be activated, or the host without it, has it or its template
has_unit() {
  case $1 in *@*.*) template=\${1%%@*}@.\${1##*.} ;; *) template=$1 ;; esac
  for known in "$1" "$template"; do
    if [ -f "$root$toplevel/manifest" ]; then
      cut -f 1,8 "$root$toplevel/manifest" | grep -q -x -F "etc\${tab}systemd/system/$known" && return 0
    elif [ -n "$root" ]; then return 0
    fi
    for place in "$toplevel/etc" /etc /run /usr/lib /lib; do
      [ ! -e "$root$place/systemd/system/$known" ] && [ ! -L "$root$place/systemd/system/$known" ] || return 0
    done
  done
  [ "$(systemctl show -p LoadState -- "$1" 2>/dev/null)" != LoadState=not-found ]
}
tell_units() {
  secrets_of "$stage/manifest" 4,9,10 | while IFS=$tab read -r name restart reload; do
    for unit in $(printf '%s\\n' "$restart,$reload" | tr , ' '); do
      [ "$unit" = - ] || has_unit "$unit" || printf 'no-unit\\t%s\\t%s\\n' "$name" "$unit"
    done
  done
}
`;

export const INSTALL_SCRIPT = `${OPEN_FUNCTIONS}${OWNER_FUNCTIONS}${UNIT_FUNCTIONS}
order=$1 id=$2 toplevel=$3
own_tmpfs=
# Nothing stays of a try: where the host has no tmpfs for secrets yet, it makes one of its own.
if [ "$order" = try ] && [ -z "$root" ] && ! is_mounted "$run_secrets"; then
  own_tmpfs=\${run_secrets%/*}/.try.$$
  run_secrets=$own_tmpfs
fi
stage=$run_secrets/.$order.$$
folder=$stage
end_tmpfs() { umount "$1" && rmdir "$1"; }
leave() {
  rm -rf "$stage"
  [ -z "$own_tmpfs" ] || end_tmpfs "$own_tmpfs"
  exit "$1"
}
stop() { printf 'problem\\t%s\\t-\\t%s\\n' "$1" "$2"; leave 65; }
# is_abandoned FOLDER: its name ends in the process that made it; a try does not stand in the way of an installation
is_abandoned() { [ -e "$1" ] && { [ "\${1##*.}" = $$ ] || ! kill -0 "\${1##*.}"; } 2>/dev/null; }
trap 'leave 1' HUP INT TERM
for left in "\${secrets_link%/*}"/.try.*; do ! is_abandoned "$left" || end_tmpfs "$left"; done
mount_secrets || stop no-tmpfs "$run_secrets cannot be made a tmpfs"
umask 077
for left in "$run_secrets"/.install.* "$run_secrets"/.try.*; do ! is_abandoned "$left" || rm -rf "$left"; done
mkdir "$stage" && tar -x -p -o -f - -C "$stage" && [ -f "$stage/manifest" ] || stop receive "they did not arrive whole"
find_age "$toplevel"
open_secrets "$stage" || stop receive "no room in $run_secrets"
check_owners
check_paths
if [ -s "$stage/problems" ]; then cat "$stage/problems"; leave 65; fi
own_secrets "$stage/files" "$stage/manifest"
changed_secrets "$run_secrets/$(current_generation)" "$stage/files" | sed "s/^/changed$tab/"
cat "$stage/waiting"
tell_units
if [ -e "$root/etc/NIXOS" ] && [ ! -e "$root$toplevel/etc/systemd/system/skep-secrets.service" ] && [ "$id" != none ]; then
  echo unopened
fi
[ "$order" = install ] || leave 0

# On disk there is ciphertext only, and what is there under an id is whole.
keep_set() {
  mkdir -p "$kept_secrets/sets" "$kept_secrets/systems" || return 1
  chmod 0700 "$kept_secrets"
  rm -rf "$kept_secrets"/.new.* "$kept_secrets"/sets/.new.*
  if [ ! -d "$kept_secrets/sets/$id" ]; then
    new=$kept_secrets/sets/.new.$$
    mkdir "$new" && cp "$stage/manifest" "$new/" || return 1
    (cd "$stage" && set -- *.age && { [ ! -f "$1" ] || cp "$@" "$new/"; }) || return 1
    sync "$new"/* 2>/dev/null || sync
    mv "$new" "$kept_secrets/sets/$id" || return 1
  fi
  cat >"$kept_secrets/.new.$$" <<'SKEP_KEEPER' || return 1
${KEEPER_SCRIPT}
SKEP_KEEPER
  if cmp -s "$kept_secrets/.new.$$" "$kept_secrets/keeper"; then rm -f "$kept_secrets/.new.$$"
  else mv -f "$kept_secrets/.new.$$" "$kept_secrets/keeper"; fi
}
keep_set || stop keep "$kept_secrets cannot be written: is the disk full?"
keep_generation "$stage" "$toplevel" || stop receive "no room in $run_secrets"
rm -rf "$stage"
printf 'generation\\t%s\\n' "$generation"
`;
