/** How switch-to-configuration changes `/etc`. A kill at any point leaves what the next run can put right. POSIX sh. */
export const SWITCH_ETC = `# ---- /etc
# $kept/etc lists what skep has put below /etc: \`link<TAB>path\`, \`copy<TAB>path\`, and \`dir<TAB>path\` for folders it made.
# It is written before /etc is changed, to the sum of old and new, and again after; so whatever happens in between, it
# names all that may be there. $kept/originals holds what entries took the place of. An original is copied there before
# the list is written, and removed after the entry has left the list. $kept/changing is there from the first change to
# the last: where it is found, an earlier run was killed and may have left files that were not in their place yet.

read_owned() {
  owned=$nl
  if [ -f "$kept/etc" ]; then owned=$nl$(cat "$kept/etc")$nl; fi
}

# is_ours PATH TARGET: whether what is there was put there by skep
is_ours() {
  if [ -L "$etc/$1" ]; then
    has "$owned" "link$tab$1" && return 0
    case $(readlink "$etc/$1") in "$2" | /nix/store/*) return 0 ;; esac
    return 1
  fi
  [ -f "$etc/$1" ] && has "$owned" "copy$tab$1"
}
is_dropped() { ! has "$wanted" "$1" && is_ours "$1" ''; }
is_there() { [ -e "$etc/$1" ] || [ -L "$etc/$1" ]; }

problem() { problems="$problems/etc/$1 $2$nl"; }

check_folders() {
  above=\${1%/*}
  while [ "$above" != "$1" ] && [ -n "$above" ]; do
    has "$folders" "$above" && return
    folders=$folders$above$nl
    if [ ! -d "$etc/$above" ] || [ -L "$etc/$above" ]; then
      if ! is_there "$above" || is_dropped "$above"; then new_dirs=$above$nl$new_dirs
      elif [ -L "$etc/$above" ]; then problem "$above" "is a link, and no folder to put $1 into"
      else problem "$above" "is a file, and no folder to put $1 into"; fi
    fi
    case $above in */*) above=\${above%/*} ;; *) return ;; esac
  done
}

check_place() {
  case $1 in */*) check_folders "$1" ;; esac
  is_there "$1" || return
  if [ -d "$etc/$1" ] && [ ! -L "$etc/$1" ]; then
    has "$owned" "dir$tab$1" || problem "$1" "is a folder, which an entry cannot take the place of"
  elif ! is_ours "$1" "$2"; then
    if [ "$3" = take ]; then originals=$originals$1$nl
    else problem "$1" "exists and is not skep's: move it away, or say takeOver: true"; fi
  fi
}

account_id() {
  while IFS=: read -r name _ id _; do
    if [ "$name" = "$2" ]; then echo "$id"; return; fi
  done <"$root/etc/$1"
  return 1
}
# Owners count where there are accounts. Below a root names are those of its own.
owners=
if [ "$uid" = 0 ] && { [ -z "$root" ] || [ -f "$root/etc/passwd" ]; }; then owners=yes; fi
owner_of() {
  owner=$1
  if [ -n "$root" ]; then
    case $1 in
      root) owner=0 ;;
      *[!0-9]*) owner=$(account_id "$2" "$1") ;;
    esac
  fi
}

is_placed() {
  if [ "$1" = link ]; then
    [ -L "$etc/$6" ] && [ "$(readlink "$etc/$6")" = "$5" ]
    return
  fi
  [ -f "$etc/$6" ] && [ ! -L "$etc/$6" ] && cmp -s "$root$5" "$etc/$6" || return 1
  if [ -z "$owners" ]; then [ -n "$(find "$etc/$6" -prune -perm "$2")" ]; return; fi
  owner_of "$3" passwd && user=$owner && owner_of "$4" group || return 1
  [ -n "$(find "$etc/$6" -prune -perm "$2" -user "$user" -group "$owner" 2>/dev/null)" ]
}

plan_etc() {
  wanted=$nl entries=$nl place=$nl remove=$nl new_dirs=$nl folders=$nl originals=$nl problems= restore=$nl
  while IFS=$tab read -r kind how mode user group take target path; do
    if [ "$kind" = etc ]; then wanted=$wanted$path$nl entries=$entries$how$tab$path$nl; fi
  done <"$manifest"
  while IFS=$tab read -r kind how mode user group take target path; do
    [ "$kind" = etc ] || continue
    is_placed "$how" "$mode" "$user" "$group" "$target" "$path" && continue
    check_place "$path" "$target" "$take"
    place=$place$path$nl
  done <"$manifest"
  while IFS=$tab read -r what path; do
    case $what in link | copy) ;; *) continue ;; esac
    has "$wanted" "$path" && continue
    is_ours "$path" '' || continue
    if [ -e "$kept/originals/$path" ] || [ -L "$kept/originals/$path" ]; then restore=$restore$path$nl
    else remove=$remove$path$nl; fi
  done <<END
$owned
END
}

write_owned() {
  mkdir -p "$kept" && set_text "$1" "$kept/etc" || fail "could not write $kept/etc"
}

keep_originals() {
  while IFS= read -r path; do
    [ -n "$path" ] || continue
    at=$kept/originals/$path
    mkdir -p "\${at%/*}" && rm -f "$(aside "$at")" && cp -pP "$etc/$path" "$(aside "$at")" && rename "$(aside "$at")" "$at" ||
      fail "could not keep /etc/$path before taking its place"
  done <<END
$originals
END
}

remove_dropped() {
  while IFS= read -r path; do
    if [ -n "$path" ]; then rm -f "$etc/$path" "$(aside "$etc/$path")" || fail "could not remove /etc/$path"; fi
  done <<END
$remove
END
  while IFS= read -r path; do
    [ -n "$path" ] || continue
    new=$(aside "$etc/$path")
    rm -f "$new" && cp -pP "$kept/originals/$path" "$new" && rename "$new" "$etc/$path" || fail "could not restore /etc/$path"
  done <<END
$restore
END
  printf '%s' "$owned" | sed -n "s/^dir$tab//p" | sort -r | while IFS= read -r path; do
    case $wanted in *"$nl$path/"*) ;; *) rmdir "$etc/$path" 2>/dev/null ;; esac
  done
}

# place_entries users|rest
place_entries() {
  while IFS=$tab read -r kind how mode user group take target path; do
    case $path in sysusers.d/*) part=users ;; *) part=rest ;; esac
    if [ "$kind" != etc ] || [ "$part" != "$1" ] || ! has "$place" "$path"; then continue; fi
    at=$etc/$path
    mkdir -p "\${at%/*}" && place_entry || fail "could not place /etc/$path"
  done <"$manifest"
}
place_entry() {
  if [ -d "$at" ] && [ ! -L "$at" ]; then return 1; fi
  if [ "$how" = link ]; then set_link "$target" "$at"; return; fi
  new=$(aside "$at")
  rm -f "$new" && cp "$root$target" "$new" || return 1
  if [ -n "$owners" ]; then
    owner_of "$user" passwd && user=$owner && owner_of "$group" group && chown "$user:$owner" "$new" || return 1
  fi
  chmod "$mode" "$new" && rename "$new" "$at"
}

# What the list is afterwards: the entries, and the folders that are still there.
write_final_owned() {
  final=$entries
  while IFS=$tab read -r what path; do
    if [ "$what" = dir ] && [ -d "$etc/$path" ] && [ ! -L "$etc/$path" ]; then final=$final$what$tab$path$nl; fi
  done <<END
$all_owned
END
  final=\${final#"$nl"}
  if [ ! -f "$kept/etc" ] || [ "$(cat "$kept/etc")" != "\${final%"$nl"}" ]; then write_owned "$final"; fi
  if [ -e "$kept/changing" ]; then rm -f "$kept/changing"; fi
  if [ ! -d "$kept/originals" ]; then return; fi
  (cd "$kept/originals" && find . \\( -type f -o -type l \\) -print) | while IFS= read -r path; do
    has "$wanted" "\${path#./}" || rm -f "$kept/originals/$path"
  done
  find "$kept/originals" -depth -type d -exec rmdir {} \\; 2>/dev/null
}

change_etc() {
  if [ -e "$kept/changing" ]; then remove_asides; fi
  all_owned=$owned
  while IFS= read -r line; do
    if [ -n "$line" ] && ! has "$all_owned" "$line"; then all_owned=$all_owned$line$nl; fi
  done <<END
$entries$(printf '%s' "$new_dirs" | sed "/./s/^/dir$tab/")
END
  if [ "$all_owned$place$remove$restore" != "$owned$nl$nl$nl" ]; then
    mkdir -p "$kept" && : >"$kept/changing" || fail "could not write to $kept"
  fi
  expect_users
  keep_originals
  if [ "$all_owned" != "$owned" ]; then write_owned "\${all_owned#"$nl"}"; fi
  # Until systemd has read them, what is there and what it knows differ.
  case $place$remove$restore in *"\${nl}systemd/system/"*) mkdir -p "$run" && : >"$run/reload-systemd" ;; esac
  remove_dropped
  # Users come before the files that belong to them.
  place_entries users
  make_users
  place_entries rest
}

remove_asides() {
  while IFS=$tab read -r what path; do
    new=$(aside "$etc/$path")
    if [ -e "$new" ] || [ -L "$new" ]; then rm -f "$new"; fi
  done <<END
$owned
END
}

tell_etc() {
  for_each "$remove" remove
  for_each "$restore" "restore what was there before at"
  for_each "$place" place
}
for_each() {
  printf '%s' "$1" | while IFS= read -r path; do
    if [ -n "$path" ]; then tell "$2 /etc/$path"; fi
  done
}

`;
