"""A person's browser in the inbox, for the story: keeps cookies, sends forms as the pages do."""

import http.client
from dataclasses import dataclass, field
from urllib.parse import urlencode, urljoin, urlsplit

from local.console import LocalError
from local.walk import STEP_SECONDS

_FORM = "application/x-www-form-urlencoded"


@dataclass
class Visit:
    """One browser at a stack's front door.

    Attributes:
        front_url: The front door.
        cookies: By name.
    """

    front_url: str
    cookies: dict[str, str] = field(default_factory=dict)

    def post(self, url: str, *pairs: tuple[str, str], **form: str) -> str:
        """Sends a form, follows where it leads, and returns the page.

        Raises:
            LocalError: It was refused.
        """
        status, location, page = self._send("POST", url, urlencode([*pairs, *form.items()]))
        if status == http.client.SEE_OTHER:
            return self.get(urljoin(urljoin(self.front_url, url), location))
        return _checked(url, status, page)

    def get(self, url: str) -> str:
        """Opens a page; as for `post`."""
        status, _, page = self._send("GET", url, None)
        return _checked(url, status, page)

    def _send(self, method: str, url: str, body: str | None) -> tuple[int, str, str]:
        parts = urlsplit(urljoin(self.front_url, url))
        headers = {"Accept": "text/html", "Origin": self.front_url, "Content-Type": _FORM}
        headers["Cookie"] = "; ".join(f"{name}={value}" for name, value in self.cookies.items())
        connection = http.client.HTTPConnection(parts.netloc, timeout=STEP_SECONDS)
        try:
            connection.request(method, f"{parts.path}?{parts.query}", body, headers)
            answer = connection.getresponse()
            for cookie in answer.headers.get_all("Set-Cookie") or ():
                name, _, value = cookie.partition(";")[0].partition("=")
                self.cookies[name] = value
            page = answer.read().decode()
            return answer.status, answer.headers.get("Location") or "", page
        finally:
            connection.close()


def _checked(url: str, status: int, page: str) -> str:
    if status != http.client.OK:
        raise LocalError(f"{urlsplit(url).path} was answered {status}")
    return page
