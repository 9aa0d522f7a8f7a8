#!/usr/bin/env bash
# Run the README's commands on a bare Debian, as an unprivileged user. Needs root and debootstrap; not in `make test`.
#   tests/repository/fresh_machine.sh SUITE [COMMAND]     e.g. trixie 'make env && make demo' (the default command)
# Environment variables:
#   FOLDER     where the system is created if it is missing (default: /var/tmp/fresh); the checkout is cloned each time
#   PACKAGES   packages in addition to those of the README, e.g. "gcc libc6-dev python3-dev" for Python 3.14
#   UV         path of uv, which is installed for the user; empty: no uv
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
# use this machine's host names, and its certificates, which may include a private certificate authority
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
