/** The word after which `skep` answers a shell's script. */
export const COMPLETE = "__complete";

export const SHELLS = ["bash", "zsh", "fish"] as const;
export type Shell = (typeof SHELLS)[number];

/** What each shell is to read to complete the command lines of skep: it asks skep itself at every Tab. */
export const SCRIPTS: Readonly<Record<Shell, string>> = {
  bash: `# skep's completion for bash. Put this into ~/.bashrc: eval "$(skep completion bash)"
_skep() {
  local line kind=
  COMPREPLY=()
  while IFS= read -r line; do
    case $line in
      :skep:*) kind=\${line#:skep:} COMPREPLY=() ;;
      *) COMPREPLY+=("\${line%%$'\\t'*}") ;;
    esac
  done < <("\${COMP_WORDS[0]/#\\~/$HOME}" ${COMPLETE} bash "\${COMP_LINE:0:COMP_POINT}" "$2" 2>/dev/null </dev/null)
  case $kind in
    file) compopt -o default 2>/dev/null ;;
    folder) compopt -o dirnames 2>/dev/null ;;
    words) ;;
    *) COMPREPLY=() ;;
  esac
}
complete -F _skep skep
`,
  zsh: `#compdef skep
# skep's completion for zsh. Put this into ~/.zshrc, after compinit: eval "$(skep completion zsh)"
_skep() {
  local line kind= typed=\${(Q)PREFIX}
  local -a found shown
  while IFS= read -r line; do
    case $line in
      :skep:*) kind=\${line#:skep:} found=() shown=() ;;
      *)
        found+=("\${line%%$'\\t'*}")
        shown+=("\${line/$'\\t'/  -- }")
        ;;
    esac
  done < <("\${~\${(Q)words[1]}}" ${COMPLETE} zsh "\${(@Q)words[2,CURRENT-1]}" "$typed" 2>/dev/null </dev/null)
  case $kind in
    file) _files ;;
    folder) _files -/ ;;
    words) compadd -l -d shown -a -- found ;;
  esac
}
if [[ $funcstack[1] == _skep ]]; then _skep "$@"; else compdef _skep skep; fi
`,
  fish: `# skep's completion for fish. Put this into ~/.config/fish/config.fish: skep completion fish | source
function __skep_complete
    set -l words (commandline -opc)
    set -l typed (string replace -r '^["\\']' '' -- (commandline -ct))
    set -l kind
    set -l found
    for line in (command skep ${COMPLETE} fish $words[2..] "$typed" 2>/dev/null </dev/null)
        if string match -q ':skep:*' -- $line
            set kind (string sub -s 7 -- $line)
            set found
        else
            set -a found $line
        end
    end
    switch "$kind"
        case file
            __fish_complete_path (commandline -ct)
        case folder
            __fish_complete_directories (commandline -ct)
        case words
            printf '%s\\n' $found
    end
end
complete -c skep -f -a '(__skep_complete)'
`,
};
