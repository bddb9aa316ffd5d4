#!/usr/bin/env bash
# Install Debian packages named on the command line without starting any daemon that they bring.
set -euo pipefail
# shellcheck source=scripts/lib.sh
. "$(dirname -- "${BASH_SOURCE[0]}")/lib.sh"

policy=/usr/sbin/policy-rc.d
put_policy=no

# Debian asks this file before a package's script starts a service; 101 means «not allowed».
forbid_daemons() {
  if [ ! -e "$policy" ]; then
    printf '#!/bin/sh\nexit 101\n' | as_root tee "$policy" >/dev/null
    as_root chmod 755 "$policy"
    put_policy=yes
  fi
}

allow_daemons() {
  if [ "$put_policy" = yes ]; then
    as_root rm -f -- "$policy"
    put_policy=no
  fi
}

install_packages() {
  as_root env DEBIAN_FRONTEND=noninteractive RUNLEVEL=1 \
    apt-get -o DPkg::Lock::Timeout=300 -qq -y --no-install-recommends install "$@"
}

# Also not at the next boot: what was forbidden above is only the start at installation.
disable_daemons() {
  local package
  for package in "$@"; do
    [ -e "/lib/systemd/system/$package.service" ] || [ -e "/etc/init.d/$package" ] || continue
    if command -v systemctl >/dev/null 2>&1; then
      as_root systemctl disable "$package.service" >/dev/null 2>&1 || true
    elif command -v update-rc.d >/dev/null 2>&1; then
      as_root update-rc.d "$package" disable >/dev/null 2>&1 || true
    fi
  done
}

trap allow_daemons EXIT
trap 'exit 130' INT TERM
forbid_daemons
# Old or no package lists are the usual reason for a first failure.
if ! install_packages "$@" >/dev/null 2>&1; then
  quietly as_root apt-get -o DPkg::Lock::Timeout=300 -qq update || fail "apt-get update failed; install by hand: $*"
  quietly install_packages "$@" || fail "apt-get could not install: $*"
fi
disable_daemons "$@"
