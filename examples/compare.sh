# For the comparisons beside it: `. "$(dirname "$0")/../compare.sh"`. STRIA is the command, DATA the sources (as of --data),
# LIMIT the most images of each split (0: all), OUT the folder.
set -eu
stria=${STRIA:-stria}

# compare NAME WORDS…: `stria train WORDS…`, a grid of trainings, for each of $DATA, into $OUT/NAME-DATA; without a NAME into
# $OUT/DATA. Run again, it goes on where it stopped.
compare() {
    folder=$OUT/${1:+$1-}
    shift
    for data in $DATA; do
        echo "== ${data%%:*}"
        "$stria" train "$@" --data "$data" --limit "$LIMIT" --out "$folder${data%%:*}"
    done
}
