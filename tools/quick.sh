#!/bin/bash
# SPDX-License-Identifier: MIT
# Usage: tools/quick.sh [MESON-TEST-ARGUMENT...]
# The tests for the daily work: builds with gcc in build-quick/, runs the units (each 29th step of the long campaigns),
# and checks the headers. Takes less than two minutes on two CPUs, the first time too. Installs the Debian packages it
# lacks. `meson test` in another build directory does the same.
set -u -o pipefail
root=$(cd "$(dirname "${BASH_SOURCE[0]}")/.." && pwd) || exit 1
cd "$root" || exit 1
. tools/packages.sh
vpt_need_packages gcc g++ libc6-dev meson ninja-build pkg-config libcriterion-dev python3 || exit 1
[ -e build-quick/build.ninja ] || CC=gcc meson setup build-quick -Dtests=enabled >/dev/null || exit 1
meson test -C build-quick --print-errorlogs "$@"
