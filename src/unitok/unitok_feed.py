"""The feed as a page: no script, no request to anywhere else, whatever a post contains.

Posts are untrusted text. Everything is escaped, an image is a link (a visitor's browser asks no
stranger's server for it), and the policy allows the page's own style sheet and nothing more.
"""

import base64
import hashlib
import time
from html import escape
from pathlib import Path
from string import Template
from urllib.parse import urlsplit

from unitok_posts import Post
from unitok_requests import UNICORN_COLORS

_PAGES = Path(__file__).parent / "pages"
_STYLE = (_PAGES / "feed.css").read_text(encoding="utf-8")
_PAGE = Template((_PAGES / "feed.html").read_text(encoding="utf-8"))
_STYLE_HASH = base64.b64encode(hashlib.sha256(_STYLE.encode()).digest()).decode()

FEED_HEADERS = {
    "content-type": "text/html; charset=utf-8",
    "cache-control": "no-store",
    "content-security-policy": (
        f"default-src 'none'; style-src 'sha256-{_STYLE_HASH}'; form-action 'none'; "
        "frame-ancestors 'none'; base-uri 'none'"
    ),
    "referrer-policy": "no-referrer",
    "x-content-type-options": "nosniff",
}

_POST = Template("""\
<article class="post $color" id="$post_id">
<header>
<svg class="unicorn" width="52" height="52" role="img" aria-label="$color unicorn">\
<use href="#unicorn"/></svg>
<h2><bdi>$author</bdi></h2>
<p class="about"><span class="color">$color</span> <time datetime="$iso">$date</time></p>
</header>
<pre dir="auto">
$content</pre>
$image</article>
""")

_IMAGE = Template("""\
<p class="image"><a href="$url" rel="noopener noreferrer nofollow ugc">Picture at $host</a></p>
""")


def render_post(post: Post) -> str:
    """Returns one post as an `article` element."""
    posted = time.gmtime(post.created_at)
    return _POST.substitute(
        # A colour becomes a class name: one from an older table may not be known any more.
        color=post.unicorn_color if post.unicorn_color in UNICORN_COLORS else "rainbow",
        post_id=escape(post.post_id),
        author=escape(post.author),
        iso=time.strftime("%Y-%m-%dT%H:%M:%SZ", posted),
        date=time.strftime("%d %b %Y, %H:%M UTC", posted),
        content=escape(post.content),
        image="" if post.image_url is None else _render_image(post.image_url),
    )


def render_feed(articles: list[str], next_query: str | None, *, is_first: bool) -> str:
    """Returns the page.

    Args:
        articles: The posts as `render_post` makes them, newest first.
        next_query: The query of the page with older posts, such as `?before=…`, if there is one.
        is_first: Whether these are the newest posts.
    """
    links = []
    if not is_first:
        links.append('<a href="?">Newest posts</a>')
    if next_query:
        links.append(f'<a rel="next" href="{escape(next_query)}">Older posts</a>')
    nothing = '<p class="empty">No posts yet. The first unicorn is still being brushed.</p>'
    return _PAGE.substitute(
        style=_STYLE, posts="".join(articles) or nothing, links="\n".join(links)
    )


def _render_image(url: str) -> str:
    return _IMAGE.substitute(url=escape(url), host=escape(urlsplit(url).hostname or "its site"))
