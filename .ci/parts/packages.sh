# shellcheck shell=bash
# Debian packages, by apt, and only those that are missing.

install_packages() {
    local installed name missing=()
    installed=$(dpkg-query -W -f '${Package} ${db:Status-Status}\n' "$@" 2> /dev/null || true)
    for name; do
        grep -qxF "$name installed" <<< "$installed" || missing+=("$name")
    done
    if [ ${#missing[@]} -gt 0 ]; then
        without_services apt_install "${missing[@]}"
        say packages "installed ${missing[*]}"
    else
        say packages "$# there"
    fi
}

apt_install() {
    export DEBIAN_FRONTEND=noninteractive
    quietly apt-get -o DPkg::Lock::Timeout=600 -q update
    quietly apt-get -o DPkg::Lock::Timeout=600 -q install -y --no-install-recommends "$@"
}

# The tests start their own registries; Debian's package would start one for all the world to push to.
# A policy-rc.d that answers 101 is Debian's way to say that nothing is to be started.
without_services() {
    local policy=/usr/sbin/policy-rc.d
    if [ -e "$policy" ]; then
        "$@"
        return
    fi
    temporary+=("$policy")
    printf '#!/bin/sh\nexit 101\n' > "$policy"
    chmod 0755 "$policy"
    "$@"
    rm -f "$policy"
}
