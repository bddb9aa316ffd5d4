#!/usr/bin/env bash
# Build the project's own wheel into dist/, for machines that install edgeshift without a checkout; takes nothing from the network.
set -euo pipefail
# shellcheck source=scripts/lib.sh
. "$(dirname -- "${BASH_SOURCE[0]}")/lib.sh"

one_at_a_time
say "Building the wheel"
wheel=$(build_wheel dist)
say "Install it as docs/deploying.md says; its dependencies are pinned in deploy/container/requirements.lock"
printf '%s\n' "$wheel"
