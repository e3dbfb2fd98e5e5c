#!/bin/bash
# SPDX-License-Identifier: MIT
# Checks that the files of git, but PNG pictures, look as .editorconfig says: UTF-8, lines that end with LF, a final
# newline, no blanks at the end of a line, no tab but in Makefiles and tables, no line of more than 120 characters but
# in pages, tables and pictures; that C and C++ look as .clang-format says; and that no two sources outside examples/
# have the same name. Prints a line for each problem, and PASS or FAIL at the end, with tabs between the fields; exits
# with 1 on a problem.
set -u -o pipefail
export LC_ALL=C.UTF-8
root=$(cd "$(dirname "${BASH_SOURCE[0]}")/.." && pwd) || exit 1
cd "$root" || exit 1
. tools/packages.sh
vpt_need_packages git clang-format || exit 1

# Usage: lines WHAT PATTERN PATHSPEC...: the lines that match are problems
lines() {
    local what=$1 pattern=$2
    shift 2
    git grep -nI -P "$pattern" -- "$@" | awk -v "what=$what" -F : '{ print "FAIL\tformat\t" $1 ":" $2 ": " what }'
}

problems=$(
    git ls-files -z -- ':!*.png' | while IFS= read -r -d '' file; do
        [ -s "$file" ] || continue
        [ -z "$(tail -c 1 "$file")" ] || printf 'FAIL\tformat\t%s: no newline at the end\n' "$file"
        iconv -f utf-8 -t utf-8 <"$file" >/dev/null 2>&1 || printf 'FAIL\tformat\t%s: not UTF-8\n' "$file"
    done
    lines 'a carriage return' '\r' .
    lines 'blanks at the end' '[ \t]$' . ':!*.tsv'
    lines 'a tab' '\t' . ':!*.tsv' ':!*Makefile'
    lines 'more than 120 characters' '^.{121}' . ':!*.tsv' ':!*.md' ':!*.svg'
    git ls-files {include,src,port,tests,bench}'/*.[ch]' | sed 's,.*/,,' | sort | uniq -d |
        awk '{ print "FAIL\tformat\t" $0 ": more than one file has this name" }'
    git ls-files -z '*.c' '*.h' '*.cpp' | xargs -0 clang-format --dry-run 2>&1 |
        sed -n 's/: warning: code should be clang-formatted.*/: not as clang-format writes it/p' |
        awk '{ print "FAIL\tformat\t" $0 }'
)
[ -z "$problems" ] || { printf '%s\n' "$problems"; printf 'FAIL\tformat\n'; exit 1; }
printf 'PASS\tformat\t%d files\n' "$(git ls-files | wc -l)"
