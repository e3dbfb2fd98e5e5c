#!/bin/bash
# SPDX-License-Identifier: MIT
# Usage: tools/sound.sh PROGRAM [OPTION...]
# Runs the suite on the sound device of QEMU 10 (tests/device/qemu_sound.c), which QEMU 7.2 of Debian 12 lacks: PROGRAM
# is vpt-sound-tests of a build, with its options. Unpacks QEMU 10 from bookworm-backports into build-sound/, or into
# the directory that VPT_SOUND_DIR names. If it cannot be fetched, says in a line SKIP that nothing was run.
set -u -o pipefail
root=$(cd "$(dirname "${BASH_SOURCE[0]}")/.." && pwd) || exit 1
work=$(realpath -m "${VPT_SOUND_DIR:-$root/build-sound}")
# shellcheck source=tools/qemu10.sh
. "$root/tools/qemu10.sh"

mkdir -p "$work" || exit 1
if ! vpt_unpack_qemu10 "$work" qemu-system-{x86,common,data} seabios; then
    printf 'SKIP\tsound device\tnot run: QEMU 10 cannot be fetched\n'
    exit 0
fi
vpt_use_qemu10 "$work"
qemu-system-x86_64 --version | head -n 1
exec "$root/tools/suite.sh" "$@"
