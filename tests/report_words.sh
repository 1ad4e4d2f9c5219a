#!/bin/sh
# Every phrase that a report says has its Chinese, and the table has no phrase that nobody says.
set -eu
cd "${SOURCE:-.}/src"
said=$(mktemp) known=$(mktemp)
trap 'rm -f "$said" "$known"' EXIT
sed -n 's/^    {"\([^"]*\)", .*/\1/p' report/words.c | LC_ALL=C sort -u >"$known"
failed=0
while IFS= read -r phrase; do
    grep -rqF -- "\"$phrase\"" report/page*.c cli/report*.c cli/compare_runs.c cli/runs_picture.c cli/grid*.c || grep -rqF -- "\">$phrase\"" report/page*.c ||
        { echo "report/words.c: nobody says '$phrase'"; failed=1; }
done <"$known"
grep -hoE '(page_word\(p,|page_section\(o, p, "[a-z]*",|tile(_count|_share)?\(o, p,|fact\(r,|words\(language,) "[^"]*"' report/page*.c cli/report*.c cli/compare_runs.c cli/runs_picture.c cli/grid*.c |
    sed 's/.*"\([^"]*\)"$/\1/' | LC_ALL=C sort -u >"$said"
[ "$(wc -l <"$said")" -ge 40 ] || { echo "only $(wc -l <"$said") phrases were found"; failed=1; }
while IFS= read -r phrase; do
    grep -qxF -- "$phrase" "$known" || { echo "report/words.c lacks '$phrase'"; failed=1; }
done <"$said"
exit $failed
