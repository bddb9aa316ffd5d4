#!/usr/bin/env bash
# See to it that Prometheus, promtool and Alertmanager are there: from the environment, on PATH, or from Debian.
set -euo pipefail
# shellcheck source=scripts/lib.sh
. "$(dirname -- "${BASH_SOURCE[0]}")/lib.sh"

by_hand="On Debian or Ubuntu run «apt install prometheus prometheus-alertmanager» as root; elsewhere let EDGESHIFT_PROMETHEUS, EDGESHIFT_PROMTOOL and EDGESHIFT_ALERTMANAGER name the three programs."

# present VARIABLE NAME…: the variable names a program, or one of the names is on PATH.
present() {
  local variable=$1 name
  shift
  if [ -n "${!variable:-}" ]; then
    command -v -- "${!variable}" >/dev/null 2>&1 || fail "$variable=${!variable} is not a program that can be run."
    return 0
  fi
  for name in "$@"; do
    command -v -- "$name" >/dev/null 2>&1 && return 0
  done
  return 1
}

missing_packages() {
  if ! present EDGESHIFT_PROMETHEUS prometheus || ! present EDGESHIFT_PROMTOOL promtool; then echo prometheus; fi
  if ! present EDGESHIFT_ALERTMANAGER prometheus-alertmanager alertmanager; then echo prometheus-alertmanager; fi
}

# Which of the two usual ports answer on this machine.
listening() {
  local port
  for port in 9090 9093; do
    if (exec 3<>"/dev/tcp/127.0.0.1/$port") 2>/dev/null; then printf '%s ' "$port"; fi
  done
}

missing=$(missing_packages)
[ -n "$missing" ] || exit 0
one_at_a_time
missing=$(missing_packages)
[ -n "$missing" ] || exit 0
mapfile -t packages <<<"$missing"
if ! on_debian || ! can_be_root; then fail "not found: ${packages[*]}. $by_hand"; fi

before=$(listening)
say "Installing ${packages[*]} from Debian (their services stay off)"
scripts/apt.sh "${packages[@]}"
missing=$(missing_packages)
[ -z "$missing" ] || fail "still not found after installing: ${missing//$'\n'/, }. $by_hand"
after=$(listening)
[ "$before" = "$after" ] || fail "a freshly installed service listens on port(s) $after; stop it: systemctl stop ${packages[*]}"
