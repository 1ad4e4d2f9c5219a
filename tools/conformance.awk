# Lines of cases (source, case, operators, status, reason, who ran what; tabs between) into docs/conformance.md.
# First file: reasons that are allowed; second: names of the sources in order; then the lines.
function fit(reason,    i) {
    for (i = 1; i <= reasons; i++) if (reason ~ pattern[i]) return called[i]
    return ""
}

# "gemm_implicit, reference" of one operator; what it is made of, for composites
function implementations(op, ran,    n, i, part, p) {
    n = split(ran, part, " ")
    for (i = 1; i <= n; i++) {
        split(part[i], p, ":")
        sub(/\+.*/, "", p[1])
        if (p[1] == op && !seen_by[op, p[2]]++) by[op] = by[op] (by[op] == "" ? "" : ", ") p[2]
        else if (p[1] != op && p[1] != "Cast" && !part_of[op, p[1]]++) made_of[op] = made_of[op] (made_of[op] == "" ? "" : ", ") p[1]
    }
}

function add_reason(op, text) {
    if (!said[op, text]++) why[op] = why[op] (why[op] == "" ? "" : "; ") text
}

BEGIN {
    if (beside != "" && (getline runtime < beside) > 0)
        while ((getline line < beside) > 0) { split(line, t, "\t"); other[t[1], t[2]] = t[3] }
}

FNR == 1 { file++ }
file == 1 { if ($0 !~ /^#/) { pattern[++reasons] = $1; called[reasons] = $2; if ($3 == "left out") out[$2] = 1 } next }
file == 2 { source[++sources] = $0; next }

{
    from = $1; status = $4; reason = $5
    op = $3 ~ / / ? ($2 ~ /_expanded/ ? "~functions written out" : "~several operators") : $3
    if (op == "") op = "~no operator"
    ops[op] = 1
    count[op, from, status]++; all[from, status]++; total[from]++
    theirs = other[from, $2] == "passed"
    count[op, from, "theirs"] += theirs; all[from, "theirs"] += theirs
    kind = status == "refused" ? fit(reason) : ""
    if (!(kind in out)) {
        fair++
        fair_ours += status == "passed"; fair_theirs += theirs
        family_ours[op] += status == "passed"; family_theirs[op] += theirs
    }
    if (status == "passed") { if (op !~ /^~/) implementations(op, $6); next }
    gsub(/\|/, "\\|", reason)
    if (kind != "") { add_reason(op, kind); why_count[kind]++; next }
    faults[++fault_count] = from ", " $2 ": " status ", " reason
    add_reason(op, "**" status "**: " reason)
}

END {
    print "# Conformance with ONNX's own test cases\n"
    print "Written by `make conformance`. A case passes if it does, within ONNX's tolerances (relative 1e-3, absolute 1e-7), in every"
    print "way: on every instruction set (here: " isas "), with and without the optimising passes, with one thread and"
    print "with two (equal bits), on every implementation that takes the operator, and by the float64 reference. Refused: Stria"
    print "says in a sentence why it does not run the model.\n"
    for (i = 1; i <= sources; i++)
        printf "%s: %d cases; %d passed, %d failed, %d refused.\n", source[i], total[source[i]], all[source[i], "passed"], all[source[i], "failed"], all[source[i], "refused"]
    if (runtime != "") {
        print "\n" runtime " ran the same cases, with the same tolerances, once. Leaving out what Stria does not set out to do (under"
        printf "\"Refused\"), Stria passes %d of %d (%.1f %%), %s %d (%.1f %%).\n", fair_ours, fair, 100 * fair_ours / fair, runtime, fair_theirs, 100 * fair_theirs / fair
    }
    printf "\n| operator |"
    for (i = 1; i <= sources; i++) printf " %s: passed | failed | refused |%s", source[i], runtime != "" ? " by ONNX Runtime |" : ""
    print " ran on | why refused |"
    printf "| --- |"
    for (i = 1; i <= sources; i++) printf " ---: | ---: | ---: |%s", runtime != "" ? " ---: |" : ""
    print " --- | --- |"
    m = 0
    for (op in ops) sorted[++m] = op
    for (i = 2; i <= m; i++) { # by insertion: a hundred and fifty names
        x = sorted[i]
        for (j = i - 1; j > 0 && sorted[j] > x; j--) sorted[j + 1] = sorted[j]
        sorted[j + 1] = x
    }
    for (k = 1; k <= m; k++) {
        op = sorted[k]
        label = op
        sub(/^~/, "", label)
        printf "| %s |", label
        for (i = 1; i <= sources; i++) {
            printf " %d | %d | %d |", count[op, source[i], "passed"], count[op, source[i], "failed"], count[op, source[i], "refused"]
            if (runtime != "") printf " %d |", count[op, source[i], "theirs"]
        }
        made = by[op] == "" && made_of[op] != "" ? "made of " made_of[op] : by[op]
        printf " %s | %s |\n", made, why[op]
    }
    if (runtime != "") {
        print "\n## Where ONNX Runtime passes more\n"
        print "Of the cases that are not left out:\n"
        none = 1
        for (k = 1; k <= m; k++) {
            op = sorted[k]
            if (family_theirs[op] <= family_ours[op]) continue
            label = op
            sub(/^~/, "", label)
            print "- " label ": " family_theirs[op] " by " runtime ", " family_ours[op] " by Stria" (why[op] == "" ? "" : " (" why[op] ")")
            none = 0
        }
        if (none) print "Nowhere."
    }
    print "\n## Tolerances wider than ONNX's\n"
    none = 1
    while ((getline line < tolerances) > 0) if (line !~ /^#/) {
        split(line, t, "\t")
        print "- `" t[1] "`: relative " t[2] ", absolute " t[3] ": " t[4]
        none = 0
    }
    if (none) print "None."
    print "\n## Refused\n"
    for (i = 1; i <= reasons; i++) if (called[i] in why_count) {
        print "- " called[i] ": " why_count[called[i]] (called[i] in out ? ", left out" : "")
        delete why_count[called[i]]
    }
    for (kind in why_count) print "- " kind ": " why_count[kind]
    if (fault_count) {
        print "\n## Faults\n"
        for (i = 1; i <= fault_count; i++) print "- " faults[i]
    }
    printf "\n"
    for (i = 1; i <= sources; i++) { p += all[source[i], "passed"]; f += all[source[i], "failed"]; r += all[source[i], "refused"] }
    printf "%d cases in all: %d passed, %d failed, %d refused.\n", p + f + r, p, f, r
    exit fault_count > 0
}
