#!/bin/bash
# SPDX-License-Identifier: MIT
# Usage: tools/stand-in.sh DIRECTORY COMPILER [EMULATOR...]
# Builds the stand-in for Criterion (tests/foreign/) in DIRECTORY, where Meson then finds it as a package named
# criterion. It serves where Debian has no Criterion for the CPU, and with sanitizers, which take longer to start than
# most tests take: it forks where Criterion starts the program again. It has to report failing tests before its word
# counts, with a process for each case and with one for many.
set -u -o pipefail
root=$(cd "$(dirname "${BASH_SOURCE[0]}")/.." && pwd) || exit 1
cd "$root" || exit 1
. tools/limit.sh
work=$1
emulator=("${@:3}")
compiler=("$2" -std=c11 -O2 -Itests/foreign
    -Wall -Wextra -Wconversion -Wsign-conversion -Werror)

mkdir -p "$work" || exit 1
"${compiler[@]}" -c tests/foreign/runner.c -o "$work/runner.o" &&
    "${compiler[@]}" tests/foreign/self.c "$work/runner.o" -o "$work/self" || exit 1
for cases in 1 32; do
    vpt_limit 6 "${emulator[@]}" "$work/self" --cases="$cases" >"$work/self.log" 2>&1
    [ "$(tail -n 1 "$work/self.log")" = "[====] Synthesis: Tested: 10 | Passing: 3 | Failing: 4 | Crashing: 3" ] || {
        cat "$work/self.log"
        printf 'FAIL\tthe stand-in for Criterion is wrong with --cases=%s: %s\n' "$cases" "$vpt_ended"
        exit 1
    }
done
cat >"$work/criterion.pc" <<END
Name: criterion
Description: stand-in
Version: 2.4.1
Cflags: -I$root/tests/foreign
Libs: $work/runner.o
END
