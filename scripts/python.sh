#!/usr/bin/env bash
# Make .venv from requirements.lock and install the project's own wheel into it; without changes, only look.
set -euo pipefail
# shellcheck source=scripts/lib.sh
. "$(dirname -- "${BASH_SOURCE[0]}")/lib.sh"

venv="$root/.venv"
sources=(exporters forecasting actuators decision_engine prometheus tests/exporters/boards/constructed pyproject.toml README.md LICENSE)
export PIP_DISABLE_PIP_VERSION_CHECK=1 PIP_NO_INPUT=1

version_of() { "$1" -c 'import sys; print("%d.%d" % sys.version_info[:2])' 2>/dev/null; }

fits() { case "$1" in 3.11 | 3.12 | 3.13) return 0 ;; *) return 1 ;; esac; }

# Answers the first interpreter that fits, or says which were found.
choose_python() {
  local candidate version seen=""
  if [ -n "${PYTHON:-}" ]; then
    version=$(version_of "$PYTHON") || fail "PYTHON=$PYTHON cannot be run; name a Python 3.11, 3.12 or 3.13."
    fits "$version" || fail "PYTHON=$PYTHON is Python $version; edgeshift needs 3.11, 3.12 or 3.13."
    command -v -- "$PYTHON"
    return
  fi
  for candidate in python3 python3.11 python3.12 python3.13; do
    version=$(version_of "$candidate") || continue
    if fits "$version"; then
      command -v -- "$candidate"
      return
    fi
    seen="$seen $candidate is $version."
  done
  fail "no Python 3.11, 3.12 or 3.13 found.${seen} Install one (Debian 12 and 13: apt install python3 python3-venv) or name it: make PYTHON=/path/to/python3.12"
}

# Debian splits ensurepip off into a package of its own.
ensure_venv_module() {
  local python=$1 package
  "$python" -c 'import ensurepip, venv' >/dev/null 2>&1 && return 0
  package=python3-venv
  [ "$python" -ef /usr/bin/python3 ] || package="python$(version_of "$python")-venv"
  if on_debian && can_be_root; then
    say "Installing $package"
    scripts/apt.sh "$package"
  fi
  "$python" -c 'import ensurepip, venv' >/dev/null 2>&1 || fail "$python cannot make virtual environments; as root: apt install $package"
}

# Usable means: made at this very place (its scripts name it), with a fitting Python (PYTHON= if given), and pip works.
venv_is_usable() {
  local version
  [ -x "$venv/bin/python" ] && grep -qxF -- "$venv" <(sed -n 's/^command = .* -m venv \(--clear \)\{0,1\}//p' "$venv/pyvenv.cfg") || return 1
  version=$(version_of "$venv/bin/python") && fits "$version" || return 1
  [ -z "${PYTHON:-}" ] || [ "$version" = "$(version_of "$(choose_python)")" ] || return 1
  "$venv/bin/python" -m pip --version >/dev/null 2>&1
}

make_venv() {
  local python
  python=$(choose_python)
  ensure_venv_module "$python"
  say "Creating .venv with Python $(version_of "$python")"
  quietly "$python" -m venv --clear "$venv" || fail "$python could not create $venv"
}

# Whatever changes this text makes the dependencies be installed again.
lock_state() {
  printf '%s\n' "$venv"
  sha256sum <requirements.lock
  if [ -n "${PYTHON:-}" ]; then version_of "$PYTHON"; else sed -n 's/^version = \([0-9]*\.[0-9]*\).*/\1/p' "$venv/pyvenv.cfg" 2>/dev/null || true; fi
}

# Names count as well as contents, so that a removed file leaves the installed copy too.
source_state() {
  find "${sources[@]}" -type f -not -path '*/__pycache__/*' -print0 | LC_ALL=C sort -z | xargs -0 sha256sum
}

is_stamped() { [ -f "$venv/$1" ] && [ "$(cat -- "$venv/$1")" = "$2" ]; }

install_lock() {
  venv_is_usable || make_venv
  say "Installing the pinned dependencies (the first time this takes a minute or two)"
  rm -f -- "$venv/.edgeshift-wheel"
  quietly "$venv/bin/python" -m pip install --quiet --require-hashes -r requirements.lock ||
    fail "the pinned dependencies could not be installed; see above (no network? a proxy or index of your own belongs into pip's configuration)"
  lock_state >"$venv/.edgeshift-lock"
}

install_wheel() {
  say "Building and installing edgeshift"
  quietly "$venv/bin/python" -m pip install --quiet --no-deps --no-build-isolation --no-index --force-reinstall . ||
    fail "the project's own wheel could not be built; see above"
}

if [ -n "${PYTHON:-}" ]; then choose_python >/dev/null; fi
one_at_a_time
if ! is_stamped .edgeshift-lock "$(lock_state)" || [ ! -x "$venv/bin/python" ]; then install_lock; fi
state=$(source_state)
if ! is_stamped .edgeshift-wheel "$state" || [ ! -x "$venv/bin/edgeshift" ]; then
  install_wheel
  printf '%s\n' "$state" >"$venv/.edgeshift-wheel"
fi
