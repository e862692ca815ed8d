#!/bin/bash
# The OpenSSH server for the tests of outboxes on SFTP. The machine's own program is used where there is one;
# else the package's files are unpacked into $TOOLS/openssh. Nothing is installed, no service is started or
# enabled: a test runs the program itself, on a free loopback port.
source "$(dirname "$0")/common.sh"

unpacked="$TOOLS/openssh"
if [ -x /usr/sbin/sshd ] || [ -x "$unpacked/usr/sbin/sshd" ]; then exit 0; fi
command -v apt-get > /dev/null || fail "no /usr/sbin/sshd and this is no Debian" "install the OpenSSH server"

draft="$(mktemp -d "$TOOLS/openssh.XXXXXX")"
trap 'rm -rf "$draft"' EXIT
mkdir "$draft/debs"

download() ( # the package and what it needs that this machine lacks
    cd "$draft/debs"
    needed="$(apt-get -qq --print-uris --no-install-recommends install openssh-server)" || return 1
    # shellcheck disable=SC2046
    apt-get -qq -o APT::Sandbox::User=root download $(awk '{ sub(/_.*/, "", $2); print $2 }' <<< "$needed") >&2
)

say "unpacking openssh-server into $unpacked (apt-get download)"
if ! download 2> "$draft/log"; then
    as_root "refresh the list of packages" "apt-get update"
    download || fail "openssh-server could not be downloaded; the lines above say why"
fi
for package in "$draft"/debs/*.deb; do dpkg -x "$package" "$draft/files"; done
libraries="$(find "$draft/files" -name '*.so*' -printf '%h:' | sed 's/:$//')"
if LD_LIBRARY_PATH="$libraries" find "$draft/files/usr" -name 'sshd*' -type f -perm -u+x -exec ldd {} + |
    grep 'not found' >&2; then
    fail "the unpacked sshd lacks the libraries above" "apt-get install -y openssh-server"
fi
rm -rf "$unpacked"
mv "$draft/files" "$unpacked"
say "sshd is in $unpacked/usr/sbin/sshd"
