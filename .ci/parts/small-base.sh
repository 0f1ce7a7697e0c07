# shellcheck shell=bash
# The small base image of the tests, for those that need a base with Ignition in it and not a whole Debian:
# $tools/small-ignition-base.tar, taken file by file out of the Debian base.

# What the recipes run, and what Ignition runs: systemctl, for units with `enabled: false`.
small_base_commands=(bash sh sort find rm mv cp cat ls ln mkdir chmod touch true env sleep stat readlink sed grep systemctl)

# Taken as they are, with what is below them.
small_base_paths=(etc/passwd etc/group etc/shadow etc/gshadow etc/nsswitch.conf etc/os-release usr/lib/os-release etc/debian_version
    etc/hostname etc/resolv.conf etc/systemd/system etc/systemd/system.conf etc/sysctl.d usr/lib/systemd/system-preset)

# Taken empty, with their owners and modes.
small_base_directories=(. bin sbin lib lib64 boot dev etc home media mnt opt proc root run srv sys tmp usr usr/bin usr/sbin usr/lib usr/lib64
    usr/local usr/local/bin usr/local/sbin usr/share var var/cache var/lib var/lib/systemd var/log var/tmp var/run var/lock etc/systemd)

# Units that a config may switch off, mask or extend.
small_base_units=(multi-user.target timers.target sysinit.target basic.target apt-daily.timer apt-daily.service
    systemd-timesyncd.service systemd-networkd.service getty@.service)

make_small_base() {
    local wanted debian=$work/debian small=$work/small list=$work/small.list
    wanted=$(recipe .ci/parts/small-base.sh "$(debian_base_recipe)")
    if is_made "$tools/small-ignition-base.tar" "$wanted"; then
        say small-base there
        return
    fi
    mkdir "$debian" "$small"
    tar -C "$debian" --numeric-owner -xpf "$tools/debian-ignition-base.tar"
    small_base_list "$debian" | sort -u > "$list"
    tar -C "$debian" --no-recursion -T "$list" -cf - | tar -C "$small" --numeric-owner -xpf -
    apply_a_config "$small"
    pack_root "$small" "$tools/small-ignition-base.tar" "$wanted"
    say small-base "$(megabytes "$tools/small-ignition-base.tar")"
    rm -rf "$debian" "$small"
}

# Every path of the small base, without a leading slash.
small_base_list() {
    local root=$1 name path
    printf '%s\n' "${small_base_directories[@]}"
    for path in "${small_base_paths[@]}"; do
        (cd "$root" && [ -e "$path" ] && find "$path")
    done
    for name in "${small_base_units[@]}"; do
        path=usr/lib/systemd/system/$name
        [ ! -e "$root/$path" ] || with_links "$root" "$path"
    done
    for name in "${small_base_commands[@]}"; do
        path=$(cd "$root" && compgen -G "usr/*bin/$name") || fail "the Debian base has no $name"
        program_files "$root" "$path"
    done
    program_files "$root" "$ignition_in_base"
}

# A program with its shared libraries, and the directories above them.
program_files() {
    local path
    with_links "$1" "$2"
    chroot "$1" ldd "/$2" 2> /dev/null | grep -o '/[^ ]*\.so[^ ]*' | while read -r path; do
        with_links "$1" "${path#/}"
    done
}

# with_links ROOT PATH: the file itself, every link on the way to it inside its directory, and the
# directories above it, all under the names they have where /bin and /lib are links into /usr.
with_links() {
    local root=$1 path directory
    directory=$(chroot "$root" readlink -f "/$(dirname "$2")")
    path=${directory#/}/$(basename "$2")
    parents "$path"
    printf '%s\n' "$path"
    if [ -L "$root/$path" ]; then
        case $(readlink "$root/$path") in
            /*) with_links "$root" "$(readlink "$root/$path" | cut -c 2-)" ;;
            *) with_links "$root" "$(dirname "$path")/$(readlink "$root/$path")" ;;
        esac
    fi
}

parents() {
    local directory=$1
    while directory=$(dirname "$directory") && [ "$directory" != . ]; do
        printf '%s\n' "$directory"
    done
}
