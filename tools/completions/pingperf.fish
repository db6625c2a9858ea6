# Completion of pingperf in fish. `pingperf complete -- WORDS` prints the candidates.
function __pingperf_complete
    set -l words (commandline -opc) "$(commandline -ct)"
    set -l option (string match -r -- '^--[^=]*=' $words[-1])  # of --format=json
    set -l value (string replace -- "$option" '' $words[-1])
    for candidate in ($words[1] complete -- $words[2..-1] 2>/dev/null)
        switch $candidate
            case :experiments
                printf "$option%s\n" (__fish_complete_suffix $value .yaml)
            case :directories
                printf "$option%s\n" (__fish_complete_directories $value)
            case '*'
                printf "$option%s\n" $candidate
        end
    end
end
complete -c pingperf -f -k -a '(__pingperf_complete)'
