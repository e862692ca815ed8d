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

apt_install() { # packages; uses root or passwordless sudo, else says what to run
    local command="apt-get update && apt-get install -y --no-install-recommends $*"
    command -v apt-get > /dev/null || fail "need $* and this is no Debian" "install the like of: $*"
    say "installing $* (apt-get)"
    if [ "$(id -u)" = 0 ]; then
        DEBIAN_FRONTEND=noninteractive sh -c "$command" >&2 || fail "apt-get could not install $*" "$command"
    elif sudo -n true 2> /dev/null; then
        sudo -n env DEBIAN_FRONTEND=noninteractive sh -c "$command" >&2 || fail "apt-get could not install $*" "sudo sh -c '$command'"
    else
        fail "need $* and may not install it" "sudo sh -c '$command'"
    fi
}
