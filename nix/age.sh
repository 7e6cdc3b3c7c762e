# POSIX shell. What ./age.nix writes above this line:
#   mount_point, link        age.secretsMountPoint and age.secretsDir
#   run_age WORD…            runs age.ageBin
#   with_identities CMD      runs CMD with the path of each identity
#   each_secret CMD          runs CMD for each secret, with: NAME FILE PATH MODE OWNER GROUP link|copy [restart:UNIT|reload:UNIT]…
#
# In the mount point lie the generations, folders named 1, 2, 3 …, of which $link names the one in use, and
#   opened    there when the last `open` went well
#   settled   the generation that the units have seen: what differs from it is told them
set -eu
umask 022

# Opens everything into a new generation, then makes it the one in use by one rename. Runs before users are made.
open() {
  mount_memory
  in_use=$(generation_in_use)
  staged=$mount_point/$((in_use + 1))
  trap clean_up EXIT
  rm -rf -- "$staged"
  dry || rm -f -- "$mount_point/opened"
  (umask 077 && mkdir -- "$staged")

  if with_identities some_readable; then
    each_secret open_one
  else
    problem "none of age.identityPaths is there"
  fi
  dry || each_secret check_place
  [ -n "$failed" ] || each_secret own_if_known
  if [ -n "$failed" ]; then
    fail "nothing was changed: the secrets of before stay in use"
  fi
  own_folders "$staged"

  if dry; then
    [ "$in_use" = 0 ] || tell_changes "$mount_point/$in_use" "$staged"
    return
  fi
  # A generation like the one in use is not put in its place: programs may hold on to the path behind the link.
  if [ "$in_use" = 0 ] || [ -n "$unowned" ] || ! same_folders "$mount_point/$in_use" "$staged"; then
    [ "$in_use" = 0 ] || [ -e "$mount_point/settled" ] || put "$mount_point/settled" "$in_use"
    mkdir -p -- "${link%/*}/"
    ln -sfn -- "$staged" "$link.new"
    trap - EXIT
    mv -fT -- "$link.new" "$link"
    in_use=$((in_use + 1))
  fi
  put "$mount_point/opened" "$in_use"
  # What cannot be placed makes `own` fail, which tries again: the secrets get their owners all the same.
  each_secret place_one
}

# Gives the secrets to their owners and tells units what changed. Runs once users exist.
own() {
  # `open` has said why.
  [ -e "$mount_point/opened" ] || exit 0
  in_use=$(generation_in_use)
  own_folders "$mount_point"
  each_secret own_one
  each_secret place_one

  settled=$(cat -- "$mount_point/settled" 2>/dev/null || echo "$in_use")
  if [ "$settled" != "$in_use" ]; then
    tell_changes "$mount_point/$settled" "$mount_point/$in_use"
    prune "$settled" "$in_use"
  fi
  put "$mount_point/settled" "$in_use"
  [ -z "$failed" ] || exit 1
}

clean_up() {
  rm -rf -- "$staged"
  if dry && [ -n "$mounted" ]; then umount -- "$mount_point"; fi
}

# Memory that is never swapped out: tmpfs where the kernel knows `noswap` (since 6.4), else ramfs.
mount_memory() {
  mkdir -p -- "$mount_point"
  if mountpoint -q -- "$mount_point"; then
    case $(stat -f -c %T -- "$mount_point") in
      tmpfs | ramfs) return ;;
      *) fail "$mount_point: what is mounted there is not in memory" ;;
    esac
  fi
  options=nodev,nosuid,noexec,mode=0751
  mount -t tmpfs -o "noswap,$options" none "$mount_point" 2>/dev/null ||
    mount -t ramfs -o "$options" none "$mount_point"
  mounted=1
}

generation_in_use() {
  number=$(readlink -- "$link" || :)
  number=${number##*/}
  case $number in
    '' | *[!0-9]*) echo 0 ;;
    *) if [ -d "$mount_point/$number" ]; then echo "$number"; else echo 0; fi ;;
  esac
}

some_readable() {
  for identity; do
    if [ -s "$identity" ] && [ -r "$identity" ]; then return; fi
  done
  return 1
}

open_one() { # NAME FILE …
  if [ ! -r "$2" ]; then
    problem "$1: $2 does not exist"
    return
  fi
  make_folders_of "$1"
  (umask 077 && with_identities decrypt <"$2" >"$staged/$1") || problem "$1: $2 cannot be opened"
}

decrypt() { # IDENTITY…
  for identity; do
    shift
    if some_readable "$identity"; then set -- "$@" -i "$identity"; fi
  done
  run_age --decrypt "$@"
}

make_folders_of() { # NAME
  case $1 in
    */*) (umask 077 && mkdir -p -- "$staged/${1%/*}") ;;
  esac
}

check_place() { # NAME FILE PATH …
  if [ "$3" = "$link/$1" ]; then return; fi
  if [ -d "$3" ] && [ ! -L "$3" ]; then
    problem "$1: $3 is a folder"
  else
    mkdir -p -- "${3%/*}/" || problem "$1: $3 has no folder to be in"
  fi
}

# Most users exist already. What is theirs at once is never in use as root's, so that no service is refused its secret.
own_if_known() { # NAME FILE PATH MODE OWNER GROUP …
  chmod -- "$4" "$staged/$1" || problem "$1: $4 is no mode"
  chown -- "$5:$6" "$staged/$1" 2>/dev/null || unowned=1
}

own_one() { # NAME FILE PATH MODE OWNER GROUP …
  chown -- "$5:$6" "$mount_point/$in_use/$1" || problem "$1: cannot be given to $5:$6"
}

own_folders() { # FOLDER
  find "$1" -type d -exec chmod 0751 {} +
  # Before the first users are made, the group is missing.
  find "$1" -type d -exec chgrp keys {} + 2>/dev/null || :
}

place_one() { # NAME FILE PATH MODE OWNER GROUP link|copy …
  if [ "$3" = "$link/$1" ]; then return; fi
  new=${3%/*}/.${3##*/}.skep-new
  "place_$7" "$link/$1" "$3" "$new" || problem "$1: cannot be put at $3"
}

place_link() { # SECRET PATH NEW
  [ "$(readlink -- "$2")" = "$1" ] || { ln -sfn -- "$1" "$3" && mv -fT -- "$3" "$2"; }
}

place_copy() { # SECRET PATH NEW
  if [ ! -L "$2" ] && same_files "$1" "$2"; then return; fi
  # `-C` refuses to open what is there already: the folder may be another user's.
  rm -f -- "$3" && (umask 077 && set -C && cat -- "$1" >"$3") &&
    chmod --reference="$1" -- "$3" && chown -h --reference="$1" -- "$3" && mv -fT -- "$3" "$2"
}

tell_changes() { # FOLDER-BEFORE FOLDER-NOW
  before=$1
  now=$2
  told=
  each_secret tell_if_changed
}

tell_if_changed() { # NAME FILE PATH MODE OWNER GROUP link|copy [restart:UNIT|reload:UNIT]…
  if same_files "$before/$1" "$now/$1"; then return; fi
  shift 7
  for word; do
    case " $told " in
      *" $word "*) ;;
      *) tell "${word%%:*}" "${word#*:}" ;;
    esac
    told="$told $word"
  done
}

# In an activation script, units are named in a list for the switch to act on. A unit of its own comes too late for that.
tell() { # restart|reload UNIT
  case $teller:${NIXOS_ACTION-} in
    activation:dry-activate) list "/run/nixos/dry-activation-$1-list" "$2" ;;
    activation:switch | activation:test) list "/run/nixos/activation-$1-list" "$2" ;;
    systemctl:*)
      # The switch is about to do it.
      if grep -qxF -e "$2" /run/nixos/restart-list /run/nixos/start-list 2>/dev/null; then return; fi
      case $1 in
        # As the switch does with its list, this starts a unit that is not running.
        restart) systemctl restart --no-block -- "$2" ;;
        reload) systemctl try-reload-or-restart --no-block -- "$2" ;;
      esac || problem "$2 cannot be told to $1"
      ;;
  esac
}

list() { # FILE UNIT
  mkdir -p -- "${1%/*}"
  printf '%s\n' "$2" >>"$1"
}

same_files() { # FILE FILE
  cmp -s -- "$1" "$2" && [ "$(stat -L -c %u:%g:%a -- "$1")" = "$(stat -L -c %u:%g:%a -- "$2")" ]
}

same_folders() { # FOLDER FOLDER
  [ "$(inventory "$1")" = "$(inventory "$2")" ] && diff -rq -- "$1" "$2" >/dev/null
}

inventory() { # FOLDER
  find "$1" -printf '%y %m %U %G %P\n' | sort
}

prune() { # KEPT KEPT
  for folder in "$mount_point"/*[0-9]; do
    case ${folder##*/} in
      "$1" | "$2") ;;
      *) rm -rf -- "$folder" ;;
    esac
  done
}

put() { # FILE TEXT
  printf '%s\n' "$2" >"$1.new"
  mv -f -- "$1.new" "$1"
}

dry() { [ "${NIXOS_ACTION-}" = dry-activate ]; }

problem() {
  printf 'skep: error: %s\n' "$*" >&2
  failed=1
}

fail() {
  problem "$@"
  exit 1
}

failed=
mounted=
unowned=
teller=activation
case ${2-} in --systemctl) teller=systemctl ;; esac
case ${1-} in
  open) open ;;
  own) own ;;
  *) fail "usage: $0 open | own [--systemctl]" ;;
esac
