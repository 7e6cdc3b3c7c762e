/**
 * Shell functions about the boot of a host, and the parts of a system that it brings.
 * - `say KEY VALUE`: a line of what a script prints
 * - `boots_itself`: whether what lies below the root is a system of its own, and not a folder on another
 * - `say_boot_id`: the kernel's, or the stand-in of a host that has no kernel of its own
 * - `leads_to PATH`: what a path below the root leads to in the end, or nothing; as links there say what they would say if
 *   the root were `/`, each step of the way is followed by hand
 */
export const BOOT_FUNCTIONS = `
say() { printf '%s=%s\\n' "$1" "$2"; }
boots_itself() {
  systemctl=$(command -v systemctl)
  case $root:$systemctl in :/* | "$root:$root"/*) return 0 ;; esac
  return 1
}
say_boot_id() {
  boot_id=/proc/sys/kernel/random/boot_id
  say boot_id "$(cat "$root$boot_id" 2>/dev/null || cat "$boot_id" 2>/dev/null)"
}
leads_to() {
  at=$1
  for _ in 1 2 3 4 5 6 7 8; do
    [ -L "$root$at" ] || break
    to=$(readlink "$root$at")
    case $to in /*) at=$to ;; *) at=\${at%/*}/$to ;; esac
  done
  [ ! -e "$root$at" ] || echo "$at"
}
`;
