/**
 * What every script of the store without Nix begins with. POSIX sh: dash, busybox and bash run it alike.
 *
 *     <root>/nix/store/<base>                 a store object; it only ever appears by rename, complete
 *     <root>/nix/store/.skep-<owner>          what a running script unpacks or removes; `,next` for a second one
 *     <root>/nix/var/skep/info/<base>         its info, there before it and gone after it
 *     <root>/nix/var/skep/temproots/<owner>   what a running copy keeps from the garbage collector, a base a line
 *     <root>/nix/var/skep/lock/<owner>        the lock, held while that file is there
 *
 * A path is valid when it and its info are there. An owner is `<boot id>.<process id>.<start time>`, so whether it
 * still runs can be told from its name alone, and what the dead left behind is swept by whoever comes next.
 *
 * The lock is taken by moving a folder with the owner's file in it to where the lock is: a rename replaces an empty
 * folder and fails on any other. Breaking the lock of a dead owner removes that owner's file, which has a name nobody
 * else will ever have, so two who break it at once cannot hurt the one who takes it next.
 */
export const STORE_FUNCTIONS = `
PATH=$PATH:/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin
LC_ALL=C
export PATH LC_ALL
umask 022
unset CDPATH TAR_OPTIONS POSIXLY_CORRECT
store=$root/nix/store var=$root/nix/var/skep
info=$var/info temproots=$var/temproots

fail() { printf '%s\\n' "$*" >&2; exit 1; }

boot=
{ read -r boot; } 2>/dev/null </proc/sys/kernel/random/boot_id
boot=\${boot%%-*}

# started PID: sets started to when that process started, in clock ticks after boot; fails when it has ended
started() {
  { read -r started <"/proc/$1/stat"; } 2>/dev/null || return 1
  set -- \${started##*) }
  case $1 in Z | X) return 1 ;; esac
  started=\${20}
}

# alive OWNER: whether it still runs; what has no owner's name has no living owner
alive() {
  case $1 in "$boot".*.*) ;; *) return 1 ;; esac
  pid=\${1#*.}
  since=\${pid#*.}
  pid=\${pid%%.*}
  if [ ! -r /proc/self/stat ]; then kill -0 "$pid" 2>/dev/null; return; fi
  started "$pid" && [ "$started" = "$since" ]
}

started "$$" || started=0
me=$boot.$$.$started

# remove PATH: also where this user may not write to the folders in it
remove() {
  rm -rf "$1" 2>/dev/null && return
  find "$1" -type d -exec chmod u+rwx {} + 2>/dev/null
  rm -rf "$1"
}

# lock: waits for the lock and takes it
lock() {
  mkdir -p "$var/.$me/lock" && : >"$var/.$me/lock/$me" || fail "cannot lock $var"
  tries=0
  until said=$(mv -f "$var/.$me/lock" "$var/" 2>&1); do
    held=
    for locker in "$var/lock"/*; do
      if alive "\${locker##*/}"; then held=yes; else rm -f "$locker"; fi
    done
    [ -z "$held" ] || { tries=0; sleep 0.1 2>/dev/null || sleep 1; continue; }
    tries=$((tries + 1))
    [ "$tries" -lt 100 ] || fail "cannot lock $var: $said"
  done
  rmdir "$var/.$me"
}
unlock() { rm -rf "$var/lock/$me" "$var/.$me"; }

there() { [ -e "$store/$1" ] || [ -L "$store/$1" ]; }
valid() { there "$1" && [ -f "$info/$1" ]; }

# sweep: removes what dead owners left behind
sweep() {
  for old in "$store"/.skep-* "$temproots"/* "$var"/.*.*.*; do
    owner=\${old##*/}
    owner=\${owner#.skep-}
    owner=\${owner#.}
    alive "\${owner%%,*}" || remove "$old"
  done
}

# moves_folders FOLDER: whether this user can move folders it may not write to. Root can; others can rename them where
# they are, but not give them another parent.
moves_folders() {
  mkdir -p "$1/probe/folder" && chmod 555 "$1/probe/folder" && mv "$1/probe/folder" "$1/" 2>/dev/null
}

# move_all FOLDER: moves the files named on standard input there, in that order, by few processes
move_all() { xargs sh -c 'to=$1; shift; exec mv -f "$@" "$to"' move_all "$1/"; }
`;
