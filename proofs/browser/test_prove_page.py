"""More than 200 hostile contents on the page: nothing executes, nothing hides, nothing changes.

Each goes the whole way: the real agent asks for its approval, a person opens the link of the
e-mail on a phone and presses Approve, and the agent publishes. What is seen is compared with what
was asked as it is laid out, character by character; what is recorded and published, byte by byte.
"""

import html
import json
import time
import unicodedata
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from hashlib import sha256
from typing import Any

import pytest
from playwright.sync_api import Error

import chromium
import edits
import page_parts
import prove_sample
import review_pages
from approval_api_driver import pending
from approval_site import Site, serve
from converse_stand_in import tool_use
from hostile_contents import FAMILIES, contents
from longrunning.text import visible
from prove_figures import is_long, progress, record
from unitok_posts import FEED
from world import World

PHONES = ({"width": 390, "height": 844}, chromium.PHONE)
SHORT_FORM = 80
AUTHOR = "<img src=x onerror=\"document.title='owned'\">\u202e'</td>"
TITLE = "post-generator asks for your approval"
MAX_MEASURED_CHARS = 20_000

WATCH = """document.addEventListener('securitypolicyviolation',
    (event) => console.error(`${event.violatedDirective} is violated`));"""

SEEN = """(measured) => {
    const block = document.querySelector('pre');
    const edges = block.getBoundingClientRect();
    const found = {thin: new Set(), outside: new Set()};
    const range = document.createRange();
    const texts = document.createTreeWalker(block, NodeFilter.SHOW_TEXT);
    while (measured && texts.nextNode()) {
        let at = 0;
        for (const character of texts.currentNode.data) {
            range.setStart(texts.currentNode, at);
            range.setEnd(texts.currentNode, at += character.length);
            const {left, right, top, bottom, width} = range.getBoundingClientRect();
            if (!width) found.thin.add(character);
            else if (left < edges.left || right > edges.right + 1 || top < edges.top
                || bottom > edges.bottom) found.outside.add(character);
        }
    }
    const buttons = [...document.querySelectorAll('button')].reverse().map((button) => {
        button.scrollIntoView({block: 'center'});
        const {left, right, top, bottom} = button.getBoundingClientRect();
        const [x, y] = [(left + right) / 2, (top + bottom) / 2];
        return {
            label: button.innerText, x, y,
            pressed: document.elementFromPoint(x, y) === button,
            inside: left >= 0 && right <= innerWidth && top >= 0 && bottom <= innerHeight,
            after: top > block.getBoundingClientRect().bottom,
        };
    });
    return {
        text: block.innerText,
        author: document.querySelector('td')?.innerText,
        thin: [...found.thin], outside: [...found.outside],
        wide: document.documentElement.scrollWidth - innerWidth,
        foreign: block.querySelectorAll(':not(mark)').length,
        buttons,
    };
}"""


@dataclass
class Walk:
    """What one content came to: three lists of what must not have happened."""

    name: str
    executed: list[str] = field(default_factory=list)
    hidden: list[str] = field(default_factory=list)
    changed: list[str] = field(default_factory=list)


class Phone:
    """A page of Chromium that notes whatever a content makes it do."""

    def __init__(self, page: Any, site: Site) -> None:
        self._page = page
        self._site = site
        self.noted: list[str] = []
        page.add_init_script(WATCH)
        page.on("dialog", lambda dialog: (self._note("dialog"), dialog.dismiss()))
        page.on("console", lambda message: self._note(f"console: {message.text}"))
        page.on("pageerror", lambda error: self._note(f"error: {error}"))
        page.on("popup", lambda popup: self._note(f"window: {popup.url}"))
        page.on("request", self._note_request)

    def _note(self, what: str) -> None:
        self.noted.append(what)

    def _note_request(self, request: Any) -> None:
        if not request.url.startswith(f"{self._site.url}/approvals/"):
            self._note(f"request: {request.url}")

    def open(self, link: str) -> None:
        """Opens a link; begins to note anew."""
        self.noted = []
        self._site.requests.clear()
        self._page.goto(link)

    def look(self, walk: Walk, content: str) -> dict[str, Any]:
        """Looks at the page that asks; returns the button that approves.

        Raises:
            playwright.sync_api.Error: The page went elsewhere.
        """
        if self._page.title() != TITLE:
            walk.executed.append(f"the title is {self._page.title()}")
        seen = self._page.evaluate(SEEN, len(content) <= MAX_MEASURED_CHARS)
        walk.executed += [f"{seen['foreign']} elements"] if seen["foreign"] else []
        walk.hidden += _hidden(seen, content)
        approve: dict[str, Any] = seen["buttons"][-1]
        return approve

    def press(self, button: dict[str, Any], walk: Walk, content: str) -> None:
        """Presses a button where it is, and looks at the page that answers."""
        with self._page.expect_navigation(wait_until="domcontentloaded"):
            self._page.mouse.click(button["x"], button["y"])
        if self._page.locator("h1").inner_text() != "✓ Approved":
            walk.changed.append("not approved")
        if self._page.locator("pre").inner_text() != visible(content):
            walk.hidden.append("another text on the page that answers")
        walk.executed += self.noted
        if [method for method, *_ in self._site.requests] != ["GET", "POST"]:
            walk.executed.append(f"{len(self._site.requests)} requests")


def _hidden(seen: dict[str, Any], content: str) -> Iterator[str]:
    """What of a content, or of the page around it, cannot be seen or pressed."""
    if seen["text"] != visible(content):
        yield "another text"
    if seen["author"] != visible(AUTHOR):
        yield f"another author, {seen['author']}"
    thin = [c for c in seen["thin"] if c != "\n" and unicodedata.category(c)[0] != "M"]
    outside = [c for c in seen["outside"] if c not in " \t"]  # they hang over the end of a line
    if thin:
        yield f"characters without width: {thin!a:.100}"
    if outside:
        yield f"characters outside the block: {outside!a:.100}"
    if seen["wide"] > 0:
        yield f"{seen['wide']} pixels too wide"
    if [button["label"] for button in seen["buttons"]] != ["Deny", "Approve"]:
        yield f"other buttons: {seen['buttons']}"
    for button in seen["buttons"]:
        if not (button["pressed"] and button["inside"] and button["after"]):
            yield f"a button that cannot be pressed: {button}"


def ask(world: World, content: str) -> tuple[str, str]:
    """Has the agent ask for a content; returns the approval's key and the link of the e-mail."""
    call = {"content": content, "author": AUTHOR}
    asked = {"content": content, "arguments": {"author": AUTHOR}}
    script = [
        [tool_use("ask", "human_approval", asked)],
        [tool_use("post", "publish_post", call)],
        "Done.",
    ]
    world.play(script)
    session_id = world.start()
    (mail,) = world.read_mail()
    return f"{session_id}/ask", mail.links["approve"]


def check_bytes(world: World, key: str, content: str, walk: Walk) -> None:
    """Has the agent go on, and compares what is recorded and published with what was asked."""
    world.deliver_all()
    session_id, _, tool_use_id = key.partition("/")
    approval = {a.key: a for a in world.approvals(session_id)}[key]
    stored = world.aws["dynamodb"].get_item(
        TableName=world.env["APPROVALS_TABLE_NAME"],
        Key={"session_id": {"S": session_id}, "tool_use_id": {"S": tool_use_id}},
    )["Item"]
    call = ["publish_post", content, json.loads(stored["arguments"]["S"])]
    in_full = json.dumps(call, sort_keys=True, separators=(",", ":"))
    digest = sha256(in_full.encode()).hexdigest()
    texts = (approval.in_force.content, stored["digest"]["S"])
    recorded = (approval.status, approval.edited_content, *texts)
    if recorded != ("SPENT", None, content, digest):
        walk.changed.append(f"recorded as {approval.status}, {approval.edited_content!a:.50}")
    posted = world.aws["dynamodb"].get_item(
        TableName=world.env["POSTS_TABLE_NAME"],
        Key={"feed": {"S": FEED}, "idempotency_key": {"S": key}},
    )
    post = posted.get("Item", {"content": {"S": ""}, "author": {"S": ""}})
    if (post["content"]["S"].encode(), post["author"]["S"]) != (content.encode(), AUTHOR):
        walk.changed.append(f"published as {post['content']['S']!a:.50}")


def go_all_the_way(world: World, phone: Phone, name: str, content: str) -> Walk:
    """Asks, shows, approves and publishes one content."""
    walk = Walk(name)
    key, link = ask(world, content)
    phone.open(link)
    button = phone.look(walk, content)
    phone.press(button, walk, content)
    check_bytes(world, key, content, walk)
    return walk


@pytest.fixture
def real_site(world: World) -> Iterator[Site]:
    """The approval API on loopback, with the stores and the queue of the world."""
    with serve() as site:
        world.monkeypatch.setenv("APPROVAL_BASE_URL", site.url)
        yield site


@contextmanager
def screen(browser: Any, viewport: dict[str, int]) -> Iterator[Any]:
    """A context of Chromium, in which a phone's pages open."""
    context = browser.new_context(viewport=viewport)
    context.set_default_timeout(60_000)
    yield context
    context.close()


def test_more_than_200_contents_differ_and_can_be_asked_for() -> None:
    texts = [content for _, content in contents()]
    assert len(set(texts)) == len(texts) > 200
    assert all(text.strip() and len(text.encode()) <= 262_144 for text in texts)


def test_no_hostile_content_executes_hides_or_changes(
    world: World, browser: Any, real_site: Site
) -> None:
    walks = []
    chosen = prove_sample.chosen(list(contents()), SHORT_FORM)
    for viewport in PHONES if is_long() else PHONES[:1]:
        with screen(browser, viewport) as context:
            phone = Phone(context.new_page(), real_site)
            for name, content in progress(chosen, len(chosen), "page"):
                walks.append(go_all_the_way(world, phone, name, content))
    assert [walk for walk in walks if walk.executed or walk.hidden or walk.changed] == []
    record(
        "page",
        contents=len(chosen),
        screens=len(PHONES) if is_long() else 1,
        executed=0,
        hidden=0,
        changed=0,
        bytes_approved_and_published=sum(len(content.encode()) for _, content in chosen),
    )


# The eyes of this proof, on pages that lack a guard.


@pytest.fixture
def look_at(browser: Any, site: Site) -> Iterator[Callable[..., list[Walk]]]:
    """Yields what shows the payloads of families, without an agent, each on a page of its own."""

    def look(*families: str) -> list[Walk]:
        payloads = [payload for family in families for payload in FAMILIES[family].values()]
        return [_looked_at(context.new_page(), site, payload) for payload in payloads]

    with screen(browser, PHONES[0]) as context:
        yield look


def _looked_at(page: Any, site: Site, content: str) -> Walk:
    now = int(time.time())
    approval = pending(
        content=content,
        arguments={"author": AUTHOR},
        requested_at=now,
        decide_by=now + 3_600,
    )
    walk, phone = Walk(content), Phone(page, site)
    try:
        phone.open(site.link(approval))
        phone.look(walk, content)
    except (Error, IndexError):
        walk.executed.append("another page")
    page.close()
    return replace(walk, executed=walk.executed + phone.noted)


@pytest.fixture
def unescaped(monkeypatch: pytest.MonkeyPatch) -> None:
    """Pages that show a text as it came."""
    for module in (page_parts, review_pages):
        monkeypatch.setattr(module, "shown", lambda text: text)


@pytest.mark.usefixtures("unescaped")
def test_markup_that_is_not_escaped_is_noticed_and_the_policy_still_stops_scripts(
    look_at: Callable[..., list[Walk]],
) -> None:
    walks = look_at("ends")
    assert all(walk.executed or walk.hidden for walk in walks)
    noted = [line for walk in walks for line in walk.executed]
    assert sum("script-src" in line and "violated" in line for line in noted) > 5
    assert not [line for line in noted if "owned" in line]


@pytest.mark.usefixtures("unescaped")
def test_what_runs_without_a_policy_is_noticed(
    look_at: Callable[..., list[Walk]], monkeypatch: pytest.MonkeyPatch
) -> None:
    everything = "default-src * 'unsafe-inline' data:"
    monkeypatch.setattr(page_parts, "content_security_policy", lambda: everything)
    walks = look_at("elements")
    executed = [line for walk in walks for line in walk.executed]
    assert sum("the title is owned" in line for line in executed) > 5
    assert any(line.startswith("request") for line in executed)
    assert any("cannot be pressed" in line for walk in walks for line in walk.hidden)


def test_characters_that_hide_are_noticed(
    look_at: Callable[..., list[Walk]], monkeypatch: pytest.MonkeyPatch
) -> None:
    for module in (page_parts, review_pages):
        monkeypatch.setattr(module, "shown", html.escape)
    walks = look_at("invisible")
    assert [walk.name for walk in walks if "another text" not in walk.hidden] == []
    assert any("without width" in line for walk in walks for line in walk.hidden)
    assert any("outside the block" in line for walk in look_at("floods") for line in walk.hidden)


def test_a_text_that_comes_back_changed_is_noticed(
    world: World, browser: Any, real_site: Site, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(edits, "normalise_newlines", lambda text: text)
    with screen(browser, PHONES[0]) as context:
        phone = Phone(context.new_page(), real_site)
        walk = go_all_the_way(world, phone, "two lines", "one\ntwo")
    assert len(walk.changed) == 2
