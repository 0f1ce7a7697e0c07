# shellcheck shell=bash
# What is done with a root file system that is to be a base image.

# Where the recipes look for Ignition, and where Debian's package and CoreOS have it.
readonly ignition_in_base=usr/lib/dracut/modules.d/30ignition/ignition

# The base is of no use if its Ignition does not start in it (a library that is missing, for one): try,
# with a config of a version that Debian's own Ignition does not know and that changes nothing.
apply_a_config() {
    printf '{"ignition":{"version":"3.5.0"}}' > "$1/config.ign"
    # shellcheck disable=SC2016 # for the inner shell
    quietly env -i container=oci PATH=/usr/sbin:/usr/bin chroot "$1" \
        /bin/bash -c 'exec -a ignition-apply "/$0" --ignore-unsupported /config.ign' $ignition_in_base
    rm "$1/config.ign"
}

# pack_root ROOT FILE RECIPE: a root file system as one plain tar, in a stable order.
pack_root() {
    tar -C "$1" --format=gnu --sort=name --numeric-owner -cf "$work/root.tar" .
    publish "$work/root.tar" "$2" "$3"
}

megabytes() {
    printf '%s MB' "$(($(stat -c %s "$1") / 1000000))"
}
