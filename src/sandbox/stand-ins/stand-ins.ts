import { chmod, mkdir, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { STAND_INS } from "../host-environment.ts";
import { CALLS_FOLDER, callingScript } from "./call-pipe.ts";

/** Everything on a sandbox host belongs to the one user there is, who is its root. */
const ID = `#!/bin/sh
case "$*" in
  -u | -g | -G | "-u root" | "-g root") echo 0 ;;
  -un | -gn | -nu | -ng | "-u -n" | "-n -u") echo root ;;
  "") echo "uid=0(root) gid=0(root) groups=0(root)" ;;
  *) PATH=\${PATH#*:}; exec id "$@" ;;
esac
`;
const NOTHING = `#!/bin/sh
exit 0
`;
const JOURNALCTL = `#!/bin/sh
unit= lines=50
while [ $# -gt 0 ]; do
  case $1 in
    -u | --unit) unit=$2; shift ;;
    -u*) unit=\${1#-u} ;;
    --unit=*) unit=\${1#*=} ;;
    -n | --lines) lines=$2; shift ;;
    -n*) lines=\${1#-n} ;;
    --lines=*) lines=\${1#*=} ;;
  esac
  shift
done
case $unit in "") set -- "$SKEP_ROOT"/var/log/*.log ;; *.*) set -- "$SKEP_ROOT/var/log/$unit.log" ;; *) set -- "$SKEP_ROOT/var/log/$unit.service.log" ;; esac
[ -e "$1" ] || { echo "-- No entries --"; exit 0; }
exec tail -n "$lines" "$@"
`;
const REBOOT = `#!/bin/sh
exec systemctl reboot
`;

/** GNU's, which what runs on Linux hosts may count on, where this machine has others. */
const FOR_MACOS: Readonly<Record<string, string>> = {
  setsid: `#!/usr/bin/perl
use POSIX;
if (getpgrp() == $$) { my $pid = fork; die "setsid: $!" unless defined $pid; exit 0 if $pid; }
POSIX::setsid();
exec { $ARGV[0] } @ARGV;
die "setsid: $ARGV[0]: $!\\n";
`,
  mv: `#!/bin/sh
for word; do
  shift
  case $word in -T) set -- "$@" -h ;; *) set -- "$@" "$word" ;; esac
done
exec /bin/mv "$@"
`,
};

/** Writes the programs that make a host seem a small Linux with systemd. */
export async function writeStandIns(root: string): Promise<void> {
  const folder = join(root, STAND_INS);
  const calls = join(root, CALLS_FOLDER);
  await mkdir(folder, { recursive: true });
  const scripts = {
    systemctl: callingScript("systemctl", calls),
    age: callingScript("age", calls),
    journalctl: JOURNALCTL,
    reboot: REBOOT,
    id: ID,
    chown: NOTHING,
    chgrp: NOTHING,
    ...(process.platform === "darwin" ? FOR_MACOS : {}),
  };
  await Promise.all(
    Object.entries(scripts).map(async ([name, script]) => {
      await writeFile(join(folder, name), script);
      await chmod(join(folder, name), 0o755);
    }),
  );
}
