#!@busybox@/bin/busybox sh
# Activation of a system under test, with the actions, exit codes and order of NixOS's:
# the running system's link first, then units; the boot default before either when both are asked for.
set -eu
PATH=/run/current-system/sw/bin:/usr/local/sbin:/usr/sbin:/usr/bin:/sbin:/bin

toplevel=@out@
fault=@fault@
unit=skep-app.service
wanted=$toplevel/units/$unit
installed=/run/systemd/system/$unit
# There from the moment a unit changes until it runs: an activation that was broken off is done again.
unfinished=/run/skep-app-changes
profile=/nix/var/nix/profiles/skep
if [ -e /etc/NIXOS ]; then profile=/nix/var/nix/profiles/system; fi

main() {
  case "${1-}" in
    switch) make_default; activate ;;
    boot) make_default ;;
    test) activate ;;
    dry-activate) announce ;;
    *)
      say "usage: $0 switch|boot|test|dry-activate"
      exit 1
      ;;
  esac
}

# A test may hold an action up: it waits as long as /run/fleet-hold/ACTION-VERSION is there, and says so beside it.
held() {
  hold=/run/fleet-hold/$1-${toplevel##*-}
  [ -e "$hold" ] || return 0
  : > "$hold.reached"
  while [ -e "$hold" ]; do sleep 0.05; done
}

# What boots next is whatever the profile names by then; the link beside it says who asked last.
make_default() {
  if [ "$fault" = boot-fails ]; then
    say "cannot install the boot loader"
    exit 1
  fi
  held boot
  replace_link "$toplevel" /etc/skep-boot-default
  replace_file /etc/systemd/system/skep-boot.service <<UNIT
[Unit]
Description=Brings up the system that $profile names
After=network.target fleet-network.service
ConditionPathExists=$profile

[Service]
Type=oneshot
RemainAfterExit=yes
ExecStartPre=/bin/sh -c 'ln -sfn "\$\$(readlink -f $profile)" /run/booted-system'
ExecStart=$profile/bin/switch-to-configuration test

[Install]
WantedBy=multi-user.target
UNIT
  mkdir -p /etc/systemd/system/multi-user.target.wants
  replace_link ../skep-boot.service /etc/systemd/system/multi-user.target.wants/skep-boot.service
}

activate() {
  if [ "$fault" = only-by-reboot ] && [ "$(readlink /run/booted-system || true)" != "$toplevel" ]; then
    say "this system cannot be switched to: reboot into it"
    exit 100
  fi
  say "activating the configuration..."
  replace_link "$toplevel" /run/current-system
  held test
  case "$fault" in
    cut-network) ip link set host0 down ;;
    hang) sleep 3600 ;;
    *) if [ -x /usr/local/sbin/fleet-network ]; then /usr/local/sbin/fleet-network; fi ;;
  esac
  if is_up_to_date; then return 0; fi
  mkdir -p "${installed%/*}"
  : > "$unfinished"
  replace_link "$wanted" "$installed"
  systemctl daemon-reload
  say "restarting the following units: $unit"
  if ! systemctl restart "$unit"; then
    say "warning: the following units failed: $unit"
    exit 4
  fi
  rm -f "$unfinished"
}

announce() {
  if is_up_to_date; then
    say "would change nothing"
  else
    say "would restart the following units: $unit"
  fi
}

is_up_to_date() {
  [ ! -e "$unfinished" ] && [ "$(readlink "$installed" || true)" = "$wanted" ] && systemctl is-active --quiet "$unit"
}

replace_link() {
  ln -sfn "$1" "$2.new"
  mv -T "$2.new" "$2"
}

replace_file() {
  cat > "$1.new"
  mv "$1.new" "$1"
}

say() {
  echo "$*" >&2
}

main "$@"
