/**
 * POSIX sh functions that read a profile's generations, for other scripts to include; they set no variable of theirs.
 *
 *     generations_of PROFILE      the numbers of its generations, one a line, in no order
 *     newest_generation PROFILE   the greatest; 0 where there is none
 */
export const GENERATION_FUNCTIONS = `
generations_of() (
  for link in "$1"-*-link; do
    number=\${link#"$1"-}
    number=\${number%-link}
    case $number in '' | *[!0-9]*) continue ;; esac
    if [ -L "$link" ]; then echo "$number"; fi
  done
)

# Numbers with a zero before them are not ours, and arithmetic takes them for octal ones.
newest_generation() (
  newest=0
  for number in $(generations_of "$1"); do
    case $number in 0?*) continue ;; esac
    [ "$number" -le "$newest" ] || newest=$number
  done
  echo "$newest"
)
`;
