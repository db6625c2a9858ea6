# Completion of pingperf in bash. `pingperf complete -- WORDS` prints the candidates.
_pingperf() {
  local current=${COMP_WORDS[COMP_CWORD]} candidate kind
  [[ $current != '=' ]] || current=''  # bash splits --format=json into three words
  _pingperf_files() {
    compopt -o filenames 2>/dev/null
    mapfile -t -O "${#COMPREPLY[@]}" COMPREPLY < <(compgen "$@" -- "$current")
  }
  COMPREPLY=()
  while IFS=$'\t' read -r candidate _; do
    case $candidate in
      :directories) _pingperf_files -d ;;
      :experiments) for kind in -d '-fX!*.yaml' '-fX!*.yml'; do _pingperf_files "$kind"; done ;;
      "$current"*) COMPREPLY+=("$candidate") ;;
    esac
  done < <("$1" complete -- "${COMP_WORDS[@]:1:COMP_CWORD}" 2>/dev/null)
  unset -f _pingperf_files
}
complete -F _pingperf pingperf
