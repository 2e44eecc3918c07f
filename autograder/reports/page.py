"""The frame of every report that is a whole page: its head, its colours, its type."""

from .fragment import STYLE as FRAGMENT_STYLE
from .words import escape

COURSE = "Convolutional neural networks, from the pixels up"

POLICY = "default-src 'none'; style-src 'unsafe-inline'; base-uri 'none'; form-action 'none'"
"""What a browser may do with a page: show it and style it. No script, no request, no form."""

STYLE = """
:root{color-scheme:light dark;--paper:#fbfaf7;--card:#fff;--ink:#22252b;--soft:#5a5f68;--edge:#e3e0d8;--link:#00588a;
--good:#00694d;--bad:#a83f00;--limit:#8a3a68;--open:#6d727b;--fault:#00588a;--tint:12%;
--keyword:#8a3a68;--string:#00694d;--comment:#6a6f78;--digits:#a83f00;--name:#00588a}
@media screen and (prefers-color-scheme:dark){:root{--paper:#15171b;--card:#1d2025;--ink:#e7e5df;--soft:#a9adb5;--edge:#343942;
--link:#7cc4f0;--good:#3fbf97;--bad:#f08a4b;--limit:#d992bd;--open:#9aa0aa;--fault:#7cc4f0;--tint:22%;
--keyword:#e3a5c8;--string:#6fd0b0;--comment:#9aa0aa;--digits:#f3a878;--name:#8fcdf3}}
*{box-sizing:border-box}
html{-webkit-text-size-adjust:100%}
body{margin:0;background:var(--paper);color:var(--ink);font:17px/1.6 system-ui,-apple-system,"Segoe UI",Roboto,
"Helvetica Neue",Arial,sans-serif}
main{overflow-wrap:anywhere;max-width:50rem;margin:0 auto;padding:3.2rem 1.25rem 4rem}
main.wide{max-width:76rem}
a{color:var(--link);text-underline-offset:.18em}
:focus-visible{outline:3px solid var(--link);outline-offset:2px;border-radius:3px}
h1{text-wrap:balance;font-size:2.3rem;line-height:1.15;letter-spacing:-.018em;margin:.15rem 0 .35rem}
h2{font-size:1.3rem;line-height:1.3;letter-spacing:-.008em;margin:0 0 .7rem}
h3{font-size:1.05rem;line-height:1.35;margin:0 0 .4rem}
p{margin:.6rem 0}
.over{margin:0;color:var(--soft);font-size:.9rem}
.who{margin:0;color:var(--soft)}
.who b{color:var(--ink);font-weight:600}
.number{font-variant-numeric:tabular-nums}
.soft{color:var(--soft)}
.small{font-size:.88rem}
section{margin:2.6rem 0 0}
.card{background:var(--card);border:1px solid var(--edge);border-radius:12px;padding:1.3rem 1.5rem;margin:1.2rem 0 0}
.card .cnnr{max-width:none;margin:0;font-size:16px}
.said,.answer,.card>p,.card>ul{font-size:16px}
.card>:last-child{margin-bottom:0}
.card .cnnr-head{font-size:1.22rem}
.call{border-left:4px solid var(--fault)}
.call h2{margin-bottom:.3rem}
.kind{color:var(--good)}
pre.code{margin:.6rem 0 0;padding:.9rem 1.1rem;background:var(--paper);border:1px solid var(--edge);border-radius:8px;
font:13.5px/1.55 ui-monospace,SFMono-Regular,Menlo,Consolas,"DejaVu Sans Mono",monospace;overflow-x:auto;tab-size:4}
.code [class^=k],.code .ow{color:var(--keyword)}.code [class^=s]{color:var(--string)}
.code [class^=c]{color:var(--comment);font-style:italic}.code [class^=m]{color:var(--digits)}
.code .nf,.code .nc,.code .nb{color:var(--name)}
.answer{white-space:pre-wrap;margin:.5rem 0 0;padding:.2rem 0 .2rem 1rem;
border-left:3px solid var(--edge)}
.said{margin:1rem 0 0;padding:.7rem 1rem;border-radius:8px;border:1px solid var(--edge);background:var(--paper);
white-space:pre-wrap}
details>summary{cursor:pointer;color:var(--link)}
.card>details{margin-top:1rem;font-size:.95rem}
footer{margin:3.5rem 0 0;padding-top:1rem;border-top:1px solid var(--edge);color:var(--soft);font-size:.88rem}
@media (max-width:34rem){body{font-size:16px}main{padding-top:1.8rem}h1{font-size:1.8rem}
.card{padding:1.05rem 1rem;border-radius:10px}}
@media print{:root{--paper:#fff;--card:#fff;--ink:#000;--soft:#444;--edge:#bbb;color-scheme:light}
body{font-size:10.5pt}main{max-width:none;padding:0}.card{break-inside:avoid-page;border-radius:0}
details::details-content{content-visibility:visible;display:block}.cnnr,.bar{print-color-adjust:exact;-webkit-print-color-adjust:exact}}
""".strip()


def page(title: str, style: str, content: str, wide: bool = False) -> str:
    """A whole HTML page around `content`, which is HTML already; `style` is what this kind of page adds."""
    return f"""<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta http-equiv="Content-Security-Policy" content="{POLICY}">
<meta name="referrer" content="no-referrer">
<meta name="viewport" content="width=device-width, initial-scale=1">
<title>{escape(title, 200)}</title>
<style>
{STYLE}
{FRAGMENT_STYLE}
{style.strip()}
</style>
</head>
<body>
<main{' class="wide"' if wide else ""}>
{content}
</main>
</body>
</html>
"""
