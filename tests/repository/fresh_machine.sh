#!/usr/bin/env bash
# The README's commands on a bare Debian, as a user without root. Needs root and debootstrap; not part of `make test`.
#   tests/repository/fresh_machine.sh SUITE [COMMAND]     e.g. trixie 'make env && make demo' (which is the default)
# The system lies below FOLDER (default: /var/tmp/fresh) and is made if it is not there; the checkout in it is made
# anew, of what is committed here. Other variables:
#   PACKAGES   installed besides those that the README asks for, e.g. "gcc libc6-dev python3-dev" for Python 3.14
#   UV         the program uv, to be found by the user; empty: there is none
set -euo pipefail
suite=$1
command=${2:-make env && make demo}
repository=$(cd "$(dirname "$0")/../.." && pwd)
root=${FOLDER:-/var/tmp/fresh}/$suite
packages=python3,python3-venv,git,make,ca-certificates

if [ ! -d "$root/home" ]; then
    mirror=$(cat /etc/apt/sources.list /etc/apt/sources.list.d/* 2>/dev/null |
        sed -nE 's/^(URIs:|deb( \[[^]]*\])?) *(https?:[^ ]*debian\/?)( .*)?$/\3/p' | head -1)
    script=/usr/share/debootstrap/scripts/$suite
    [ -e "$script" ] || script=/usr/share/debootstrap/scripts/sid
    debootstrap --variant=minbase --include="$packages" "$suite" "$root" "$mirror" "$script"
fi
# names, and certificates of an authority of one's own, as on this machine
cp -L /etc/resolv.conf /etc/hosts "$root/etc/"
cp -L /etc/ssl/certs/ca-certificates.crt "$root/etc/ssl/certs/"
[ -z "${PACKAGES-}" ] || {
    # a mirror may lag behind the date by which its lists expire
    chroot "$root" apt-get -o Acquire::Check-Valid-Until=false update -q
    # shellcheck disable=SC2086 # several words
    chroot "$root" apt-get install -y -q --no-install-recommends $PACKAGES
}
rm -f "$root/usr/local/bin/uv"
[ -z "${UV-}" ] || install "$UV" "$root/usr/local/bin/uv"
chroot "$root" id researcher &>/dev/null || chroot "$root" useradd --create-home researcher
rm -rf "$root/home/researcher"
mkdir "$root/home/researcher"
git clone -q --no-hardlinks "$repository" "$root/home/researcher/codecfake"
chroot "$root" chown -R researcher: /home/researcher

printf 'cd ~/codecfake\n%s\n' "$command" >"$root/run.sh"
settings=(HOME=/home/researcher USER=researcher PATH=/usr/local/bin:/usr/bin:/bin LANG=C.UTF-8
    SSL_CERT_FILE=/etc/ssl/certs/ca-certificates.crt
    ${http_proxy:+http_proxy="$http_proxy"} ${https_proxy:+https_proxy="$https_proxy"})
# mounts of its own, which end with it
unshare --mount bash -euc '
    root=$1
    shift
    mount -t proc proc "$root/proc"
    mount --bind /dev "$root/dev"
    time chroot --userspec=researcher:researcher "$root" /usr/bin/env -i "$@" bash -eu /run.sh
' - "$root" "${settings[@]}"
du -sm "$root/home/researcher/codecfake/.venv" "$root/home/researcher/.cache" "$root/home/researcher/codecfake/results" \
    2>/dev/null | sed "s#$root##; s#\t# MB\t#" || true
