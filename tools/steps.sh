# SPDX-License-Identifier: MIT
# Sourced by check.sh: the table of all steps, one line each:
#
#     step NAME SECONDS NEEDS COMMAND...
#
# SECONDS say how long a step takes on an idle computer: seconds of CPUs, or of time if it mostly waits; check.sh prints
# both. A step that takes ten times as long is ended. NEEDS names the steps that have to pass before it, with commas
# between; - means none. A step fails if its command exits non-zero. check.sh shows the synthesis of each step that has
# one in its log.

# Usage: builds NAME NEEDS COMPILER SECONDS TARGETS MESON-OPTION...: the steps NAME-setup and NAME-compile
builds() {
    local name=$1 after=$2 compiler=$3 compiling=$4 targets=$5
    shift 5
    step "$name-setup" 3 "$after" env CC="$compiler" meson setup "$build/$name" -Dtests=enabled "$@"
    # shellcheck disable=SC2086 # one target a word
    step "$name-compile" "$compiling" "$name-setup" ninja -C "$build/$name" $targets
}

# Usage: units NAME SECONDS STRIDE: the units of a build. Of the long campaigns each STRIDEth step is done; all other
# tests run whole.
units() {
    step "$1" "$2" "$1-compile" env VPT_TEST_STRIDE="$3" tools/suite.sh "$build/$1/tests/unit/vpt-tests" --color=never
}

# Usage: devices NAME SECONDS: the suite on QEMU's devices, of a build.
devices() {
    step "$1-devices" "$2" "$1-compile" tools/suite.sh "$build/$1/tests/device/vpt-device-tests" --color=never
}

# Both compilers check undefined behaviour, since each finds other faults. Addresses are checked with clang alone.
undefined=(-Db_sanitize=undefined -Db_lundef=false -Dc_args='-fno-sanitize-recover=all -fno-omit-frame-pointer'
    -Doptimization=1 -Ddebug=true -Dpkg_config_path="$build/stand-in")
sanitized=(-Db_sanitize=address,undefined "${undefined[@]:1}")
step stand-in 3 - tools/stand-in.sh "$build/stand-in" gcc

# Only gcc builds the suite on QEMU's devices without sanitizers.
builds gcc - gcc 95 all -Dbuildtype=debugoptimized
units gcc 60 1
devices gcc 60
# A library that is built for small code takes other paths through the queues (VPT_FOR_SPEED).
builds clang - clang 70 tests/unit/vpt-tests -Dbuildtype=minsize
units clang 40 5
builds gcc-undefined stand-in gcc 80 tests/unit/vpt-tests "${undefined[@]}"
units gcc-undefined 70 5
builds clang-sanitized stand-in clang 90 all "${sanitized[@]}"
units clang-sanitized 60 19
devices clang-sanitized 115
step s390x 250 - env VPT_TEST_STRIDE=41 tools/suite.sh tools/suite-s390x.sh
step i386 130 - env VPT_TEST_STRIDE=19 tools/suite.sh tools/suite-i386.sh
step threads 60 - tools/threads.sh
step explorer 180 - env VPT_EXPLORER_DIR="$build/explorer" tools/explorer.sh

step proof-queue 310 - tools/proof.sh queue
step proof-requests 420 - tools/proof.sh requests
step proof-pci 250 - tools/proof.sh PCI

step headers 60 - tools/gate-headers.sh
step readme 30 - tools/gate-readme.sh
step contexts 1 - tools/contexts.py --check
# The next two steps use the same objects.
export VPT_OBJECTS=$build/objects
step freestanding 260 - tools/gate-freestanding.sh
step size 90 - tools/size.sh
step bench 60 - tools/bench.sh
step embedding 80 - tools/gate-embedding.sh
step wakeup 70 - env VPT_WAKEUP_DIR="$build/wakeup" tools/wakeup.sh
export VPT_SOUND_DIR=$build/sound
step demo 230 - tools/demo.sh
# After the demo, which has fetched and unpacked what these need.
step gcc-sound 15 gcc-compile,demo tools/sound.sh "$build/gcc/tests/device/vpt-sound-tests" --color=never
step appliance 60 demo bash -c 'tools/appliance.sh load && tools/appliance.sh browser'
