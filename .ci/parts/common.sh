# shellcheck shell=bash
# What every part of the setup uses: where things are kept, how they are put there, and how the setup speaks.
# To be sourced first, from the top of the repository, by a bash with -euo pipefail.

# Everything that is downloaded, built or made is kept here: outside target/, so that a clean clone finds it.
tools=${XDG_CACHE_HOME:-$HOME/.cache}/layerwright-tools
mkdir -p "$tools/bin"

# One setup at a time: whoever comes second waits, and finds everything done. What a setup starts holds the
# lock too, so that nothing of one that was killed is still at work when the next begins.
exec 9> "$tools/setup.lock"
flock 9

# Unfinished work lies here until it is renamed into place: on the same file system, so that renaming is
# atomic. What is there already was left by a setup that was killed.
rm -rf "$tools"/.work.*
work=$(mktemp -d "$tools/.work.XXXXXX")

# What is to be removed when the setup ends, however it ends.
temporary=("$work")
clean_up() {
    local jobs
    jobs=$(jobs -p)
    # shellcheck disable=SC2086 # several numbers
    [ -z "$jobs" ] || kill $jobs 2> /dev/null || true
    rm -rf "${temporary[@]}"
}
trap clean_up EXIT

# One line for each part: what is there now, and how long that took if it took any time.
say() {
    printf 'setup: %-22s %s\n' "$1" "$2"
}

fail() {
    printf 'setup: %s\n' "$*" >&2
    exit 1
}

# Runs a command with its output in a file, and shows the end of it only when the command fails.
quietly() {
    local log
    log=$(mktemp "$work/log.XXXXXX")
    "$@" > "$log" 2>&1 || {
        tail -n 40 "$log" >&2
        fail "this failed: $*"
    }
}

# The digest of what a part is made from: the files and words given.
recipe() {
    local word
    for word; do
        if [ -f "$word" ]; then cat "$word"; else printf '%s\n' "$word"; fi
    done | sha256sum | cut -d ' ' -f 1
}

# is_made FILE RECIPE: is FILE there, made by this recipe?
is_made() {
    [ -f "$1" ] && [ "$(cat "$1.recipe" 2> /dev/null)" = "$2" ]
}

# publish TEMPORARY FILE RECIPE: renames a finished file into place. The recipe comes last: whoever is
# killed in between makes the file again.
publish() {
    rm -f "$2.recipe"
    mv "$1" "$2"
    printf '%s\n' "$3" > "$work/recipe"
    mv "$work/recipe" "$2.recipe"
}
