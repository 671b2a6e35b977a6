# What a machine does when it starts, and each time it starts again. Above this line
# stand: SECONDS_LEFT, DELETE (a command that deletes the machines), BUCKET (or nothing).
set -uo pipefail

state=${STATE_FOLDER:-/var/lib/jaxgen}
mkdir -p "$state"

# The deadline counts from the first start; a restart does not renew it.
[ -s "$state/deadline" ] || echo $(($(date +%s) + SECONDS_LEFT)) > "$state/deadline"
left=$(($(cat "$state/deadline") - $(date +%s)))
[ "$left" -gt 1 ] || left=1
# Where the deletion is refused ten times, the machine at least goes off.
printf '#!/bin/bash\nfor _ in 1 2 3 4 5 6 7 8 9 10; do\n%s && break\nsleep 30\ndone\nshutdown -h now\n' \
    "$DELETE" > "$state/delete.sh"
systemd-run --unit=jaxgen-deadline --on-active="${left}s" /bin/bash "$state/delete.sh"

# The bucket is a folder that all machines see and that outlives them.
if [ -n "$BUCKET" ]; then
    if ! command -v gcsfuse > /dev/null; then
        source=https://packages.cloud.google.com/apt
        curl -fsSL $source/doc/apt-key.gpg -o /usr/share/keyrings/gcsfuse.asc
        echo "deb [signed-by=/usr/share/keyrings/gcsfuse.asc] $source gcsfuse-$(lsb_release -cs) main" \
            > /etc/apt/sources.list.d/gcsfuse.list
        apt-get update -qq && apt-get install -y -qq gcsfuse
    fi
    mkdir -p /mnt/jaxgen
    mountpoint -q /mnt/jaxgen || gcsfuse -o allow_other --implicit-dirs \
        --file-mode=666 --dir-mode=777 --metadata-cache-ttl-secs=0 "${BUCKET#gs://}" /mnt/jaxgen
fi
