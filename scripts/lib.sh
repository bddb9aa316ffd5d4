# What the set-up scripts share: where the project is, how they speak, how they become root.
# shellcheck shell=bash

root=$(cd -- "$(dirname -- "${BASH_SOURCE[0]}")/.." && pwd -P)
cd -- "$root" || exit 1

# On standard error: what a program behind a target prints on standard output may be read by another program.
say() { printf '• %s\n' "$*" >&2; }

fail() {
  printf 'edgeshift: %s\n' "$*" >&2
  exit 1
}

# Run a noisy command silently; when it fails, show the end of what it said.
quietly() {
  local log
  log=$(mktemp)
  if "$@" >"$log" 2>&1; then
    rm -f -- "$log"
    return 0
  fi
  tail -n 25 -- "$log" >&2
  rm -f -- "$log"
  return 1
}

# One set-up at a time: a second `make` waits for the first and then finds everything done. The lock is on this very file.
one_at_a_time() {
  command -v flock >/dev/null 2>&1 || return 0
  exec 9<scripts/lib.sh
  if ! flock --nonblock 9; then
    say "Another make is setting up here; waiting for it"
    flock 9
  fi
}

on_debian() { command -v apt-get >/dev/null 2>&1 && command -v dpkg >/dev/null 2>&1; }

can_be_root() { [ "$(id -u)" -eq 0 ] || { command -v sudo >/dev/null 2>&1 && sudo -n true 2>/dev/null; }; }

as_root() {
  if [ "$(id -u)" -eq 0 ]; then "$@"; else sudo -n "$@"; fi
}

# Build our own wheel, offline, into a folder; older ones there go, so that only this one can be installed. Answers its path.
build_wheel() {
  local folder=$1 wheels
  mkdir -p -- "$folder"
  rm -f -- "$folder"/edgeshift-*.whl
  quietly .venv/bin/python -m pip --disable-pip-version-check wheel --quiet --no-deps --no-build-isolation --no-index --wheel-dir "$folder" . ||
    fail "the project's own wheel could not be built; see above"
  wheels=("$folder"/edgeshift-*.whl)
  printf '%s\n' "${wheels[0]}"
}
