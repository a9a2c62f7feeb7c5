"""The inbox: what waits for a person, all that is open, what was decided; several at once.

| Request for /inbox… | Answer |
|---|---|
| GET `?view=…&q=&agent=&next=`; `mine`, `open`, `decided` | 200, a list |
| GET `/approvals/{session}/{tool use}` | 200, one approval; its form, if this person is asked |
| POST the same | as for a link: what came of it |
| POST the same with `/act` | `inbox_actions.py`: more time, the e-mail again, withdraw it |
| POST `/batch`, then `/decide` | 200, the whole of each; then what became of each |
| GET or POST `/sign-in`, `/sign-in/{token}`; POST `/sign-out` | `inbox_access.py` |
| GET `/oidc`, `/oidc/callback`, where people sign in elsewhere | 303, `inbox_oidc.py` |
| GET of nobody who is signed in | 303 to `/sign-in` |
| a form of another site, or of nobody who is signed in | 403, nothing has changed |

Whoever is in `people.toml` sees all that is open; only who is asked decides. Pages, and no JSON:
the programs' way is the operators' API.
"""

import re
from dataclasses import dataclass
from urllib.parse import parse_qsl, quote

import answers
import decisions
import inbox_access as access
import inbox_actions as doing
import inbox_list as lists
import inbox_pages as pages
import page_parts
import reviewing
from approval_services import Services
from inbox_services import InboxServices, inbox_services
from longrunning import http
from longrunning.http import Event, RefusedError, Response
from longrunning.people.directory import Person
from longrunning.people.links import Link
from longrunning.people.notifications import flags_of
from longrunning.people.words import ENGLISH, Words, languages
from longrunning.waits.item import Wait
from review_request import APPROVED, DENIED, FORM, Choice, ReviewRequest
from viewer import Viewer

MAX_BATCH = 20
MAX_BATCH_BYTES = 1_000_000
"""Of all texts of a page together: Lambda answers with 6 MB at most."""

MAX_FORM_FIELDS = 3 * MAX_BATCH
MAX_ADDRESS_CHARS = 200

_UP = "../../../"
"""From the page of one approval to where the inbox stands."""

_REF = re.compile(r"(?!\.{1,2}/)([A-Za-z0-9._:-]{1,128})/([A-Za-z0-9_-]{1,64})")
"""Session and tool use; `.` and `..` mean something else in a path."""

NOTHING_HERE = "There is nothing here. Please go back to the inbox."
SIGN_IN_AGAIN = "You are not signed in any more. Nothing has changed. Please sign in again."
NONE_TICKED = "Please tick what you want to decide."
TOO_MANY = "Please tick at most 20 at a time."
NONE_LEFT = "None of those ticked waits for you any more."

NO_ADDRESS = "Please type your e-mail address."
NO_EMAIL = "Signing in by e-mail is off here. Please sign in on the page of your organisation."


def seen(services: Services, request: ReviewRequest, now: int) -> ReviewRequest:
    """Returns a request with who is signed in; what comes of it is a page in their language."""
    person = access.signed_in(services, request.event, now)
    viewer = Viewer(person.id, services.people, is_signed_in=True) if person else Viewer()
    return request.as_seen_by(viewer)


def words_of(event: Event) -> Words:
    """Returns the words for a browser that nobody is signed in with, as it wants them."""
    wanted = http.media_types(http.headers(event).get("accept-language", ""))
    tags = (tag.partition("-")[0] for tag in wanted)
    known = languages()
    return Words(next((tag for tag in tags if tag in known), ENGLISH.language))


def answer(services: Services, request: ReviewRequest, now: int) -> Response:
    """Answers a request for the inbox.

    Args:
        services: The approvals, the keys, who there is.
        request: As `seen` returns it.
        now: Epoch seconds.

    Raises:
        RefusedError: Nothing has changed.
        NotSentError: It is recorded, the agent is not told yet.
    """
    inbox, event = inbox_services(), request.event
    path = (event.get("pathParameters") or {}).get("proxy") or ""
    method = "GET" if request.method == "HEAD" else request.method
    if method not in ("GET", "POST"):
        raise RefusedError(405, "expected GET or POST")
    if method == "POST":
        access.check_origin(inbox, event)
    if path == "sign-in" or path.startswith("sign-in/"):
        return _sign_in(services, inbox, event, method, path, now)
    if path in ("oidc", "oidc/callback") and method == "GET" and inbox.oidc_issuer:
        return _sign_in_elsewhere(services, inbox, request, path, now)
    person = services.people[request.viewer.id] if request.viewer.id else None
    if person is None and method == "POST":
        raise RefusedError(403, SIGN_IN_AGAIN)
    if person is None:
        return _to_sign_in(path)
    return _Signed(services, inbox, request, person, now).answer(method, path)


@dataclass(frozen=True)
class _Signed:
    """One request of a person who is signed in."""

    services: Services
    inbox: InboxServices
    request: ReviewRequest
    person: Person
    now: int

    def answer(self, method: str, path: str) -> Response:
        match method, path.split("/"):
            case "GET", [""]:
                return self._list()
            case "GET" | "POST", ["approvals", session_id, tool_use_id]:
                return self._one(method, f"{session_id}/{tool_use_id}")
            case "POST", ["approvals", session_id, tool_use_id, "act"]:
                return self._act(f"{session_id}/{tool_use_id}")
            case "POST", ["batch"]:
                return self._batch()
            case "POST", ["decide"]:
                return self._decide_all()
            case "POST", ["sign-out"]:
                return _redirect("sign-in", access.forget(access.SESSION))
        raise RefusedError(404, NOTHING_HERE)

    @property
    def viewer(self) -> Viewer:
        return self.request.viewer

    def _list(self) -> Response:
        wanted = _wanted(self.request.event)
        return _page(200, pages.list_page(self._read(wanted), wanted, self.viewer, self.now))

    def _found(self, ref: str) -> Wait:
        found = _REF.fullmatch(ref)
        wait = self.services.approvals.get(found[1], found[2]) if found else None
        if wait is None or wait.call is None:
            raise RefusedError(404, NOTHING_HERE)
        return wait

    def _one(self, method: str, ref: str) -> Response:
        wait, words = self._found(ref), self.viewer.words
        link = self._link(wait)
        if method == "GET":
            response = reviewing.show(self.services, self.request, link, self.now)
            is_resent = ("did", doing.RESEND) in _query(self.request.event)
            strip = pages.resent_strip(words) if is_resent else ""
            return self._framed(response, None, strip, self._actions(wait))
        response = reviewing.decide(self.services, self.request, link, self.now)
        if response["statusCode"] != 200:
            return self._framed(response, None)
        mine = self._read(lists.Wanted(lists.MINE))
        return self._framed(response, mine, pages.next_strip(mine, words, _UP))

    def _act(self, ref: str) -> Response:
        wait, form = self._found(ref), dict(_form(self.request.event))
        doing.act(self.services, self.inbox, self.person, wait, form, self.now)
        return _redirect(f"../{wait.tool_use_id}?did={quote(form['do'])}")

    def _actions(self, wait: Wait) -> str:
        if not doing.may_act(wait, self.person, self.now):
            return ""
        return pages.actions(wait, doing.later_end(wait), self.viewer.words)

    def _batch(self) -> Response:
        refs = _picked(_form(self.request.event))
        if not refs or len(refs) > MAX_BATCH:
            raise RefusedError(400, TOO_MANY if refs else NONE_TICKED)
        room, waits = MAX_BATCH_BYTES, []
        for wait in self.services.approvals.get_many(refs):
            room -= len(wait.in_force.summary.encode()) if wait.call else 0
            may = lists.is_for(wait, self.person, self.now) and not wait.is_question
            if may and room >= 0:
                waits.append(wait)
        if not waits:
            raise RefusedError(409, NONE_LEFT)
        left_out = len(refs) - len(waits)
        return _page(200, pages.batch_page(waits, left_out, self.viewer, self.now))

    def _decide_all(self) -> Response:
        form = _form(self.request.event)
        refs, seen = _picked(form), [value for name, value in form if name == "seen"]
        said = dict(form)
        decision, comment = said.get("decision"), said.get("comment")
        if not refs or len(refs) > MAX_BATCH or len(seen) != len(refs):
            raise RefusedError(400, "pick, seen: expected one of each for each approval")
        if decision not in (APPROVED, DENIED):
            raise RefusedError(400, 'decision: expected "approved" or "denied"')
        waits = {(w.session_id, w.tool_use_id): w for w in self.services.approvals.get_many(refs)}
        lines = [
            (*_named(ref, waits.get(ref)), self._became(waits.get(ref), decision, comment, digest))
            for ref, digest in zip(refs, seen, strict=True)
        ]
        mine = self._read(lists.Wanted(lists.MINE)).mine
        return _page(200, pages.done_page(lines, mine, self.viewer))

    def _became(self, wait: Wait | None, decision: str, comment: str | None, seen: str) -> str:
        """Decides one of several, by a write of its own: one that fails stops no other."""
        words = self.viewer.words
        if wait is None or wait.call is None:
            return words.say(pages.BECAME["unknown"])
        choice = Choice(decision, comment, seen=seen)
        try:
            decided = reviewing.recorded(self.services, self._link(wait), choice, self.now)
        except RefusedError as refusal:
            return words.reason(refusal.reason)
        except decisions.NotSentError:
            return words.say(pages.BECAME["recorded"])
        return words.say(pages.BECAME.get(decided.outcome) or pages.BECAME[decision])

    def _link(self, wait: Wait) -> Link:
        """Returns what this person may do with it, as a link would say it."""
        ids = (wait.session_id, wait.tool_use_id, wait.decide_by)
        return Link(*ids, self.person.id, flags_of(wait), access.BY_SIGN_IN)

    def _read(self, wanted: lists.Wanted) -> lists.Listed:
        return lists.listed(self.services, self.inbox, self.person, wanted, self.now)

    def _framed(
        self, response: Response, listed: lists.Listed | None, strip: str = "", below: str = ""
    ) -> Response:
        """Puts the bar above a page that a link would show as well."""
        bar = pages.bar(listed, lists.MINE, self.viewer, _UP, strip)
        text = page_parts.framed(response["body"], bar, pages.STYLE, below)
        return _page(response["statusCode"], text)


def _sign_in(
    services: Services, inbox: InboxServices, event: Event, method: str, path: str, now: int
) -> Response:
    token = path.partition("/")[2]
    if inbox.oidc_issuer and not token:
        return _elsewhere_only(event, method)
    match method, bool(token):
        case "GET", False:
            return _page(200, pages.sign_in_page(words_of(event), "", _asked_to(event)))
        case "GET", True:
            return _page(200, pages.sign_in_button_page(access.look(services, event, token, now)))
        case "POST", False:
            return _send_link(services, inbox, event, now)
    taken = access.take(services, event, token, now)
    return _redirect(_place(taken), taken.cookie, access.forget(access.ASKED))


def _elsewhere_only(event: Event, method: str) -> Response:
    """Leads to the issuer. Whoever could sign in by e-mail as well would go around what it asks."""
    is_asked = method == "POST"
    url = _with_to("oidc", _asked_to(event))
    text = pages.sign_in_oidc_page(words_of(event), NO_EMAIL if is_asked else "", url)
    return _page(403 if is_asked else 200, text)


def _sign_in_elsewhere(
    services: Services, inbox: InboxServices, request: ReviewRequest, path: str, now: int
) -> Response:
    import inbox_oidc as oidc  # Only where somebody signs in so.

    event, is_back = request.event, path != "oidc"
    try:
        if not is_back:
            return _redirect(*oidc.leave(services, inbox, event, _asked_to(event), now))
        taken = oidc.take(services, inbox, event, now)
    except RefusedError as refusal:
        reviewing.note(refusal)
        who, url = getattr(refusal, "who", ""), "../oidc" if is_back else "oidc"
        text = pages.sign_in_oidc_page(words_of(event), refusal.reason, url, who)
        return _page(refusal.status, text, *([access.forget(access.GONE)] if is_back else []))
    return _redirect(_place(taken), taken.cookie, access.forget(access.GONE))


def _place(taken: access.Taken) -> str:
    """Returns where to go on, from a page two steps below the inbox."""
    return f"../approvals/{taken.to}" if _to(taken.to) else "../../inbox"


def _send_link(services: Services, inbox: InboxServices, event: Event, now: int) -> Response:
    form = dict(_form(event))
    address, to = form.get("email", "").strip(), _to(form.get("to", ""))
    if not address or len(address) > MAX_ADDRESS_CHARS:
        return _page(400, pages.sign_in_page(words_of(event), NO_ADDRESS, to))
    cookie = access.ask(services, inbox, event, address, to, now)
    return _page(200, pages.sent_page(words_of(event)), cookie)


def _to_sign_in(path: str) -> Response:
    """Sends a browser to the page where one signs in, and from there back to an approval."""
    up = "../" * path.count("/") if path else "inbox/"
    return _redirect(_with_to(f"{up}sign-in", _to(path.removeprefix("approvals/"))))


def _with_to(url: str, ref: str) -> str:
    return f"{url}?to={quote(ref)}" if ref else url


def _asked_to(event: Event) -> str:
    return _to(dict(_query(event)).get("to", ""))


def _to(ref: str) -> str:
    """Returns a reference to an approval, and nothing for all else: it leads nowhere else."""
    return ref if _REF.fullmatch(ref) else ""


def _named(ref: tuple[str, str], wait: Wait | None) -> tuple[str, str]:
    """Returns an approval's reference, and what it is about."""
    what = "" if wait is None or wait.call is None else wait.in_force.summary[:80]
    return "/".join(ref), what or ref[1]


def _wanted(event: Event) -> lists.Wanted:
    query = dict(_query(event))
    view = query.get("view", lists.MINE)
    if view not in lists.VIEWS:
        raise RefusedError(400, f"view: expected one of {', '.join(lists.VIEWS)}")
    words = query.get("q", "").strip()[: lists.MAX_WORDS_CHARS]
    return lists.Wanted(view, words, query.get("agent", ""), query.get("next", ""))


def _query(event: Event) -> list[tuple[str, str]]:
    return parse_qsl(event.get("rawQueryString") or "", keep_blank_values=True)


def _form(event: Event) -> list[tuple[str, str]]:
    if http.media_types(http.headers(event).get("content-type", ""))[0] != FORM:
        raise RefusedError(415, f"Content-Type: expected {FORM}")
    text = http.body_text(event)
    try:
        return parse_qsl(text, True, errors="strict", max_num_fields=MAX_FORM_FIELDS)
    except ValueError as error:
        raise RefusedError(400, f"expected at most {MAX_FORM_FIELDS} fields in UTF-8") from error


def _picked(form: list[tuple[str, str]]) -> list[tuple[str, str]]:
    refs = dict.fromkeys(value for name, value in form if name == "pick")
    found = [_REF.fullmatch(ref) for ref in refs]
    if None in found:
        raise RefusedError(400, "pick: expected what the list has")
    return [(match[1], match[2]) for match in found if match]


def _page(status: int, text: str, *cookies: str) -> Response:
    response = answers.page_response(status, text)
    policy = {"content-security-policy": page_parts.content_security_policy(pages.STYLE)}
    return {**response, "headers": response["headers"] | policy, "cookies": list(cookies)}


def _redirect(location: str, *cookies: str) -> Response:
    headers = {"location": location, "cache-control": "no-store"}
    return {"statusCode": 303, "headers": headers, "cookies": list(cookies), "body": ""}
