/**
 * The on-host agent: a POSIX sh script in a transient systemd unit of its own, which outlives the connection.
 *
 * It runs the new system without making it the default, waits to be confirmed, and otherwise goes back to the recorded
 * system by itself. Everything it tells and is told lives in its run's folder:
 *
 *     state     a symbolic link whose target is the state, so that it changes in one rename:
 *               testing → waiting → committing → committed | kept
 *                       ↘ rolling-back → rolled-back | stranded
 *               testing → committing where only a reboot brings the system, and the operator will reboot the host
 *     verdict   a symbolic link made once, by whoever is first: `confirmed` or `refused` by the operator,
 *               `expired` by the agent, `stolen` by another run. Making a link fails when it is there already, so
 *               confirming and giving up can never both happen.
 *     may-reboot, by-reboot   links: whether such a system may be made the default untested; whether it was
 *     old-profile   what the profile led to before the commit, after `link:`
 *     secrets   a link that names the generation of secrets to use, where they change too (see secrets/)
 *     cause     why it went back: `switch:4`, `switch:timeout`, `only-by-reboot`, `running:/nix/store/…`, `not-confirmed`, `refused`,
 *               `stolen`, `secrets:app.service`, `commit:profile`, `commit:boot:1`, `killed`
 *     exit      how the last switch-to-configuration ended: also a link, as all that counts, because one can be made where
 *               /run is full
 *     log       what switch-to-configuration printed
 *     back-from   a link: how many lines the log had when the way back began
 *     record    the deployment record, moved to the records once committed
 *     reserve   room in /run that is put by for the way back: systemd reloads no units where less than 16 MiB are free
 *
 * Time is taken from /proc/uptime: a clock that jumps moves no deadline. When the agent is killed, systemd starts it
 * once more (`ExecStopPost`) and it finishes what was begun.
 */
import { PROFILE_FUNCTIONS } from "#store";
import { LIST_RECORDS } from "./deployment-record.ts";
import { PRELUDE } from "./host-access.ts";
import { hostLayout, RECORDS_KEPT } from "./host-layout.ts";
import { LEASE_FUNCTIONS } from "./lease.ts";
import { AGENT_SECRETS } from "./secrets/agent-functions.ts";

export const AGENT_SCRIPT = `${PRELUDE}${LEASE_FUNCTIONS}${PROFILE_FUNCTIONS}
mode=$1 run=$2 goal=$3 toplevel=$4 previous=$5 profile=$root$6 switch_timeout=$7 confirm_timeout=$8 store=$9
dir=$root${hostLayout.runs}/$run
records=$root${hostLayout.records}
committing=$root${hostLayout.committing}
SKEP_ROOT=$root
export SKEP_ROOT
trap '' HUP PIPE

set_link() { replace_link "$2" "$dir/$1"; }
state() { set_link state "$1"; }
read_state() { readlink "$dir/state"; }
decide() { ln -s "$1" "$dir/verdict" 2>/dev/null; }
running_is() { [ "$(system_of "$root/run/current-system")" = "$1" ]; }
${AGENT_SECRETS}

# switch SYSTEM ACTION: 0, switch-to-configuration's exit code, or 124 when it had to be killed
switch() {
  rm -f "$dir/exit"
  setsid sh -c '"$1/bin/switch-to-configuration" "$2"; ln -s $? "$3"' \\
    skep-switch "$root$1" "$2" "$dir/exit" >>"$dir/log" 2>&1 </dev/null &
  group=$!
  set_link group "$group"
  until=$(($(uptime) + switch_timeout))
  while [ ! -L "$dir/exit" ]; do
    if [ "$(uptime)" -ge "$until" ] || { [ "$(readlink "$dir/verdict")" = stolen ] && [ "$(read_state)" = testing ]; }; then
      kill -s TERM -- "-$group" 2>/dev/null
      sleep 2
      kill -s KILL -- "-$group" 2>/dev/null
      return 124
    fi
    sleep 0.1
  done
  wait "$group"
  return "$(readlink "$dir/exit")"
}

describe() { if [ "$1" -eq 124 ]; then echo timeout; else echo "$1"; fi; }

# The lease goes first: who sees the final state may deploy again at once.
finish() {
  case $1 in
    committed | kept) forget_secrets "$(readlink "$dir/secrets-before")" ;;
    rolled-back) forget_secrets none ;;
  esac
  rm -f "$dir/reserve"
  release_lease "$run"
  state "$1"
  exit 0
}

# A unit of the new system that was started too often in vain would keep the old one's from being started.
forget_failures() {
  case $root:$(command -v systemctl) in
    :/* | "$root:$root"/*) systemctl reset-failed >/dev/null 2>&1 ;;
  esac
}

# bring_back: the previous system, again and again for a while: what was in its way may pass
bring_back() {
  until_again=$(($(uptime) + switch_timeout))
  for pause in 1 2 4 0; do
    switch "$previous" test
    status=$?
    # Exit code 4 says that some units failed, which may be those that had failed before: the checks will tell.
    if { [ "$status" -eq 0 ] || [ "$status" -eq 4 ]; } && running_is "$previous"; then return 0; fi
    if [ "$pause" -eq 0 ] || [ "$(uptime)" -ge "$until_again" ]; then return 1; fi
    sleep "$pause"
  done
}

# begin_way_back: what the log gets from here on is no part of what failed
begin_way_back() {
  [ -L "$dir/back-from" ] || set_link back-from "$(($(wc -l <"$dir/log")))"
}

go_back() {
  begin_way_back
  [ -L "$dir/cause" ] || set_link cause "$1"
  decide refused
  state rolling-back
  if [ -z "$previous" ]; then finish stranded; fi
  if activate_previous; then finish rolled-back; fi
  finish stranded
}

activate_previous() {
  rm -f "$dir/reserve"
  forget_failures
  take_secrets_back
  is_back=yes
  case $goal in
    secrets) running_is "$previous" || is_back= ;;
    *) bring_back || is_back= ;;
  esac
  if [ -L "$dir/secrets-before" ]; then restart_for_secrets "$secrets_new" "$(readlink "$dir/secrets-before")"; fi
  [ -n "$is_back" ]
}

# make_default SYSTEM: as the newest generation of the profile
make_default() {
  if [ "$store" = nix ]; then nix-env -p "$profile" --set "$1"; else set_profile "$root" "\${profile#"$root"}" "$1" >/dev/null; fi
}
make_default_again() {
  if [ "$store" = nix ]; then
    nix-env -p "$profile" --switch-generation "$1"
  else
    switch_generation "$root" "\${profile#"$root"}" "$1"
  fi
}

restore_profile() {
  new=$(readlink "$profile")
  [ "$new" = "$old_link" ] && return 0
  if [ -n "$old_link" ]; then
    number=\${old_link%-link}
    make_default_again "\${number##*-}" || return 1
  else
    rm -f "$profile"
  fi
  rm -f "\${profile%/*}/$new"
}

# The boot loader is written from the profile, so for a while the profile names what does not boot. A file on the disk says
# so until both agree: the agent does not survive a loss of power in between.
begin_commit() {
  mkdir -p "\${profile%/*}" "$records" || return 1
  printf 'run=%s\nsystem=%s\n' "$run" "$toplevel" >"$committing.new" && mv -f "$committing.new" "$committing" || return 1
  sync "$committing" "\${committing%/*}" 2>/dev/null || sync
}
end_commit() { rm -f "$committing"; }

commit() {
  state committing
  # An agent that was killed has perhaps set the profile already.
  [ -L "$dir/old-profile" ] || set_link old-profile "link:$(readlink "$profile")"
  old_link=$(readlink "$dir/old-profile"); old_link=\${old_link#link:}
  old_system=
  [ -z "$old_link" ] || old_system=$(system_of "\${profile%/*}/$old_link")
  begin_commit >>"$dir/log" 2>&1 || give_up commit:profile
  if ! make_default "$toplevel" >>"$dir/log" 2>&1; then
    begin_way_back
    restore_profile >>"$dir/log" 2>&1 && end_commit
    give_up commit:profile
  fi
  if ! bind_secrets "$toplevel" >>"$dir/log" 2>&1; then
    begin_way_back
    unbind_secrets "$toplevel"
    restore_profile >>"$dir/log" 2>&1 && end_commit
    give_up commit:secrets
  fi
  switch "$toplevel" boot
  status=$?
  if [ "$status" -ne 0 ]; then
    begin_way_back
    unbind_secrets "$toplevel"
    restored=yes
    restore_profile >>"$dir/log" 2>&1 || restored=
    if [ -n "$old_link" ]; then switch "$old_system" boot || restored=; fi
    [ -z "$restored" ] || end_commit
    give_up "commit:boot:$(describe "$status")"
  fi
  number=$(readlink "$profile"); number=\${number%-link}; number=\${number##*-}
  set_link generation "$number"
  # First, for a commit that is known neither as done nor as cut short is one that nobody takes back.
  write_record
  end_commit
  finish committed
}

write_record() {
  sed "s/\\"generation\\":null/\\"generation\\":$number/" "$dir/record" >"$records/.$run.new" &&
    mv -f "$records/.$run.new" "$records/$run.json" && { sync "$records/$run.json" 2>/dev/null || sync; }
  ${LIST_RECORDS} | sed '1,${RECORDS_KEPT}d' | while read -r old; do rm -f "$old"; done
}

# The system stays what it is: what runs, and what boots where that is another, get these secrets at boot.
commit_secrets() {
  state committing
  mkdir -p "$records"
  if ! bind_secrets "$toplevel" >>"$dir/log" 2>&1; then
    begin_way_back
    unbind_secrets "$toplevel"
    go_back commit:secrets
  fi
  number=$(readlink "$profile"); number=\${number%-link}; number=\${number##*-}
  [ -z "$number" ] || set_link generation "$number"
  number=\${number:-null}
  write_record
  finish committed
}

# Setting what boots next changed nothing that runs, so there is nothing to go back from.
give_up() {
  set_link cause "$1"
  if [ "$goal" = boot ]; then finish rolled-back; fi
  go_back "$1"
}

# switch-to-configuration says that only a reboot brings the system: NixOS's before it touched anything, others when they
# are done. Either way the host reboots from the system it has.
turn_to_reboot() {
  if running_is "$previous"; then
    take_secrets_back
    if [ ! -L "$dir/may-reboot" ]; then
      set_link cause only-by-reboot
      decide refused
      finish rolled-back
    fi
  else
    if [ ! -L "$dir/may-reboot" ] || [ -z "$previous" ]; then go_back switch:100; fi
    activate_previous || go_back switch:100
  fi
  rm -f "$dir/secrets-before"
  set_link by-reboot yes
  goal=boot
  commit
}

try() {
  state testing
  take_secrets || go_back secrets:swap
  status=0
  if [ "$goal" != secrets ]; then
    switch "$toplevel" test
    status=$?
  fi
  if [ "$status" -ne 0 ]; then
    if [ "$(readlink "$dir/verdict")" = stolen ]; then go_back stolen; fi
    if [ "$status" -eq 100 ]; then turn_to_reboot; fi
    go_back "switch:$(describe "$status")"
  fi
  running_is "$toplevel" || go_back "running:$(system_of "$root/run/current-system")"
  if [ -n "$secrets_new" ]; then
    restart_for_secrets "$(readlink "$dir/secrets-before")" "$secrets_new" || go_back "secrets:\${failed_units# }"
  fi
  state waiting
  until=$(($(uptime) + confirm_timeout))
  while [ ! -L "$dir/verdict" ]; do
    if [ "$(uptime)" -ge "$until" ]; then decide expired; fi
    sleep 0.1
  done
  case $(readlink "$dir/verdict") in
    confirmed)
      case $goal in
        switch) commit ;;
        secrets) commit_secrets ;;
        *) finish kept ;;
      esac
      ;;
    expired) go_back not-confirmed ;;
    *) go_back "$(readlink "$dir/verdict")" ;;
  esac
}

# Run by systemd, or by the shell that waits for it, after the agent ended, however it ended.
finish_what_was_begun() {
  # An activation that the agent was waiting for goes on without it, unless it ended meanwhile.
  [ -L "$dir/exit" ] || kill -s KILL -- "-$(readlink "$dir/group")" 2>/dev/null
  case $(read_state) in
    committed | kept | rolled-back | stranded) exit 0 ;;
  esac
  # At shutdown nothing is to be done: the old system is still what boots.
  [ "$(systemctl is-system-running 2>/dev/null)" = stopping ] && exit 0
  if [ -L "$dir/by-reboot" ]; then goal=boot; fi
  if [ "$(readlink "$dir/verdict")" = confirmed ] && running_is "$toplevel"; then
    case $goal in switch) commit ;; secrets) commit_secrets ;; esac
  fi
  if [ "$goal" = boot ]; then commit; fi
  go_back killed
}

case $mode in
  start) if [ "$goal" = boot ]; then commit; else try; fi ;;
  after) finish_what_was_begun ;;
esac
`;
