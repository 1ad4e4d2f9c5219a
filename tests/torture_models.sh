#!/usr/bin/env bash
# Small models that ask for much: huge tensors, strides, pads, repeats. Each verb that looks at or runs one ends within ten
# seconds of the processor (two minutes of the clock, should it wait) and 1 GiB of address space, with success or with one sentence and exit code 1 or 2; never by a signal.
. "${SOURCE:-.}/tests/cli.sh"

# Sanitizers reserve terabytes of address space, so the memory limit is for ordinary builds.
limit=1048576
[ -z "${STRIA_SANITIZED:-}" ] && ! nm "$STRIA" 2>/dev/null | grep -q __asan_init || limit=unlimited

run_one() { # run_one WHAT WORDS…
    local what=$1 code
    shift
    (ulimit -t 10 -v "$limit"; exec timeout -s KILL 120 "$STRIA" "$@" --threads 1 >stdout 2>stderr </dev/null)
    code=$?
    case $code in
    0) ;;
    1 | 2)
        [ "$(grep -c '^stria: ' stderr)" -ge 1 ] || { fail "$what: stria $* exits with $code and says nothing"; head -n 3 stderr; } ;;
    *) fail "$what: stria $* ends with $code" ;;
    esac
}

models=0
model() { # model WHAT LINE…: a network of these statements
    local what=$1
    shift
    models=$((models + 1))
    { echo "stria-net 1"; printf '%s\n' "$@"; } >m.net
    run_one "$what" summary m.net
    run_one "$what" summary m.net --batch 1048576
    run_one "$what" explain m.net
    run_one "$what" explain m.net --batch 16
    run_one "$what" bench m.net --repeat 1
    run_one "$what" bench m.net --repeat 1 --train
    rm -f m.onnx
    run_one "$what" convert m.net m.onnx
    run_one "$what" run m.net --input x.npy --json
    run_one "$what" predict m.net x.pgm --top 100000
    run_one "$what" eval m.net --data npy:x.npy,y.npy
}
printf '\223NUMPY\001\000v\000%-117s\n' "{'descr': '<f4', 'fortran_order': False, 'shape': (1, 4), }" >x.npy
printf '\000\000\200\077\000\000\000\100\000\000\100\100\000\000\200\100' >>x.npy
printf '\223NUMPY\001\000v\000%-117s\n' "{'descr': '|u1', 'fortran_order': False, 'shape': (1,), }" >y.npy
printf '\000' >>y.npy
printf 'P5 2 2 255\nabcd' >x.pgm

huge=9223372036854775807 large=1099511627776 wide=2147483648
in4='x = input(batch x 4)' image='x = input(batch x 4 x 3 x 3)'

# Sizes
model "2^62 floats" "x = input(batch x 1 x $wide x $wide)" 'y = relu(x)' 'output(y)'
model "2^63 floats" "x = input(batch x $huge)" 'y = relu(x)' 'output(y)'
model "2^44 floats" 'x = input(batch x 4194304 x 4194304)' 'y = relu(x)' 'output(y)'
model "Expand" "$in4" "s = constant(int64, 4, [$wide, $wide, 1, 4])" 'y = Expand(x, s)' 'output(y)'
model "Expand to 2^40" "$in4" "s = constant(int64, 3, [268435456, 1, 4])" 'y = Expand(x, s)' 'output(y)'
model "Tile" "$in4" "s = constant(int64, 2, [$wide, $wide])" 'y = Tile(x, s)' 'output(y)'
model "Tile 2^38" "$in4" 's = constant(int64, 2, [1, 274877906944])' 'y = Tile(x, s)' 'output(y)'
model "ConstantOfShape" "$in4" "s = constant(int64, 2, [$wide, $wide])" 'c = ConstantOfShape(s)' 'y = Add(x, c)' 'output(y)'
model "ConstantOfShape 2^30" "$in4" 's = constant(int64, 2, [268435456, 4])' 'c = ConstantOfShape(s)' 'y = Add(x, c)' 'output(y)'
model "Range" "$in4" 'a = constant(float32, scalar, [0])' 'b = constant(float32, scalar, [1e30])' \
    'd = constant(float32, scalar, [1e-30])' 'c = Range(a, b, d)' 'y = Add(x, c)' 'output(y)'
model "OneHot" "$in4" 'i = Cast(x, to=7)' "n = constant(int64, scalar, [$large])" 'v = constant(float32, 2, [0, 1])' \
    'y = OneHot(i, n, v)' 'output(y)'
model "Reshape" "$in4" "s = constant(int64, 2, [$huge, -1])" 'y = Reshape(x, s)' 'output(y)'

# No elements, whatever the other dimensions are
none=("$image" 'b = constant(int64, 1, [0])' 'a = constant(int64, 1, [1])' 'z = Slice(x, b, b, a)')
model "Resize of nothing" "${none[@]}" 's = constant(int64, 4, [1, 0, 33554431, 33554431])' 'y = Resize(z, -, -, s, mode=cubic)' 'output(y)'
model "Resize of nothing, antialiased" "${none[@]}" 's = constant(int64, 4, [1, 0, 33554431, 33554431])' \
    'y = Resize(z, -, -, s, mode=linear, antialias=1)' 'output(y)'
model "Pad of nothing" "${none[@]}" "p = constant(int64, 8, [0, 0, $large, 0, 0, 0, $large, 7])" 'y = Pad(z, p, mode=edge)' 'output(y)'
model "Expand of nothing" "${none[@]}" "s = constant(int64, 5, [$large, 1, 0, 3, 3])" 'w = Expand(z, s)' 'output(w)'
model "Tile of nothing" "${none[@]}" "s = constant(int64, 4, [1, 1, $large, 1])" 'y = Tile(z, s)' 'r = ReduceSum(y)' 'output(r)'
model "Tile of nothing, sorted" "${none[@]}" "s = constant(int64, 4, [1, 1, $large, 1])" 'y = Tile(z, s)' 'k = constant(int64, 1, [1000])' \
    'v, i = TopK(y, k, axis=2)' 'output(v)'
for op in 'MaxPool(t, kernel_shape=[1,1])' 'AveragePool(t, kernel_shape=[1,3])' 'Softmax(t, axis=2)' 'Transpose(t, perm=[3,2,1,0])' \
    'ArgMax(t, axis=3)' 'ReduceMean(t, a)' 'LRN(t, size=3)' 'relu(t)' 'Concat(t, t, axis=2)' 'DepthToSpace(t, blocksize=1)' \
    'batch_norm(t)' 'flatten(t)' 'Gather(t, b, axis=2)'; do
    model "$op of nothing" "${none[@]}" "s = constant(int64, 4, [1, 1, $large, 1])" 't = Tile(z, s)' "y = $op" 'output(y)'
done

# Windows
for stride in 1500 100000 2000000000; do
    model "conv_transpose stride $stride" 'x = input(batch x 4 x 1 x 1)' "y = conv_transpose(x, 4, kernel=3, stride=$stride)" 'output(y)'
    model "conv_transpose of two, stride $stride" 'x = input(batch x 4 x 2 x 2)' \
        "y = conv_transpose(x, 4, kernel=3, stride=$stride)" 'output(y)'
    model "depthwise conv_transpose stride $stride" 'x = input(batch x 32 x 2 x 1)' \
        "y = conv_transpose(x, 32, kernel=3, stride=$stride, groups=32)" 'output(y)'
    model "conv stride $stride" "$image" "y = conv(x, 4, kernel=3, stride=$stride)" 'output(y)'
done
model "conv dilation" "$image" 'y = conv(x, 4, kernel=3, dilation=1073741824, padding=1073741824)' 'output(y)'
model "conv padding" "$image" 'y = conv(x, 4, kernel=3, padding=2000000000, stride=2000000000)' 'output(y)'
model "pool kernel" "$image" 'y = MaxPool(x, kernel_shape=[2000000000,2000000000], pads=[1000000000,1000000000,1000000000,1000000000])' 'output(y)'
model "pool padding" "$image" 'y = AveragePool(x, kernel_shape=[2,2], pads=[1,1,1,1], strides=[2000000000,2000000000])' 'output(y)'
model "lrn" "$image" 'y = lrn(x, 2000000001)' 'output(y)'

# Moves
for mode in constant edge reflect wrap; do
    model "Pad $mode" "$in4" "p = constant(int64, 4, [0, $large, 0, $large])" "y = Pad(x, p, mode=$mode)" 'output(y)'
    model "Pad $mode on three dimensions" 'x = input(batch x 2 x 2 x 2)' \
        'p = constant(int64, 8, [0, 9999, 9999, 9999, 0, 9999, 9999, 9999])' "y = Pad(x, p, mode=$mode)" 'output(y)'
done
model "Slice" "$in4" 's = constant(int64, 1, [0])' "e = constant(int64, 1, [$huge])" 'a = constant(int64, 1, [1])' \
    "t = constant(int64, 1, [$huge])" 'y = Slice(x, s, e, a, t)' 'output(y)'
model "Split" "$in4" 'y = Split(x, axis=1, num_outputs=2000000000)' 'output(y)'
model "TopK" "$in4" "k = constant(int64, 1, [$huge])" 'y, i = TopK(x, k)' 'output(y)'
model "DepthToSpace" "$image" 'y = DepthToSpace(x, blocksize=2147483647)' 'output(y)'
model "SpaceToDepth" "$image" 'y = SpaceToDepth(x, blocksize=2147483647)' 'output(y)'
model "Resize" "$image" 's = constant(float32, 4, [1, 1, 1e9, 1e9])' 'y = Resize(x, -, s)' 'output(y)'
model "Resize cubic" "$image" 'z = constant(int64, 4, [1, 4, 1, 1000000000])' 'y = Resize(x, -, -, z, mode=cubic)' 'output(y)'
model "Resize antialias" 'x = input(batch x 1 x 1 x 16777216)' 'z = constant(int64, 4, [1, 1, 1, 1])' \
    'y = Resize(x, -, -, z, mode=linear, antialias=1)' 'output(y)'
model "Gather" "$in4" "i = constant(int64, 2, [$huge, -$huge])" 'y = Gather(x, i, axis=1)' 'output(y)'
model "a million classes" "$in4" 'y = dense(x, 1000000)' 'output(y)'
# Of a million classes the 100,000 best, by one pass over a heap; to look for each of them among all would take 10^11 steps.
model "a million classes of a picture" 'x = input(batch x 1 x 2 x 2)' 'y = dense(x, 1000000)' 'output(y)'
run_one "100,000 of a million" predict m.net x.pgm --top 100000
[ "$(grep -c ' %' stdout)" = 100000 ] || { fail "predict --top 100000 shows $(grep -c ' %' stdout) classes"; head -n 3 stdout stderr; }
model "Dropout" "$in4" 'y = Dropout(x, seed=9223372036854775807)' 'output(y)'

# Many nodes: a chain, values that all live until the end, and one value that all read.
chain() { for ((i = 1; i <= $1; i++)); do echo "x$i = $2"; done | awk -v RS='\n' '{ gsub(/@p/, "x" (NR - 1)); print }'; }
model "a chain of 20,000" 'x0 = input(batch x 4)' "$(chain 20000 'sigmoid(@p)')" 'output(x20000)'
model "1,000 values at once" 'x0 = input(batch x 4)' "$(chain 1000 'sigmoid(x0)')" \
    "y = Concat($(seq -s, -f 'x%g' 1 1000), axis=1)" 'output(y)'

echo "$models models"
exit "$failed"
