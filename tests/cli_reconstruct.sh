#!/usr/bin/env bash
# Networks that give pictures back: trained, resumed, judged, compared, swept, and what is not for them. With MNIST the
# mean square error of unseen digits falls far below that of the mean picture, 0.067.
. "${SOURCE:-.}/tests/cli.sh"
digits data
cat >auto.net <<'NET'
stria-net 1
image = input(batch x 1 x 28 x 28)
c1 = conv(image, 8, kernel=3, stride=2, padding=1)
r1 = relu(c1)
c2 = conv_transpose(r1, 1, kernel=4, stride=2, padding=1)
y = sigmoid(c2)
output(y)
NET
sed 's/kernel=4, stride=2, padding=1/kernel=3, stride=2, padding=1/' auto.net >small.net
sed 's/^y = .*/y = tanh(c2)/' auto.net >tanh.net
common=(auto.net --data mnist:data --batch 50 --optimizer adam --lr 0.01 --schedule constant --augment "crop pad 1, noise 0.2")

refuses() { # CODE TEXT ARGUMENTS
    local code=$1 text=$2
    shift 2
    expect "$code" "$@"
    says stderr "$text"
}

# The output's shape says the goal. In two parts the training has the bits of the whole, in the middle of an epoch too.
expect 0 train "${common[@]}" --epochs 3 --out whole --json
for key in '"val_psnr":' '"test_psnr":' '"measure":"psnr"'; do says stdout "$key"; done
says whole/results.csv "kind,step,epoch,loss,psnr,val_loss,val_psnr,lr,seconds"
says whole/metrics.jsonl '"val_psnr": '
says whole/options.json '"goal": "reconstruct"'
says whole/options.json '"loss": "squared_error"'
expect 0 train "${common[@]}" --goal reconstruct --steps 15 --out parts --threads 1
says stderr "goal reconstruct"
says stderr " dB ("
says stdout "100 images: PSNR "
expect 0 train --resume parts --epochs 3
for file in model.onnx best.onnx; do cmp -s parts/$file whole/$file || fail "a training in two parts has another $file"; done
grep -q "PSNR (dB)" whole/report.html || fail "the report has no curve of the PSNR"
first=$(sed -n 's/^epoch,[0-9]*,1,\([^,]*\),.*/\1/p' whole/results.csv)
last=$(sed -n 's/^epoch,[0-9]*,3,\([^,]*\),.*/\1/p' whole/results.csv)
awk -v a="$first" -v b="$last" 'BEGIN { exit !(b < a / 2) }' || fail "the loss falls from $first to $last only"

expect 0 eval whole --data mnist:data --json
says stdout '"goal":"reconstruct","images":100,"skipped":0,"loss":0.'
says stdout '"psnr":'
expect 0 report whole --json
says stdout '"psnr":'
expect 0 compare whole parts
says stdout "val PSNR"
expect 0 compare whole parts --json
says stdout '"best_val_psnr":'
expect 0 train auto.net --data mnist:data --batch 50 --epochs 1 --sweep "lr=0.01,0.1" --out grid
says stdout "test PSNR"
says stdout " dB"
says grid/sweep.csv "val_psnr,test_psnr"

# Sigmoids may have their cross-entropy, and the score stays the square error.
expect 0 train "${common[@]}" --epochs 1 --loss binary_cross_entropy --out binary
says stdout "mean squared error"

refuses 2 "--loss: cross_entropy is for classes; goal reconstruct takes squared_error" train "${common[@]}" --loss cross_entropy --out no
refuses 2 "--loss: label_smoothing is for classes" train "${common[@]}" --loss squared_error:label_smoothing=0.1 --out no
refuses 2 "--loss: binary_cross_entropy takes an output of sigmoids; output 'y' is of Tanh" train tanh.net --data mnist:data --batch 50 --loss binary_cross_entropy --out no
refuses 2 "--loss: binary_cross_entropy takes pictures of values 0 to 1" train "${common[@]}" --mean 0.5 --std 0.5 --loss binary_cross_entropy --out no
refuses 2 "--class-weights is for classes; goal reconstruct has none" train "${common[@]}" --class-weights balanced --out no
refuses 2 "mixup and cutmix, which mix labels, are for classes; goal reconstruct has none" train auto.net --data mnist:data --batch 50 --augment mixup --out no
refuses 2 "'flip' comes after 'noise'" train auto.net --data mnist:data --batch 50 --augment "noise, flip" --out no
refuses 2 "goal 'rebuild'" train "${common[@]}" --goal rebuild --out no
refuses 1 "output 'y' is [1, 1, 27, 27], but input 'image' is [1, 1, 28, 28]: goal reconstruct gives pictures back" train small.net --data mnist:data --batch 50 --goal reconstruct --out no
refuses 2 "--overfit counts classes; goal reconstruct has none" train auto.net --data mnist:data --overfit 10
refuses 2 "--mistakes lists classes; the model gives pictures back" eval whole --data mnist:data --mistakes 3
refuses 2 "gives pictures back; only probabilities are averaged" eval whole --data mnist:data --tta flip
[ ! -e no ] || fail "a refused training leaves a folder"

# The report has pairs: of a network that passes its input on, each two pictures are the same, pixel by pixel.
cat >same.net <<'NET'
stria-net 1
image = input(batch x 1 x 28 x 28)
y = conv(image, 1, kernel=1)
output(y)
NET
expect 0 train same.net --data mnist:data --batch 50 --epochs 1 --init constant:value=1 --optimizer sgd --lr 1e-9 --out same
grep '<figure><img' same/report.html | grep 'back' >pairs
[ "$(wc -l <pairs)" = 12 ] || fail "the report has $(wc -l <pairs) pairs"
[ "$(sed 's/.*src="\([^"]*\)".*src="\([^"]*\)".*/\1 \2/' pairs | awk '$1 == $2 && length($1) > 100' | wc -l)" = 12 ] ||
    { fail "what is passed on looks otherwise"; head -c 600 pairs; }
grep -o 'src="[^"]*"' pairs | sort -u | wc -l | awk '{ exit !($1 > 1) }' || fail "all pairs are one picture"
expect 0 train autoencoder --data mnist:data --batch 50 --epochs 1 --augment "noise 0.3" --out built
[ "$(grep -c '<figure><img.*back' built/report.html)" = 12 ] || fail "the report of the network built in has no pairs"
expect 0 report built --lang zh
grep -q "重建的图片" built/report.html || fail "the Chinese report has no pairs"
expect 0 train linear --data mnist:data --batch 50 --epochs 1 --out classes
# predict writes what comes back; of a network that passes its input on, the pictures.
mkdir pictures
for i in 1 2; do { printf 'P5 28 28 255\n'; head -c 784 /dev/zero | tr '\0' "\\${i}70"; } >pictures/$i.pgm; done
cp pictures/1.pgm 2.pgm
expect 0 predict same/model.onnx pictures 2.pgm --out back
says stdout "3 pictures in back"
[ "$(ls back | tr '\n' ' ')" = "1.png 2-2.png 2.png " ] || fail "other files: $(ls back)"
[ "$(cksum <back/1.png)" = "$(cksum <back/2-2.png)" ] && [ "$(cksum <back/1.png)" != "$(cksum <back/2.png)" ] || fail "other pictures come back"
echo junk >pictures/0.png
expect 1 predict same/model.onnx pictures --out again --json
[ "$(jq .images stdout)" = 2 ] || fail "a bad picture spoils the others"
says stderr "pictures/0.png"
expect 0 predict same --split test --limit 3 --out of-data
[ "$(ls of-data | tr '\n' ' ')" = "000000.png 000001.png 000002.png " ] || fail "other files: $(ls of-data)"
refuses 2 "predict: the network gives pictures back; --out FOLDER says where to write them" predict same pictures/1.pgm
refuses 2 "predict: --csv has no effect with a network that gives pictures back" predict same pictures/1.pgm --csv x --out no
refuses 2 "'back' is there already: give a folder that is not" predict same pictures/1.pgm --out back
refuses 2 "predict: --out is for networks that give pictures back" predict classes pictures/1.pgm --out no

grep -q 'id="pairs"' classes/report.html && fail "a classifier's report has pairs"

if [ -d "${STRIA_TEST_DATA:-/nowhere}/mnist" ]; then
    expect 0 train auto.net --data "mnist:$STRIA_TEST_DATA/mnist" --limit 1000 --epochs 4 --optimizer adam --lr 0.02 --out real --json
    expect 0 eval real --json
    error=$(sed 's/.*"loss":\([0-9.e-]*\).*/\1/' stdout)
    awk -v e="$error" 'BEGIN { exit !(e < 0.067 / 4) }' || fail "the mean square error of MNIST is $error"
fi
finish
