import { GENERATION_FUNCTIONS } from "./generation-functions.ts";

/**
 * Generations as Nix lays them out, made without Nix. POSIX sh functions for other scripts to include; they set no
 * variable of theirs, and each runs in a shell of its own.
 *
 *     <profile>            → skep-3-link              relative, replaced by one rename
 *     <profile>-3-link     → /nix/store/<base>
 *
 *     set_profile ROOT PROFILE TOPLEVEL          prints the number of the generation that the profile names now: the
 *                                                newest when that is TOPLEVEL already, else a new one after it
 *     switch_generation ROOT PROFILE NUMBER      makes the profile name a generation there is
 */
export const PROFILE_FUNCTIONS = `${GENERATION_FUNCTIONS}
# point_profile PROFILE NUMBER: the link is made under its own name in a folder beside it, for moving a link onto one
# that leads to a folder would move it into that folder
point_profile() (
  name=\${1##*/}
  beside=\${1%/*}/.$name.$$
  rm -rf "$beside"
  mkdir "$beside" &&
    ln -s "$name-$2-link" "$beside/$name" &&
    mv -f "$beside/$name" "\${1%/*}/" &&
    rmdir "$beside"
)

set_profile() (
  path=$1$2 toplevel=$3
  mkdir -p "\${path%/*}" || exit 1
  newest=$(newest_generation "$path")
  if [ "$newest" -eq 0 ] || [ "$(readlink "$path-$newest-link")" != "$toplevel" ]; then
    newest=$((newest + 1))
    ln -s "$toplevel" "$path-$newest-link" || exit 1
  fi
  point_profile "$path" "$newest" && echo "$newest"
)

switch_generation() (
  path=$1$2
  if [ ! -L "$path-$3-link" ]; then echo "there is no generation $3 of $2" >&2; exit 1; fi
  point_profile "$path" "$3"
)
`;
