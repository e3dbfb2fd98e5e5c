#!/bin/bash
# SPDX-License-Identifier: MIT Checks the pages, and what they say about the tree. Prints one line a check, fields
# tab-separated, PASS or FAIL first; exits non-zero on any failure.
#
#   format      the files look as .editorconfig says (tools/gate-format.sh)
#   arrows      calls and includes in src/ go one way (tools/gate-arrows.py)
#   pictures    docs/layers.svg and docs/hypervisor.svg are what tools/pictures.py draws
#   lines       docs/hypervisor.md says how long its parts are (tools/gate-lines.py)
#   clauses     docs/clauses.tsv has each clause of the specification that code and tests name (tools/gate-clauses.py)
#   readme      the C code of README.md compiles and links, with gcc and with clang, and runs without a device
#   ... page    the C code of docs/recovery.md and docs/assignment.md compiles; the program of docs/mock.md also runs
set -u -o pipefail
root=$(cd "$(dirname "${BASH_SOURCE[0]}")/.." && pwd) || exit 1
cd "$root" || exit 1
. tools/packages.sh
. tools/limit.sh
vpt_need_packages gcc clang libc6-dev python3 git || exit 1
work=$(mktemp -d) || exit 1
trap 'rm -rf "$work"' EXIT
failed=0

tools/gate-format.sh || failed=1
tools/gate-arrows.py || failed=1
tools/pictures.py --check || failed=1
tools/gate-lines.py || failed=1
tools/gate-clauses.py || failed=1

code() # page file: the C code printed in the page
{
    sed -n '/^```c$/,/^```$/{/^```/d;p}' "$1" >"$2"
    [ -s "$2" ] || { printf 'FAIL\treadme\tno code found in %s\n' "$1"; exit 1; }
}

code README.md "$work/readme.c"
code docs/mock.md "$work/mock.c"
code docs/recovery.md "$work/recovery.c"
code docs/assignment.md "$work/assignment.c"
# The call that a kernel would make.
cat >>"$work/readme.c" <<'END'
int main(void);
int main(void)
{
    static uint32_t slot[0x80];
    static unsigned char buffer[VPT_BLK_SECTOR_SIZE];

    /* No device: the magic value is wrong. */
    return first_sector(slot, buffer) == VPT_DEVICE_MAGIC ? 0 : 1;
}
END
for compiler in gcc clang; do
    vpt_ended=
    # shellcheck disable=SC2046 # one path a word
    if "$compiler" -std=c11 -O2 -Wall -Wextra -Wconversion -Wsign-conversion -Werror -Wno-missing-prototypes \
        -Iinclude -Iport "$work/readme.c" port/{cf8,direct,page_pool,x86_io}.c $(cat sources/*.list) \
        -o "$work/readme" &&
        vpt_limit 1 "$work/readme"; then
        printf 'PASS\treadme\t%s\n' "$compiler"
    else
        printf 'FAIL\treadme\t%s\t%s\n' "$compiler" "$vpt_ended"
        failed=1
    fi
    for page in recovery assignment; do
        if "$compiler" -std=c11 -O2 -Wall -Wextra -Wconversion -Wsign-conversion -Werror -Iinclude -Iport \
            -c "$work/$page.c" -o "$work/$page.o"; then
            printf 'PASS\t%s page\t%s\n' "$page" "$compiler"
        else
            printf 'FAIL\t%s page\t%s\n' "$page" "$compiler"
            failed=1
        fi
    done
    vpt_ended=
    # shellcheck disable=SC2046
    if "$compiler" -std=c11 -Wall -Wextra -Wconversion -Wsign-conversion -Werror \
        -Iinclude -Itests/mock "$work/mock.c" tests/mock/*.c $(cat sources/*.list) -o "$work/mock" &&
        vpt_limit 1 "$work/mock" >"$work/log" 2>&1 && grep -qx '0 wrong' "$work/log"; then
        printf 'PASS\tmock page\t%s\n' "$compiler"
    else
        cat "$work/log"
        printf 'FAIL\tmock page\t%s\t%s\n' "$compiler" "$vpt_ended"
        failed=1
    fi
done
lines=$(sed -n '/^static bool keep_waiting/,/^```$/p' README.md | wc -l)
printf 'INFO\treadme\t%d lines from the first function on\n' "$lines"
exit "$failed"
