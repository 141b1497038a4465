# shellcheck shell=bash
# Installs packages with apt. Sourced by scripts/test.
# shellcheck disable=SC2154 # scripts/lib/parts.sh sets where logs are

as_root() {
    if [ "$(id -u)" -eq 0 ]; then
        "$@"
    elif [ -t 0 ]; then
        sudo "$@"
    else
        sudo -n "$@"
    fi
}

# Installs without starting what is installed: its default ports are not ours to take, now or after the next start of the
# machine.
install_packages() {
    command -v apt-get >/dev/null || return 1
    if [ "$(id -u)" -ne 0 ] && ! command -v sudo >/dev/null; then
        echo "not installed, as that takes root or sudo: $*"
        return 1
    fi
    echo "installing with apt, not started: $*"
    local policy=/usr/sbin/policy-rc.d ours=no rc=0 package
    if [ ! -e $policy ]; then
        ours=yes
        printf '#!/bin/sh\nexit 101\n' | as_root tee $policy >/dev/null && as_root chmod 755 $policy || return 1
    fi
    apt_install "$@" >"$logs/apt.log" 2>&1 ||
        { as_root apt-get update >>"$logs/apt.log" 2>&1 && apt_install "$@" >>"$logs/apt.log" 2>&1; } || rc=$?
    [ $ours = no ] || as_root rm -f $policy
    if [ $rc -ne 0 ]; then
        echo "apt could not install them:"
        tail -n 5 "$logs/apt.log"
    elif [ -d /run/systemd/system ]; then
        for package in "$@"; do
            as_root systemctl disable "$package" >>"$logs/apt.log" 2>&1 || true
        done
    fi
    return $rc
}

apt_install() {
    as_root env DEBIAN_FRONTEND=noninteractive apt-get install -y --no-install-recommends "$@"
}
