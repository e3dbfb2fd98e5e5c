# SPDX-License-Identifier: MIT
# Sourced by check.sh: everything that it tests, a line a step:
#
#     step NAME SECONDS NEEDS COMMAND...
#
# SECONDS are those of CPUs that it takes on an idle computer, or of time where it waits; check.sh prints both. Ten
# times as long may pass before it is ended as hanging. NEEDS are the steps that have to pass before it, with commas
# between, or -. What exits non-zero has failed; what runs under tools/suite.sh has its synthesis shown at the end.

# Usage: builds NAME COMPILER SECONDS TARGETS MESON-OPTION...: the steps NAME-setup and NAME-compile
builds() {
    local name=$1 compiler=$2 compiling=$3 targets=$4
    shift 4
    step "$name-setup" 3 - env CC="$compiler" meson setup "$build/$name" -Dtests=enabled "$@"
    # shellcheck disable=SC2086 # one target a word
    step "$name-compile" "$compiling" "$name-setup" ninja -C "$build/$name" $targets
}

# Usage: units NAME SECONDS STRIDE: those of a build. The campaigns among them run whole where they are quickest; in
# other builds each so manyth step of them is done, and every other test whole.
units() {
    step "$1" "$2" "$1-compile" env VPT_TEST_STRIDE="$3" tools/suite.sh "$build/$1/tests/unit/vpt-tests" --color=never
}

# Usage: devices NAME SECONDS: the suite on QEMU's devices.
devices() {
    step "$1-devices" "$2" "$1-compile" tools/suite.sh "$build/$1/tests/device/vpt-device-tests" --color=never
}

# Each compiler has its own idea of undefined behaviour; of addresses, whose sanitizer takes longer to start than most
# tests to run, one is enough.
undefined=(-Db_sanitize=undefined -Db_lundef=false -Dc_args='-fno-sanitize-recover=all -fno-omit-frame-pointer')
sanitized=(-Db_sanitize=address,undefined "${undefined[@]:1}")

# What one compiler sees of the devices' and the threads' suites it need not see twice.
builds gcc gcc 95 all -Dbuildtype=debugoptimized
units gcc 60 1
devices gcc 60
# A small library takes ways of its own through the queues (VPT_FOR_SPEED).
builds clang clang 70 tests/unit/vpt-tests -Dbuildtype=minsize
units clang 60 1
builds gcc-undefined gcc 80 tests/unit/vpt-tests "${undefined[@]}" -Ddebug=true -Doptimization=1
units gcc-undefined 70 3
builds clang-sanitized clang 60 all "${sanitized[@]}" -Dbuildtype=debug
units clang-sanitized 310 9
devices clang-sanitized 115
step s390x 250 - env VPT_TEST_STRIDE=7 tools/suite.sh tools/suite-s390x.sh
step i386 130 - env VPT_TEST_STRIDE=9 tools/suite.sh tools/suite-i386.sh
step threads 60 - tools/threads.sh

step proof-queue 240 - tools/proof.sh queue
step proof-requests 260 - tools/proof.sh requests
step proof-pci 415 - tools/proof.sh PCI

step headers 60 - tools/gate-headers.sh
step readme 30 - tools/gate-readme.sh
step contexts 1 - tools/contexts.py --check
# These two have objects in common.
export VPT_OBJECTS=$build/objects
step freestanding 300 - tools/gate-freestanding.sh
step size 50 - tools/size.sh
step bench 35 - tools/bench.sh
step embedding 80 - tools/gate-embedding.sh
step wakeup 60 - env VPT_WAKEUP_DIR="$build/wakeup" tools/wakeup.sh
step demo 90 - tools/demo.sh
