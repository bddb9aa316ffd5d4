#!/usr/bin/env bash
# Remove what make and its tools have made; what a lab recorded stays.
set -euo pipefail
# shellcheck source=scripts/lib.sh
. "$(dirname -- "${BASH_SOURCE[0]}")/lib.sh"

rm -rf -- .venv build dist .mypy_cache .ruff_cache .pytest_cache .hypothesis .import_linter_cache
find . -path ./.git -prune -o -type d -name __pycache__ -prune -exec rm -rf -- {} +
say "Clean"
