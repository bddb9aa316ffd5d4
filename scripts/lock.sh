#!/usr/bin/env bash
# Pin every dependency of every extra, with hashes, for Python 3.11 to 3.13.
set -euo pipefail
# shellcheck source=scripts/lib.sh
. "$(dirname -- "${BASH_SOURCE[0]}")/lib.sh"

uv=${UV:-uv}
command -v -- "$uv" >/dev/null 2>&1 || fail "make lock needs uv, and «$uv» is not there: pip install uv, or name it: make lock UV=/path/to/uv"

say "Resolving"
"$uv" pip compile pyproject.toml --all-extras --group dev --universal --generate-hashes --python-version 3.11 \
  --no-header --no-emit-index-url -q -o requirements.lock
# An address in the lock would tie everyone to the index of whoever made it.
if grep -n '://' requirements.lock >&2; then
  fail "requirements.lock names the addresses above; take them out of uv's configuration and run make lock again"
fi
python3 scripts/image_pins.py >deploy/container/requirements.lock
say "requirements.lock pins $(grep -c '^[a-z0-9].*==' requirements.lock) packages"
