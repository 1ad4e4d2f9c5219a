#!/usr/bin/env bash
# Reports and pictures in headless Chromium: phone and desktop, light and dark. No console message, no request, no text that
# is cut or overlaps, contrast, keyboard; and a page that shows its next version by itself.
. "${SOURCE:-.}/tests/cli.sh"
browser=$(command -v chromium || command -v chromium-browser || command -v google-chrome)
if [ -z "$browser" ]; then
    echo "skipped: no Chromium on this machine"
    exit 77
fi
source=$(cd "$SOURCE" && pwd)
digits data

chrome() { # chrome OPTIONS… URL: what the page became
    "$browser" --headless=new --no-sandbox --disable-gpu --disable-dev-shm-usage --user-data-dir="$temporary/profile" \
        --allow-file-access-from-files --disable-background-networking --no-first-run --enable-logging=stderr --log-level=1 \
        --host-resolver-rules='MAP * ~NOTFOUND' "$@" 2>browser.log
}
if ! chrome --dump-dom 'data:text/html,<p>up</p>' | grep -q up; then
    echo "skipped: Chromium does not start here: $(tail -n 1 browser.log)"
    exit 77
fi

seen() { # seen FILE [few]: at both widths, in both schemes; few: each of them once
    local file=$1 few=${2:-} width dark name
    for width in 390 1440; do
        for dark in 1 0; do
            [ -z "$few" ] || [ $width$dark = 3901 ] || [ $width$dark = 14400 ] || continue
            cat >frame.html <<HTML
<!DOCTYPE html><html><body style="margin:0"><iframe src="$file" style="border:0;width:${width}px;height:900px"></iframe>
<script src="$source/tests/end_report.js"></script></body></html>
HTML
            chrome --window-size=1500,1000 --blink-settings=preferredColorScheme=$dark --virtual-time-budget=3000 --dump-dom \
                "file://$PWD/frame.html" >dom
            name="$file at $width, $([ $dark = 0 ] && echo dark || echo light)"
            grep -q 'ALL GOOD' dom || fail "$name: $(grep -o 'BAD [^<]*' dom | head -n 8)"
            if grep -q CONSOLE browser.log; then fail "$name: $(grep CONSOLE browser.log | head -n 3)"; fi
            [ -z "${SHOTS:-}" ] || chrome --window-size=$width,$([ $width = 390 ] && echo 2000 || echo 2600) --hide-scrollbars \
                --blink-settings=preferredColorScheme=$dark --screenshot="$SHOTS/$(basename "$file")-$width-$dark.png" "file://$PWD/$file" >/dev/null
        done
    done
}

expect 0 train lenet5 --data mnist:data --epochs 5 --batch 20 --lr 0.5 --out run
seen run/report.html
expect 0 report run --lang zh --out zh.html
seen zh.html few

expect 0 train autoencoder --data mnist:data --epochs 1 --batch 20 --augment "noise 0.3" --out back
seen back/report.html

# Long names, Chinese names, hostile names, many classes.
n=0
for class in 'a class with a very long name that does not fit anywhere' 一个很长的中文类别名称不容易放下 '<script>alert(1)' 🐈猫 b c d e f g h i j k; do
    n=$((n + 1))
    for part in train val test; do
        mkdir -p "many/$part/$class"
        for i in 1 2 3 4; do
            { printf 'P6\n12 9\n255\n'; head -c 324 /dev/zero | tr '\0' "\\$((n % 4))$((i % 8))$((n % 8))"; } >"many/$part/$class/picture_with_a_long_name_$i.ppm"
        done
    done
done
expect 0 train linear:size=3x9x12,classes=14 --data folder:many --epochs 2 --batch 8 --out many-run
seen many-run/report.html

expect 0 compare run many-run -o compare.svg
seen compare.svg few
expect 0 graph resnet20 -o net.svg
seen net.svg few
expect 0 bench resnet20 --batch 2 --html timing.html
seen timing.html
expect 0 summary resnet20 --batch 8 --memory-map -o memory.svg
seen memory.svg few

# A page that says it runs takes its next version from the disk: here one that is another where it is loaded into a frame.
sed 's|data-state="complete"|data-state="running"|
s|</main>|</main><script>if (parent !== window) { page.dataset.state = "complete"; page.querySelector("h1").textContent = "SECOND" }</script>|' \
    run/report.html >live.html
chrome --virtual-time-budget=30000 --dump-dom "file://$PWD/live.html" >dom
grep -q '<h1>SECOND</h1>' dom && grep -q 'data-state="complete"' dom || { fail "a running page did not show its next version"; cat browser.log; }
if grep -q '<iframe' dom; then fail "the frame is left behind"; fi
finish
