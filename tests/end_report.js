// Looked at by tests/end_report.sh: a page or picture in a frame of a phone's or a desktop's width. Prints what is wrong.
function luminance(c) {
    const rgb = c.match(/[\d.]+/g).slice(0, 3).map(x => x / 255).map(x => x <= 0.04045 ? x / 12.92 : ((x + 0.055) / 1.055) ** 2.4);
    return 0.2126 * rgb[0] + 0.7152 * rgb[1] + 0.0722 * rgb[2];
}
function contrast(a, b) {
    const x = luminance(a), y = luminance(b);
    return (Math.max(x, y) + 0.05) / (Math.min(x, y) + 0.05);
}
function check(frame) {
    const d = frame.contentDocument, w = frame.contentWindow, bad = [], root = d.documentElement;
    const style = e => w.getComputedStyle(e);
    const shown = e => { const r = e.getBoundingClientRect(); return r.width > 0 && r.height > 0 && style(e).visibility !== 'hidden'; };
    function ground(e) { // the colour behind an element
        for (; e; e = e.parentElement) {
            const c = style(e).backgroundColor;
            if (c && !/, 0\)$|transparent/.test(c)) return c;
        }
        return 'rgb(255, 255, 255)';
    }
    if (root.tagName === 'HTML' && root.scrollWidth > w.innerWidth + 1) bad.push(`scrolls sideways: ${root.scrollWidth} > ${w.innerWidth}`);
    let texts = 0;
    for (const svg of root.tagName === 'svg' ? [root] : d.querySelectorAll('svg')) {
        if (!shown(svg)) continue;
        const box = svg.getBoundingClientRect(), all = [...svg.querySelectorAll('text')].filter(shown);
        const rects = all.map(t => t.getBoundingClientRect());
        texts += all.length;
        all.forEach((t, i) => {
            const r = rects[i];
            if (r.left < box.left - 1 || r.right > box.right + 1 || r.top < box.top - 1 || r.bottom > box.bottom + 1)
                bad.push(`cut: '${t.textContent}' in ${svg.getAttribute('aria-label')}`);
            for (let k = 0; k < i; k++) {
                const s = rects[k], x = Math.min(r.right, s.right) - Math.max(r.left, s.left);
                const y = Math.min(r.bottom, s.bottom) - Math.max(r.top, s.top);
                if (x > 1.5 && y > 3.5) bad.push(`overlap: '${t.textContent}' and '${all[k].textContent}'`);
            }
            const fill = style(t).fill;
            if (!/on-(dark|light)/.test(t.getAttribute('class')) && contrast(fill, ground(svg)) < 4.5)
                bad.push(`contrast of '${t.textContent}': ${fill} on ${ground(svg)}`);
        });
    }
    for (const e of d.querySelectorAll('h1,h2,h3,p,dt,dd,th,td,a,label,summary,b,span,figcaption,footer')) {
        if (!shown(e)) continue;
        texts++;
        if (contrast(style(e).color, ground(e)) < 4.5) bad.push(`contrast of '${e.textContent.slice(0, 40)}': ${style(e).color} on ${ground(e)}`);
        if (e.scrollWidth > e.clientWidth + 1 && style(e).display === 'block' && style(e).overflowX !== 'auto')
            bad.push(`cut: '${e.textContent.slice(0, 40)}'`);
    }
    for (const e of d.querySelectorAll('a,input,summary')) if (e.tabIndex < 0) bad.push(`not reachable by keyboard: ${e.outerHTML.slice(0, 60)}`);
    for (const e of d.querySelectorAll('.scroll,.table'))
        if (shown(e) && (e.scrollWidth > e.clientWidth || e.scrollHeight > e.clientHeight) && e.tabIndex < 0) bad.push(`scrolls without keyboard: ${e.className}`);
    for (const e of d.querySelectorAll('a[href^="#"]')) if (!d.getElementById(e.getAttribute('href').slice(1))) bad.push(`dead link ${e.getAttribute('href')}`);
    for (const e of d.querySelectorAll('img')) if (!e.complete || !e.naturalWidth || !e.alt) bad.push(`picture without pixels or text: ${e.alt}`);
    for (const r of w.performance.getEntriesByType('resource')) if (!r.name.startsWith('data:')) bad.push(`asks for ${r.name.slice(0, 80)}`);
    if (texts < 10) bad.push(`only ${texts} texts are seen`);
    return bad;
}
window.addEventListener('load', () => setTimeout(() => {
    const frame = document.querySelector('iframe'), out = document.createElement('pre');
    let bad;
    try {
        for (const e of frame.contentDocument.querySelectorAll('details')) e.open = true;
        bad = check(frame);
    } catch (e) { bad = [`the check itself fails: ${e}`]; }
    out.textContent = bad.length ? bad.map(b => `BAD ${b}`).join('\n') : 'ALL GOOD';
    document.body.replaceChildren(out);
}, 300));
