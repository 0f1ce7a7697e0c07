# shellcheck shell=bash
# The large base image of the tests: a Debian root with systemd and the newest Ignition, as
# $tools/debian-ignition-base.tar, a plain tar of a root file system.

readonly base_suite=bookworm

debian_base_recipe() {
    recipe .ci/parts/debian-base.sh .ci/parts/root.sh "$(ignition_recipe)"
}

# Both long parts, downloading Debian and compiling Ignition, run side by side.
make_ignition_and_debian_base() {
    local base=$tools/debian-ignition-base.tar wanted building began=$SECONDS
    wanted=$(debian_base_recipe)
    build_ignition &
    building=$!
    if is_made "$base" "$wanted"; then
        wait $building
        say debian-base there
        return
    fi
    bootstrap_debian "$work/root"
    wait $building
    finish_debian_root "$work/root"
    pack_root "$work/root" "$base" "$wanted"
    rm -rf "$work/root"
    say debian-base "$(megabytes "$base"), $((SECONDS - began)) s"
}

# bootstrap_debian ROOT: the packages as they are. In a mount namespace of its own, because debootstrap
# leaves its mounts behind when it is killed.
bootstrap_debian() {
    local mirror
    mirror=$(debian_mirror)
    quietly unshare --mount debootstrap --variant=minbase --include=systemd,passwd,ignition $base_suite "$1" "$mirror"
}

# The mirror that this machine's apt takes the suite from; Debian's own where it takes it from none.
debian_mirror() {
    local mirror
    # shellcheck disable=SC2016 # apt fills these in
    mirror=$(apt-get indextargets --format '$(REPO_URI) $(RELEASE) $(COMPONENT) $(LABEL)' 'Created-By: Packages' 2> /dev/null |
        awk -v suite=$base_suite '$2 == suite && $3 == "main" && $4 == "Debian" { print $1; exit }')
    printf '%s\n' "${mirror:-http://deb.debian.org/debian}"
}

# finish_debian_root ROOT: cleans it up, and puts the newest Ignition where the recipes look for it.
finish_debian_root() {
    local root=$1
    # What apt and dpkg left behind: downloads, indexes, logs.
    rm -rf "$root"/var/cache/apt/*.bin "$root"/var/cache/apt/archives/*.deb "$root"/var/lib/apt/lists/* \
        "$root"/var/log/{bootstrap,dpkg,alternatives}.log "$root"/var/log/apt/* "$root"/var/cache/ldconfig/*
    # What debootstrap took from this machine, and device nodes, which an image has no use for.
    : > "$root/etc/resolv.conf"
    echo localhost > "$root/etc/hostname"
    chmod 0644 "$root/etc/resolv.conf" "$root/etc/hostname"
    rm -rf "${root:?}"/dev/*
    install -m 0755 "$tools/bin/ignition" "$root/$ignition_in_base"
    apply_a_config "$root"
}
