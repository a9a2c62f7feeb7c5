"""Who may use the front door: this machine's own addresses, and pages that came from them.

A web page the developer happens to open can send requests to localhost, by its own name pointed
here (Host) or across origins (Origin, Sec-Fetch-Site, which browsers set and pages cannot).
Programs such as curl send neither and are welcome.
"""

from email.message import Message

_NAMES = ("localhost", "127.0.0.1", "[::1]")
_SAFE_METHODS = frozenset({"GET", "HEAD", "OPTIONS"})
_FOREIGN_SITES = frozenset({"cross-site", "same-site"})


class Guard:
    """Checks requests to one port."""

    def __init__(self, port: int) -> None:
        """Takes the front door's port."""
        self._hosts = {f"{name}:{port}" for name in _NAMES}
        if port == 80:  # Browsers leave it out.
            self._hosts |= set(_NAMES)
        self._origins = {f"http://{host}" for host in self._hosts}

    def refusal(self, method: str, headers: Message) -> str | None:
        """Returns why a request is refused, or None for a welcome one."""
        hosts = headers.get_all("Host", [])
        if len(hosts) != 1 or hosts[0].lower() not in self._hosts:
            return "This address answers to localhost only."
        site = headers.get("Sec-Fetch-Site", "")
        origins = headers.get_all("Origin", [])
        if not all(self._is_own(origin, site) for origin in origins):
            return "Another site's page sent this."
        if method not in _SAFE_METHODS and site in _FOREIGN_SITES:
            return "Another site's page sent this."
        return None

    def _is_own(self, origin: str, site: str) -> bool:
        """A page without referrer sends `null`, ours too: then the browser's word counts."""
        return origin.lower() in self._origins or (origin == "null" and site == "same-origin")
