/** How switch-to-configuration stops, reloads, restarts and starts units: exactly those whose text changed. POSIX sh. */
export const SWITCH_UNITS = `# ---- units
# $run/units says with which text each unit was last started: \`unit<TAB>store path\`, the last line of a unit counts,
# \`?\` while it is being changed and \`-\` once it is stopped. Without the file (since a boot) it is what /etc has, as
# that is what systemd read.

read_record() {
  record=$nl
  if [ -f "$run/units" ]; then record=$nl$(cat "$run/units")$nl; return; fi
  while IFS=$tab read -r what path; do
    case $what$tab$path in
      "link\${tab}systemd/system/"*/*) ;;
      "link\${tab}systemd/system/"*)
        text=$(readlink "$etc/$path") || continue
        case $text in /nix/store/*) record=$record\${path##*/}$tab$text$nl ;; esac
        ;;
    esac
  done <<END
$owned
END
}
recorded() {
  case $record in *"$nl$1$tab"*) ;; *) echo -; return ;; esac
  was=\${record##*"$nl$1$tab"}
  echo "\${was%%"$nl"*}"
}
note() { record=$record$1$tab$2$nl; printf '%s\\t%s\\n' "$1" "$2" >>"$run/units"; }

is_in() { case " $2 " in *" $1 "*) return 0 ;; esac; return 1; }
state_of() { "$systemctl" is-active "$1" 2>/dev/null; }
is_up() { case $(state_of "$1") in active | activating | reloading | refreshing) return 0 ;; esac; return 1; }
# A template has no state of its own; its instances do.
instances() { case $1 in *@.*) printf '%s\\n' "\${1%%@.*}@*.\${1##*@.}" ;; *) printf '%s\\n' "$1" ;; esac; }

plan_units() {
  stop= reload= restart= start= settled= unit_names=$nl
  [ -n "$systemctl" ] || return
  while IFS=$tab read -r kind unit text change wish service; do
    [ "$kind" = unit ] || continue
    unit_names=$unit_names$unit$nl
    case $unit in *.socket) plan_socket ;; esac
  done <"$manifest"
  while IFS=$tab read -r kind unit text change wish service; do
    [ "$kind" = unit ] || continue
    if is_in "$unit" "$stop $start"; then continue; fi
    was=$(recorded "$unit")
    if [ "$was" != "$text" ]; then plan_unit; fi
  done <"$manifest"
  for unit in $(printf '%s' "$record" | sed "s/$tab.*//" | sort -u); do
    if ! has "$unit_names" "$unit" && [ "$(recorded "$unit")" != - ]; then stop="$stop $unit"; fi
  done
}

# A socket cannot be started while its service runs.
plan_socket() {
  if [ "$(recorded "$unit")" = "$text" ] || [ "$change" = keep ]; then return; fi
  if is_up "$unit"; then stop="$stop $unit"; start="$start $unit"
  elif [ "$wish" = start ]; then start="$start $unit"
  else settled="$settled $unit"; return; fi
  if [ "$service" != - ] && is_up "$service"; then stop="$stop $service"; start="$start $service"; fi
}

plan_unit() {
  case $unit in
    *@.*) restart="$restart $unit"; return ;;
    *.target | *.slice) if [ "$wish" = start ]; then start="$start $unit"; else settled="$settled $unit"; fi; return ;;
  esac
  if is_up "$unit"; then
    # A unit of the host that ours takes the place of has never run ours: it is not enough to reload it.
    case $change:$was in
      keep:-) restart="$restart $unit" ;;
      keep:*) ;;
      reload:/*) reload="$reload $unit" ;;
      *) restart="$restart $unit" ;;
    esac
  elif [ "$wish" = start ]; then start="$start $unit"
  else settled="$settled $unit"; fi
}

tell_units() {
  if [ -n "$stop" ]; then tell "stop$stop"; fi
}
tell_starts() {
  if [ -n "$reload" ]; then tell "reload$reload"; fi
  if [ -n "$restart" ]; then tell "restart$restart"; fi
  if [ -n "$start" ]; then tell "start$start"; fi
}

act() {
  verb=$1
  shift
  if [ $# -eq 0 ]; then return; fi
  for unit in "$@"; do note "$unit" '?'; done
  # shellcheck disable=SC2046,SC2086
  "$systemctl" $no_block "$verb" $(for unit in "$@"; do instances "$unit"; done) || suspects="$suspects $*"
}

stop_units() {
  # shellcheck disable=SC2086
  act stop $stop
  for unit in $stop; do
    if ! has "$unit_names" "$unit"; then note "$unit" -; fi
  done
  # What could not be stopped is told by systemctl; it does not fail the new system.
  suspects=
}

start_units() {
  if [ -e "$run/reload-systemd" ]; then
    "$systemctl" daemon-reload || fail "systemd could not read its units again"
    rm -f "$run/reload-systemd"
  fi
  # shellcheck disable=SC2086
  act reload $reload
  # shellcheck disable=SC2086
  act restart $restart
  # shellcheck disable=SC2086
  act start $start
  while IFS=$tab read -r kind unit text change wish service; do
    [ "$kind" = unit ] || continue
    if is_in "$unit" "$settled"; then note "$unit" "$text"
    elif is_in "$unit" "$reload $restart $start"; then
      if is_well "$unit"; then note "$unit" "$text"; else failed="$failed $unit"; fi
    fi
  done <"$manifest"
  for unit in $start; do
    if ! has "$unit_names" "$unit" && ! is_well "$unit"; then failed="$failed $unit"; fi
  done
}
is_well() {
  if [ -n "$no_block" ]; then return 0; fi
  case $1:$(state_of "$1") in
    *@.*) ! is_in "$1" "$suspects" ;;
    *:failed | *:activating) return 1 ;;
    *:active | *:reloading) return 0 ;;
    *) ! is_in "$1" "$suspects" ;;
  esac
}

`;
