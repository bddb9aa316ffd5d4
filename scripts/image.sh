#!/usr/bin/env bash
# Build the device image (exporter and bridge) with podman, buildah or docker from the project's own wheel.
#   ARCH=arm64 | amd64   for which boards (default: this machine's; another one needs qemu-user-static and binfmt)
#   BASE=image           what it runs on, BUILDER=image what installs (see deploy/container/Containerfile)
#   TAG=name:tag         default localhost/edgeshift-device:VERSION-ARCH
#   OFFLINE=DIR          take the dependencies' wheels from this folder, and nothing from the network
#   ENGINE, ENGINE_ARGS  the program to build with, and words of its own for it (--isolation chroot, --storage-driver vfs)
set -euo pipefail
# shellcheck source=scripts/lib.sh
. "$(dirname -- "${BASH_SOURCE[0]}")/lib.sh"

context="$root/build/image"

choose_engine() {
  local candidate
  for candidate in ${ENGINE:+"$ENGINE"} podman buildah docker; do
    if command -v -- "$candidate" >/dev/null 2>&1; then
      printf '%s\n' "$candidate"
      return
    fi
    [ -z "${ENGINE:-}" ] || fail "ENGINE=$ENGINE is not a program that can be run."
  done
  fail "an image needs podman, buildah or docker, and none is there; on Debian or Ubuntu: apt install podman"
}

own_arch() {
  case "$(uname -m)" in
    x86_64) echo amd64 ;;
    aarch64) echo arm64 ;;
    *) fail "$(uname -m) is neither amd64 nor arm64; no image is built for it." ;;
  esac
}

# The wheel lies beside those of the dependencies, and of ours there is no older one.
make_context() {
  rm -rf -- "$context"
  mkdir -p -- "$context"
  [ -z "${OFFLINE:-}" ] || cp -- "$OFFLINE"/*.whl "$context/" || fail "OFFLINE=$OFFLINE holds no wheels; fill it with pip download."
  build_wheel "$context" >/dev/null
}

engine=$(choose_engine)
arch=${ARCH:-$(own_arch)}
case "$arch" in amd64 | arm64) ;; *) fail "ARCH=$arch is neither amd64 nor arm64." ;; esac
version=$(sed -n 's/^version = "\(.*\)"$/\1/p' pyproject.toml)
tag=${TAG:-localhost/edgeshift-device:$version-$arch}

one_at_a_time
say "Building the wheel"
make_context
.venv/bin/python scripts/image_pins.py >deploy/container/requirements.lock

arguments=(build --file deploy/container/Containerfile --platform "linux/$arch" --tag "$tag"
  --build-arg "VERSION=$version" --build-arg "REVISION=$(git rev-parse HEAD 2>/dev/null || echo unknown)")
[ -z "${BASE:-}" ] || arguments+=(--build-arg "BASE=$BASE")
[ -z "${BUILDER:-}" ] || arguments+=(--build-arg "BUILDER=$BUILDER")
[ -z "${OFFLINE:-}" ] || arguments+=(--build-arg PIP_NO_INDEX=1)
# Only docker's own format keeps a health check, and docker finds the ignore file by itself.
[ "$engine" = docker ] || arguments+=(--format docker --ignorefile deploy/container/.containerignore)
read -r -a extra <<<"${ENGINE_ARGS:-}"

say "Building $tag with $engine"
"$engine" "${arguments[@]}" "${extra[@]}" "$root" >&2 || fail "$engine could not build the image; see above"
say "Built $tag; run it as docs/deploying.md says"
printf '%s\n' "$tag"
