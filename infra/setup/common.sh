# Where set-up puts things and how it talks; sourced by the other scripts of this folder.
# Everything lands under $CREDITLAKE_TOOLS (default: var/tools of this clone), so removing that folder
# undoes it. Only apt-get, asked for what the machine lacks, changes the machine itself.
set -euo pipefail

ROOT="$(cd "$(dirname "${BASH_SOURCE[0]}")/../.." && pwd)"
TOOLS="${CREDITLAKE_TOOLS:-$ROOT/var/tools}"
export PATH="$TOOLS/bin:$PATH"
mkdir -p "$TOOLS/bin"

say() { printf 'setup: %s\n' "$*" >&2; }

fail() { # what is missing, then the command that cures it
    printf 'setup: %s\n' "$1" >&2
    [ $# -gt 1 ] && printf '  run: %s\n  then the same command again\n' "$2" >&2
    exit 1
}

as_root() { # what for, command line; by root or passwordless sudo, else says what to run
    local command="export DEBIAN_FRONTEND=noninteractive; $2"
    if [ "$(id -u)" = 0 ]; then
        sh -c "$command" >&2 || fail "could not $1" "$2"
    elif sudo -n true 2> /dev/null; then
        sudo -n sh -c "$command" >&2 || fail "could not $1" "sudo sh -c '$2'"
    else
        fail "may not $1" "sudo sh -c '$2'"
    fi
}

apt_install() { # packages
    command -v apt-get > /dev/null || fail "need $* and this is no Debian" "install the like of: $*"
    say "installing $* (apt-get)"
    as_root "install $*" "apt-get update && apt-get install -y --no-install-recommends $*"
}
