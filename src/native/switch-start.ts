/** What switch-to-configuration begins with: its arguments, where everything is, and how a link or a file is replaced. POSIX sh. */
export const SWITCH_START = `#!/bin/sh
# switch-to-configuration switch|boot|test|dry-activate
# Activates the system whose bin/ this is in, below $SKEP_ROOT if that is set.
# Exit codes: 0 done, 1 failed, 4 done but some units failed, 100 done and the host has to be rebooted.
set -uf
LC_ALL=C PATH=$PATH:/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin SKEP_ROOT=\${SKEP_ROOT:-}
export LC_ALL PATH SKEP_ROOT
umask 022
tab=$(printf '\\t') nl='
'
fail() { printf 'switch-to-configuration: %s\\n' "$*" >&2; exit 1; }

action=\${1:-}
case $action in
  switch | boot | test | dry-activate) ;;
  *) fail "expected switch, boot, test or dry-activate, found '$action'" ;;
esac
root=\${SKEP_ROOT%/}
self=$(cd -P -- "\${0%/*}/.." && pwd -P) || fail "could not find the system that $0 belongs to"
toplevel=/nix/store/\${self##*/}
manifest=$self/manifest
[ -r "$manifest" ] || fail "could not read $manifest: this is not a whole system"
etc=$root/etc
kept=$root/var/lib/skep
run=$root/run/skep
uid=$(id -u)
failed= reboot= unfinished=

tell() { if [ "$action" = dry-activate ]; then printf 'would %s\\n' "$*"; else printf '%s\\n' "$*"; fi; }
went_wrong() { printf 'switch-to-configuration: %s ended with exit code %s\\n' "$1" "$2" >&2; unfinished=yes; }
has() { case $1 in *"$nl$2$nl"*) return 0 ;; esac; return 1; }

# Below a root, what would act on this machine is used only where the root has one of its own.
program() {
  found=$(command -v "$1") || return
  if [ -n "$root" ]; then case $found in "$root"/*) ;; *) return ;; esac; fi
  echo "$found"
}
sysusers=$(program systemd-sysusers)
# Units can be started where systemd runs.
systemctl=$(program systemctl)
if [ -z "$root" ] && [ ! -d /run/systemd/system ]; then systemctl=; fi
no_block=
if [ -n "\${SKEP_BOOT:-}" ]; then no_block=--no-block; fi

if mv --help 2>&1 | grep -q -e '-[a-z]*T'; then
  rename() { mv -fT "$1" "$2"; }
else
  # Without -T a link to a folder would be moved into.
  rename() { if [ -L "$2" ] && [ -d "$2" ]; then rm -f "$2"; fi; mv -f "$1" "$2"; }
fi
aside() { echo "\${1%/*}/.skep-new.\${1##*/}"; }
set_link() { new=$(aside "$2"); rm -f "$new" && ln -s "$1" "$new" && rename "$new" "$2"; }
set_text() { new=$(aside "$2"); printf '%s' "$1" >"$new" && rename "$new" "$2"; }

`;
