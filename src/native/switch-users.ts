/** How switch-to-configuration makes the users that a system declares, and gives secrets to them. POSIX sh. */
export const SWITCH_USERS = `# ---- users
# $kept/make-users is there from before an entry of sysusers.d changes until systemd-sysusers has done what it says; so
# a run that was killed or failed in between leaves it to the next.

plan_users() {
  users=
  if [ -z "$sysusers" ]; then return; fi
  case $place in *"\${nl}sysusers.d/"*) users=yes ;; esac
  if [ -e "$kept/make-users" ]; then users=yes; fi
}
tell_users() {
  if [ -z "$users" ]; then return; fi
  tell "run systemd-sysusers"
  if [ -f "$kept/secrets/keeper" ]; then tell "set the owners of secrets"; fi
}

expect_users() {
  if [ -z "$users" ]; then return; fi
  mkdir -p "$kept" && : >"$kept/make-users" || fail "could not write to $kept"
}
# Only the system's own files are read: what is wrong with another's is not this activation's fault.
make_users() {
  if [ -z "$users" ]; then return; fi
  set --
  while IFS=$tab read -r kind how mode user group take target path; do
    case $kind:$path in
      etc:sysusers.d/*/*) ;;
      etc:sysusers.d/*.conf) set -- "$@" "$etc/$path" ;;
    esac
  done <"$manifest"
  if [ $# -eq 0 ] || "$sysusers" "$@" </dev/null; then rm -f "$kept/make-users"
  else went_wrong "systemd-sysusers" $?; fi
}

# At boot the keeper has done this before, but for users that were not there.
own_secrets() {
  if [ -n "$no_block" ] && [ -z "$users" ]; then return; fi
  if [ ! -f "$kept/secrets/keeper" ]; then return; fi
  sh "$kept/secrets/keeper" own "$root" </dev/null || went_wrong "setting the owners of secrets" $?
}

`;
