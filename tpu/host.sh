#!/bin/bash
# What a launcher asks of a machine: bash host.sh VERB FOLDER [ARGUMENTS...]
# The folder of a job holds code/, venv/, log, pid and, once it has ended, code.txt.
# pid holds a number and when that process began, as the number may be another's by now.
set -euo pipefail
verb=$1
folder=$(cd "$2" && pwd)
shift 2

# When a process began, in ticks since the machine did; nothing where there is none.
began() {
    local line
    { read -r line < "/proc/$1/stat"; } 2> /dev/null || return 0
    set -- ${line##*) }
    echo "${20}"
}

# Whether any process of the program's group lives; the dead that nobody asked after do not.
alive() {
    [ -f "$folder/pid" ] || return 1
    local group then now line state
    read -r group then < "$folder/pid"
    now=$(began "$group")
    [ -z "$now" ] || [ "$now" = "$then" ] || return 1 # another process has the number
    for file in /proc/[0-9]*/stat; do
        { read -r line < "$file"; } 2> /dev/null || continue
        read -r state _ line _ <<< "${line##*) }"
        [ "$line" = "$group" ] && [ "$state" != Z ] && return 0
    done
    return 1
}

case $verb in
install) # EXTRA [MOUNT PLACE]: Python and the pinned packages; runs/ is at a place there
    extra=$1 shared=${2:-} place=${3:-}
    export PATH=$HOME/.local/bin:$PATH
    command -v uv > /dev/null || curl -LsSf https://astral.sh/uv/install.sh | sh
    [ -d "$folder/venv" ] || uv venv --quiet --python 3.12 "$folder/venv" \
        || uv venv --quiet "$folder/venv" # where no other Python can be had
    lock=$("$folder/venv/bin/python" -c '
import sys
assert sys.version_info >= (3, 11), f"Python {sys.version}: expected 3.11 or newer"
print("py3.11" if sys.version_info < (3, 12) else "py3.12")')
    sed -E 's/ +--hash=[^ ]+//; s/ \\$//' "$folder/code/locks/$lock.txt" > "$folder/pins"
    uv pip install --quiet --python "$folder/venv" -c "$folder/pins" "$folder/code[$extra]"
    if [ -n "$shared" ]; then
        for _ in $(seq 120); do mountpoint -q "$shared" && break || sleep 5; done
        mountpoint -q "$shared" || { echo "$shared is not mounted" >&2; exit 1; }
        mkdir -p "$shared/$place"
        ln -sfn "$shared/$place" "$folder/code/runs"
    else
        mkdir -p "$folder/runs"
        ln -sfn "$folder/runs" "$folder/code/runs"
    fi
    "$folder/venv/bin/python" -c '
import sys
from importlib.metadata import distributions
there = {one.name: one.version for one in distributions()}
told = [f"{name} {there[name]}" for name in ("jax", "libtpu") if name in there]
print("installed:", ", ".join((f"Python {sys.version.split()[0]}", *told)))'
    ;;
within) # UNTIL COMMAND...: ended at the second UNTIL since 1970
    left=$(($1 - $(date +%s)))
    shift
    [ "$left" -gt 0 ] || { echo "the deadline is past" >&2; exit 1; }
    export JOB_FOLDER=$folder
    exec timeout --foreground --preserve-status --kill-after=120 "$left" "$@"
    ;;
start) # UNTIL COMMAND...: as within, in the background
    bash "$0" stop "$folder"
    rm -f "$folder/code.txt"
    setsid bash -c '
        script=$1 folder=$2
        shift 2
        cd "$folder/code"
        bash "$script" within "$folder" "$@" &
        child=$!
        trap "kill -TERM $child" TERM # once: who is asked twice does not wait
        while true; do
            wait "$child"
            code=$?
            kill -0 "$child" 2> /dev/null || break
        done
        echo "$code" > "$folder/code.draft"
        mv "$folder/code.draft" "$folder/code.txt"
    ' start "$(realpath "$0")" "$folder" "$@" >> "$folder/log" 2>&1 < /dev/null &
    echo "$! $(began $!)" > "$folder/pid"
    ;;
code) # code= the exit code; running; or none, where nothing was started
    if [ -f "$folder/code.txt" ]; then
        code=$(cat "$folder/code.txt")
    elif alive; then
        code=running
    elif [ -f "$folder/pid" ]; then
        sleep 1 # it may be about to tell
        code=$(cat "$folder/code.txt" 2> /dev/null || echo 137) # it died without a word
    else
        code=none
    fi
    echo "code=$code"
    ;;
logs) # LINES [follow]
    tail -n "$1" ${2:+-F} "$folder/log"
    ;;
profile) # asks the program for a trace, which it writes into runs/
    touch "$folder/profile"
    ;;
stop) # asks, then insists
    if alive; then
        read -r group _ < "$folder/pid"
        kill -TERM "$group" || true
        for _ in $(seq "${GRACE:-60}"); do
            for _ in 1 2 3 4 5; do
                alive || exit 0
                sleep 0.2
            done
        done
        kill -KILL -- "-$group" || true
    fi
    ;;
*)
    echo "host.sh $verb: expected install, start, code, logs, profile or stop" >&2
    exit 1
    ;;
esac
