#!/bin/sh
# Our schema of the ONNX format against the standard's own, as Debian's libonnx-dev installs it: every field that we name has
# the standard's number, repetition and type; messages that could contain themselves are bytes, which are the same on the wire.
set -eu

ours=${SOURCE:-.}/src/model/onnx/onnx.proto
standard=
for f in /usr/include/onnx/onnx-ml.proto /usr/include/onnx/onnx.proto; do
    if [ -z "$standard" ] && [ -f "$f" ]; then standard=$f; fi
done
if [ -z "$standard" ]; then
    echo "skipped: there is no /usr/include/onnx/onnx.proto (package libonnx-dev)"
    exit 77
fi

# Lines "Message.field label type number packed" of a .proto file; members of a oneof count as optional.
fields() {
    sed 's|//.*||; s/\[packed *= *true\]/PACKED/' "$1" | awk '
    { gsub(/[{};]/, " & ") }
    /reserved|option |syntax|package/ { next }
    {
        for (i = 1; i <= NF; i++) {
            if ($i == "message" || $i == "enum" || $i == "oneof") { kind[depth + 1] = $i; name[depth + 1] = $(i + 1) }
            else if ($i == "{") depth++
            else if ($i == "}") { kind[depth] = ""; depth-- }
            else if ($i == "=" && kind[depth] != "enum") {
                path = ""
                for (d = 1; d <= depth; d++) if (kind[d] == "message") path = path name[d] "."
                label = ($(i - 3) == "repeated") ? "repeated" : "optional"
                print path $(i - 1), label, $(i - 2), $(i + 1), ($(i + 2) == "PACKED") ? "packed" : "plain"
            } else if ($i == "=" && kind[depth] == "enum") {
                path = ""
                for (d = 1; d <= depth; d++) path = path name[d] "."
                print path $(i - 1), "enum", "value", $(i + 1), "plain"
            }
        }
    }' | sort
}

temporary=$(mktemp -d)
trap 'rm -rf "$temporary"' EXIT

compare() { # compare OURS: one line per difference; fails if there is one
    fields "$1" >"$temporary/ours"
    fields "$standard" >"$temporary/standard"
    [ "$(wc -l <"$temporary/ours")" -gt 90 ] || { echo "only $(wc -l <"$temporary/ours") fields found in $1"; return 1; }
    awk 'NR == FNR { label[$1] = $2; type[$1] = $3; number[$1] = $4; packed[$1] = $5; next }
        !($1 in number) && $1 ~ /^(NodeProto|FunctionProto)[.]overload$|^FunctionProto[.]attribute_proto$/ { next } # newer than Debian
        !($1 in number) { print $1 " is not in the standard"; failed = 1; next }
        number[$1] != $4 || label[$1] != $2 || packed[$1] != $5 {
            print $1 ": " $2 " " $4 " " $5 ", the standard says " label[$1] " " number[$1] " " packed[$1]; failed = 1
        }
        type[$1] != $3 && !($3 == "bytes" && type[$1] ~ /^[A-Z]/) {
            print $1 ": " $3 ", the standard says " type[$1]; failed = 1
        }
        END { exit failed }' "$temporary/standard" "$temporary/ours"
}

# The comparison must notice a wrong number, type and label.
for change in 's/raw_data = 9/raw_data = 16/' 's/int64 ir_version/int32 ir_version/' 's/repeated NodeProto node/optional NodeProto node/' \
    's/double_data = 10 \[packed = true\]/double_data = 10/' 's/GRAPH = 5/GRAPH = 6/'; do
    sed "$change" "$ours" >"$temporary/changed.proto"
    if compare "$temporary/changed.proto" >/dev/null; then
        echo "not noticed: $change"
        exit 1
    fi
done
compare "$ours"

# No message of ours may contain itself, since the decoder recurses: following message types must end.
fields "$ours" | awk '$2 != "enum" && $3 ~ /^[A-Z]/ { split($1, part, "."); uses[part[1] " " $3] = 1; seen[part[1]] = 1; seen[$3] = 1 }
    END {
        for (round = 0; round < 20; round++)
            for (a in seen) for (b in seen) for (c in seen) if ((a " " b) in uses && (b " " c) in uses) uses[a " " c] = 1
        for (a in seen) if ((a " " a) in uses) { print a " contains itself"; failed = 1 }
        exit failed
    }'
echo "$(wc -l <"$temporary/ours") fields agree with $standard"
