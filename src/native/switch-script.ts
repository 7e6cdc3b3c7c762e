/**
 * `bin/switch-to-configuration` of every system made without Nix: POSIX sh that runs in dash, busybox and bash, the same
 * for all systems. What a system has it reads from the system's `manifest` (see manifest.ts).
 *
 * The order: hooks, stop units, change `/etc` and make users, give secrets to their owners, let systemd read its units,
 * reload, restart and start units, `/run/current-system`, hooks.
 */
import { SWITCH_ETC } from "./switch-etc.ts";
import { SWITCH_START } from "./switch-start.ts";
import { SWITCH_UNITS } from "./switch-units.ts";
import { SWITCH_USERS } from "./switch-users.ts";

export const SWITCH_SCRIPT = `${SWITCH_START}${SWITCH_ETC}${SWITCH_USERS}${SWITCH_UNITS}# ---- the rest

run_hooks() {
  while IFS=$tab read -r kind when file shown; do
    if [ "$kind" != hook ] || [ "$when" != "$1" ]; then continue; fi
    tell "run $shown"
    [ "$action" = dry-activate ] && continue
    if [ -z "$root" ]; then sh "$self/$file" </dev/null
    else sh -c "$(sed "s|/nix/store/|$(printf '%s' "$root" | sed 's/[&\\|]/\\\\&/g')/nix/store/|g" "$self/$file")" </dev/null; fi
    code=$?
    case $code in
      0) ;;
      100) reboot=yes ;;
      *)
        went_wrong "the hook \\"$shown\\"" "$code"
        return 1
        ;;
    esac
  done <"$manifest"
}

plan() {
  read_owned
  plan_etc
  if [ -n "$problems" ]; then fail "nothing was changed, because of what is there:$nl$problems"; fi
  plan_users
  read_record
  plan_units
}

activate() {
  plan
  hooks=
  if [ -n "$systemctl" ] && [ -z "$no_block" ]; then hooks=yes; fi
  if [ -n "$hooks" ]; then run_hooks before || exit 1; fi
  mkdir -p "$run" "$etc" || fail "could not make $run"
  suspects=
  if [ -n "$systemctl" ]; then
    if [ ! -f "$run/units" ]; then set_text "\${record#"$nl"}" "$run/units"; fi
    tell_units
    stop_units
  fi
  tell_etc
  tell_users
  change_etc
  own_secrets
  if [ -n "$systemctl" ]; then
    tell_starts
    start_units
    set_text "$(compact_record)$nl" "$run/units"
  fi
  write_final_owned
  set_link "$toplevel" "$root/run/current-system" || fail "could not set /run/current-system"
  if [ -n "$no_block" ]; then set_link "$toplevel" "$root/run/booted-system"; fi
  if [ -n "$hooks" ] && [ -z "$unfinished" ]; then run_hooks after; fi
  if [ -n "$failed" ]; then
    printf 'switch-to-configuration: these units failed:%s\\n' "$failed" >&2
    for unit in $failed; do "$systemctl" --no-pager --lines=10 status "$unit" >&2; done
  fi
}
compact_record() {
  for unit in $(printf '%s' "$record" | sed "s/$tab.*//" | sort -u); do
    text=$(recorded "$unit")
    if [ "$text" != - ]; then printf '%s\\t%s\\n' "$unit" "$text"; fi
  done
}

boot_unit="[Unit]
Description=The system that skep deployed
DefaultDependencies=no
RequiresMountsFor=/nix/store /nix/var /etc /var/lib
ConditionPathExists=/nix/var/nix/profiles/skep/bin/switch-to-configuration
After=local-fs.target
Before=sysinit.target shutdown.target
Conflicts=shutdown.target

[Service]
Type=oneshot
RemainAfterExit=yes
Environment=SKEP_BOOT=1
ExecStart=/nix/var/nix/profiles/skep/bin/switch-to-configuration test

[Install]
WantedBy=sysinit.target
"
# Not an entry of /etc: it belongs to the profile and not to any one system.
install_boot() {
  units=$etc/systemd/system
  mkdir -p "$units/sysinit.target.wants" || fail "could not make $units"
  if [ "$(cat "$units/skep-boot.service" 2>/dev/null)$nl" != "$boot_unit" ]; then
    set_text "$boot_unit" "$units/skep-boot.service" || fail "could not write skep-boot.service"
  fi
  link=$units/sysinit.target.wants/skep-boot.service
  if [ "$(readlink "$link")" != ../skep-boot.service ]; then
    set_link ../skep-boot.service "$link" || fail "could not enable skep-boot.service"
  fi
}

case $action in
  dry-activate)
    plan
    run_hooks before
    tell_units
    tell_etc
    tell_users
    tell_starts
    run_hooks after
    if [ "$users$place$remove$restore$stop$reload$restart$start" = "$nl$nl$nl" ]; then echo "would change nothing of the system"; fi
    exit 0
    ;;
  test) activate ;;
  boot) install_boot ;;
  switch)
    activate
    install_boot
    ;;
esac
if [ -n "$unfinished" ]; then exit 1; fi
if [ -n "$failed" ]; then exit 4; fi
if [ -n "$reboot" ]; then exit 100; fi
exit 0
`;
