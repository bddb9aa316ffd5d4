#!/usr/bin/env bash
# Run the quick tests side by side, then the thorough ones and every property again with more cases, then those with real parts one after the other; arguments go to all (-k, a path is not one).
set -euo pipefail
# shellcheck source=scripts/lib.sh
. "$(dirname -- "${BASH_SOURCE[0]}")/lib.sh"

none_collected=5
python="$root/.venv/bin/python"
# One thread each: the arrays of a test are small, and threads that wait for each other make them slow.
export OMP_NUM_THREADS=1 OPENBLAS_NUM_THREADS=1
# Tests with their assertions rewritten are kept as bytecode: else every worker compiles all of them anew, for some five seconds.
unset PYTHONDONTWRITEBYTECODE

run() {
  local code=0
  "$python" -m pytest "$@" || code=$?
  [ "$code" -eq 0 ] || [ "$code" -eq "$none_collected" ] || exit "$code"
  [ "$code" -eq "$none_collected" ] || ran=yes
}

ran=
run tests --ignore=tests/real --ignore=tests/cluster -q -n auto --dist worksteal -m "not thorough" "$@"
run tests --ignore=tests/real --ignore=tests/cluster -q -n auto --dist worksteal -m "thorough or hypothesis" --hypothesis-profile=thorough "$@"
run tests/real -v "$@"
[ -n "$ran" ] || exit "$none_collected"
