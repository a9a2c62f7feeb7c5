"""A browser in the inbox: keeps cookies, follows redirects, and sends forms as pages do."""

import html
import re
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import urlencode, urljoin, urlsplit

import approval_handler
from longrunning.people import directory

SITE = "https://approvals.example.com"
HTML = "text/html,application/xhtml+xml"
FORM = "application/x-www-form-urlencoded"


@dataclass
class Page:
    """What a request came to."""

    status: int
    url: str
    body: str
    headers: dict[str, str]

    @property
    def text(self) -> str:
        """What a person reads of it."""
        body = self.body.partition("<body>")[2]
        return " ".join(html.unescape(re.sub("<[^>]+>", " ", body)).split())

    @property
    def picks(self) -> list[str]:
        """What can be ticked, or is sent along."""
        return re.findall(r'name="pick" value="([^"]+)"', self.body)

    @property
    def seen(self) -> list[str]:
        """The digests that the page sends along."""
        return re.findall(r'name="seen" value="([^"]+)"', self.body)

    def link(self, words: str) -> str:
        """Returns where a link leads."""
        for url, inner in re.findall(r'<a href="([^"]+)"[^>]*>(.*?)</a>', self.body, re.DOTALL):
            if words in html.unescape(re.sub("<[^>]+>", "", inner)):
                return urljoin(self.url, html.unescape(url))
        raise AssertionError(f"no link {words!r} in {self.text}")


@dataclass
class Browser:
    """One person's browser."""

    cookies: dict[str, str] = field(default_factory=dict)
    origin: str | None = SITE
    """What a form says that it comes from."""

    def get(self, url: str = "/inbox") -> Page:
        """Opens a page and follows where it leads."""
        return self._follow(self.send("GET", url))

    def post(self, url: str, fields: Any = (), **form: str) -> Page:
        """Sends a form and follows where it leads."""
        return self._follow(self.send("POST", url, urlencode([*fields, *form.items()])))

    def ask(self, email: str = "ann@example.com", to: str = "") -> Page:
        """Asks for the e-mail with which to sign in."""
        return self.post("/inbox/sign-in", email=email, to=to)

    def sign_in(self, world: Any, person: str = "ann", to: str = "") -> Page:
        """Signs in, by the e-mail."""
        self.ask(f"{person}@example.com", to)
        return self.post(sign_in_link(world, person))

    def _follow(self, page: Page) -> Page:
        for _ in range(3):
            if page.status != 303:
                return page
            page = self.send("GET", urljoin(page.url, page.headers["location"]))
        raise AssertionError("it leads nowhere")

    def send(self, method: str, url: str, body: str | None = None) -> Page:
        """Sends one request, and goes nowhere."""
        url = urljoin(SITE, url)
        answer = approval_handler.handler(self._event(method, url, body), None)
        for cookie in answer.get("cookies", ()):
            pair, *rules = cookie.split("; ")
            name, _, value = pair.partition("=")
            assert {"Path=/", "Secure", "HttpOnly", "SameSite=Lax"} <= set(rules)
            self.cookies[name] = value
            if "Max-Age=0" in rules:
                del self.cookies[name]
        return Page(answer["statusCode"], url, answer["body"], answer["headers"])

    def _event(self, method: str, url: str, body: str | None) -> dict[str, Any]:
        parts = urlsplit(url)
        rest = parts.path.removeprefix("/inbox").lstrip("/")
        headers = {"accept": HTML, "host": parts.netloc}
        if body is not None:
            headers["content-type"] = FORM
            headers |= {"origin": self.origin} if self.origin else {}
        event: dict[str, Any] = {
            "version": "2.0",
            "routeKey": "ANY /inbox/{proxy+}" if rest else "ANY /inbox",
            "rawPath": parts.path,
            "rawQueryString": parts.query,
            "headers": headers,
            "cookies": [f"{name}={value}" for name, value in self.cookies.items()],
            "requestContext": {
                "domainName": parts.netloc,
                "http": {"method": method, "path": parts.path, "sourceIp": "127.0.0.1"},
            },
            "isBase64Encoded": False,
        }
        if rest:
            event["pathParameters"] = {"proxy": rest}
        return event if body is None else {**event, "body": body}


def sign_in_link(world: Any, person: str = "ann") -> str:
    """Returns the link of the latest e-mail with which a person signs in."""
    published = world.pocket.sns.topics[world.env["APPROVAL_TOPIC_ARN"]].published
    mine = [p.message for p in published if p.attributes.get("approver") == person]
    address = directory.read_people()[person].email
    letters = [one for one in world.pocket.sesv2.sent if one.to == (address,)]
    links = re.findall(r"\S+/inbox/sign-in/\S+", [*mine, *(one.text for one in letters)][-1])
    assert len(links) == 1, "the latest e-mail is no sign-in"
    return str(links[0])
