#!/usr/bin/env bash
# Help, man page and completion all come from the same rows: every verb has them, with examples whose options exist.
. "${SOURCE:-.}/tests/cli.sh"

[ "$(verbs | wc -l)" -ge 10 ] || fail "stria --help lists fewer than ten verbs"
"$STRIA" --man >man || fail "--man"
"$STRIA" --completion bash >completion || fail "--completion bash"
bash -n completion || fail "the completion is no shell program"
for verb in $(verbs); do
    expect 0 "$verb" --help
    cp stdout help
    [ ! -s stderr ] || fail "$verb --help writes to stderr"
    expect 0 help "$verb"
    cmp -s stdout help || fail "help $verb differs from $verb --help"
    examples=$(sed -n '/^examples:/,$p' help | grep -c "stria $verb")
    [ "$examples" -ge 2 ] || fail "$verb --help shows $examples examples"
    for option in $(sed -n '/^examples:/,$p' help | grep "stria $verb" | sed 's/|.*//' | grep -oE -- ' --[a-z0-9-]+'); do
        grep -qE -- "^  $option( |\$)" help || fail "$verb: an example has $option, which is no option"
    done
    grep -qF "SS \"stria $verb\"" man || fail "$verb is not in the man page"
    for option in --json --threads --seed --device; do says help "  $option"; done
    says completion "    $verb)"
done
if command -v groff >/dev/null; then
    [ -z "$(groff -man -Tutf8 -Kutf8 -ww -z man 2>&1)" ] || { fail "groff warns:"; groff -man -Tutf8 -Kutf8 -ww -z man 2>&1 | head -n 5; }
fi

complete_words() { # complete_words WORDS…: what is proposed for the last one
    bash -c '. ./completion; COMP_WORDS=("$@"); COMP_CWORD=$(($# - 1)); _stria; echo "${COMPREPLY[*]}"' - "$@"
}
[ "$(complete_words stria ev)" = eval ] || fail "'ev' does not complete to eval"
[ "$(complete_words stria eval lenet5 --sp)" = --split ] || fail "'--sp' does not complete to --split"
[ "$(complete_words stria eval --split te)" = test ] || fail "'--split te' does not complete to test"
[ "$(complete_words stria train --data fash)" = fashion-mnist ] || fail "'--data fash' does not complete to fashion-mnist"

expect 0 --version
grep -qE '^stria [0-9]+\.[0-9]+\.[0-9]+$' stdout || fail "--version says $(cat stdout)"
expect 2
says stderr "usage: stria VERB"
[ ! -s stdout ] || fail "stria alone writes to stdout"
finish
