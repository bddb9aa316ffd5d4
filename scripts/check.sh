#!/usr/bin/env bash
# Run every static check, show what failed, and fail if one did.
set -euo pipefail
# shellcheck source=scripts/lib.sh
. "$(dirname -- "${BASH_SOURCE[0]}")/lib.sh"

bin="$root/.venv/bin"
promtool=${EDGESHIFT_PROMTOOL:-promtool}
failed=()

step() {
  local name=$1 output
  shift
  if output=$("$@" 2>&1); then
    printf '✓ %s\n' "$name"
  else
    printf '✗ %s\n%s\n' "$name" "$output"
    failed+=("$name")
  fi
}

step "format (ruff format)" "$bin/ruff" format --check .
step "lint (ruff check)" "$bin/ruff" check .
step "types (mypy --strict)" "$bin/mypy"
step "import directions (import-linter)" "$bin/lint-imports" --no-logo
step "Prometheus configuration and rules (promtool)" "$promtool" check config prometheus/prometheus.yml
step "house rules, contract and documentation (pytest)" "$bin/python" -m pytest -q tests/contract
if command -v shellcheck >/dev/null 2>&1; then
  step "shell scripts (shellcheck)" shellcheck -x scripts/*.sh .ci/run
fi

if [ "${#failed[@]}" -gt 0 ]; then
  printf '\n%d of the checks failed: %s\n' "${#failed[@]}" "$(printf '%s; ' "${failed[@]}")" >&2
  exit 1
fi
