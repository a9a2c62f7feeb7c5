"""Links: one that is not exactly ours is refused like any nonsense, and changes nothing."""

import base64
import hashlib
import hmac
import json
from collections import Counter
from collections.abc import Callable, Iterator
from typing import Any

import pytest

import approval_handler
import approval_services
import prove_figures
from approval_api_driver import HTML, form_event, http_event, json_event
from core_samples import NOW
from furnished import Furnished, furnish
from longrunning.people import links
from world import LINK_KEYS, Context, World, forget_environments

KEY, NEW_KEY = LINK_KEYS["k1"], "another-key-for-tests-of-forty-eight-characters-"
NONSENSE = "nonsense"

REQUESTS: list[Callable[[str], dict[str, Any]]] = [
    lambda token: http_event("GET", token),
    lambda token: http_event("GET", token, accept=HTML, query="decision=approved"),
    lambda token: http_event("HEAD", token),
    lambda token: form_event(token, {"decision": "approved"}, accept=HTML),
    lambda token: json_event(token, {"decision": "denied"}),
]


@pytest.fixture(scope="module")
def figures() -> Iterator[Counter[str]]:
    """Adds up what the tests of this file did."""
    counted: Counter[str] = Counter()
    yield counted
    prove_figures.record("links", **counted)


@pytest.fixture
def furnished(figures: Counter[str]) -> Iterator[Furnished]:
    with pytest.MonkeyPatch.context() as patch:
        made = furnish(patch)
        yield made
        assert made.changes() == {}, "a refused link, and something is not as it was"
    forget_environments()


def answers(token: str) -> list[dict[str, Any]]:
    """The whole answers, headers and all, to every kind of request."""
    return [approval_handler.handler(request(token), Context()) for request in REQUESTS]


def refused(figures: Counter[str], *tokens: str) -> None:
    """Asserts that tokens are refused as nonsense is: same status, same body, same headers."""
    as_nonsense = answers(NONSENSE)
    assert {answer["statusCode"] for answer in as_nonsense} == {404}
    for token in tokens:
        assert answers(token) == as_nonsense, token
    figures["links_refused"] += len(tokens)


def statuses(token: str) -> list[int]:
    return [answer["statusCode"] for answer in answers(token)]


def encoded(data: bytes) -> str:
    return base64.urlsafe_b64encode(data).rstrip(b"=").decode()


def decoded(text: str) -> bytes:
    return base64.urlsafe_b64decode(text + "=" * (-len(text) % 4))


def signed(fields: Any, key: str = KEY) -> str:
    """A token of any fields, signed as ours are, and not by our code."""
    payload = encoded(json.dumps(fields, separators=(",", ":")).encode())
    return f"{payload}.{encoded(hmac.new(key.encode(), payload.encode(), hashlib.sha256).digest())}"


def fields_of(furnished: Furnished, name: str, expires_at: int = NOW + 1_000) -> list[Any]:
    approval = furnished.approvals[name]
    return [1, approval.session_id, approval.tool_use_id, expires_at, "k1"]


def use_keys(world: World, keys: dict[str, str]) -> None:
    """Changes the secret; the next request meets a new environment."""
    secret = {"SecretId": world.env["LINK_KEYS_SECRET_ARN"], "SecretString": json.dumps(keys)}
    world.aws["secretsmanager"].put_secret_value(**secret)
    approval_services.services.cache_clear()


def test_the_link_itself_opens_its_approval(furnished: Furnished) -> None:
    token = furnished.token("waiting")
    assert token == signed(fields_of(furnished, "waiting", NOW + 86_400))
    answer = approval_handler.handler(http_event("GET", token), Context())
    assert answer["statusCode"] == 200


def test_every_bit_of_its_text_counts(furnished: Furnished, figures: Counter[str]) -> None:
    text = furnished.token("waiting").encode()
    flipped = [
        (text[:place] + bytes([text[place] ^ 1 << bit]) + text[place + 1 :]).decode("latin-1")
        for place in range(len(text))
        for bit in range(8)
    ]
    refused(figures, *flipped)
    figures["bits_flipped"] += len(flipped)


def test_every_bit_of_what_it_says_and_of_its_signature_counts(
    furnished: Furnished, figures: Counter[str]
) -> None:
    parts = [decoded(part) for part in furnished.token("waiting").split(".")]
    flipped = []
    for part, data in enumerate(parts):
        for bit in range(8 * len(data)):
            changed = (int.from_bytes(data, "big") ^ 1 << bit).to_bytes(len(data), "big")
            flipped.append(
                ".".join(encoded(changed if n == part else p) for n, p in enumerate(parts))
            )
    refused(figures, *flipped)
    figures["bits_flipped"] += len(flipped)


def test_no_part_of_it_opens_anything_nor_does_anything_more(
    furnished: Furnished, figures: Counter[str]
) -> None:
    token = furnished.token("waiting")
    payload, signature = token.split(".")
    shorter = [token[:end] for end in range(len(token))] + [token[n:] for n in range(1, len(token))]
    more = "A=.-_~%/ \n\0ü"
    longer = [token + m for m in more] + [m + token for m in more] + [token + token]
    others = [token.swapcase(), token.lower(), f"{payload}.", f".{signature}"]
    others += [f"{signature}.{payload}", f"{payload}..{signature}", f"{token}.{signature}"]
    refused(figures, *shorter, *longer, *others)


def test_a_link_ends_to_the_second_and_only_who_holds_it_is_told(
    furnished: Furnished, figures: Counter[str]
) -> None:
    for seconds, status in ((-1, 410), (0, 410), (1, 200)):
        token = signed(fields_of(furnished, "waiting", NOW + seconds))
        answer = approval_handler.handler(http_event("GET", token), Context())
        assert answer["statusCode"] == status, seconds
        if status == 410:
            assert set(statuses(token)) == {410}
            refused(figures, token[:-1] + ("A" if token[-1] != "A" else "B"))
    furnished.world.step(1)
    assert set(statuses(token)) == {410}


def test_a_link_of_another_session_opens_nothing_of_this_one(
    furnished: Furnished, figures: Counter[str]
) -> None:
    mine, other = fields_of(furnished, "waiting"), fields_of(furnished, "denied")
    payload, signature = signed(mine).split("."), signed(other).split(".")
    refused(
        figures,
        signed([1, other[1], mine[2], *mine[3:]]),
        signed([1, mine[1], other[2], *mine[3:]]),
        f"{payload[0]}.{signature[1]}",
        f"{signature[0]}.{payload[1]}",
    )


@pytest.mark.parametrize("name", ["unknown", "job"])
def test_a_good_signature_for_what_is_no_approval_opens_nothing(
    furnished: Furnished, figures: Counter[str], name: str
) -> None:
    refused(figures, furnished.token(name))


def test_a_version_that_is_not_ours_opens_nothing(
    furnished: Furnished, figures: Counter[str]
) -> None:
    for version in (0, 2, -1, 10**30, "1", "", None, [1], {"1": 1}, 1.5):
        refused(figures, signed([version, *fields_of(furnished, "waiting")[1:]]))


def test_a_kind_with_the_fields_of_another_opens_nothing(
    furnished: Furnished, figures: Counter[str]
) -> None:
    kind, *ids, key_id = fields_of(furnished, "waiting")
    refused(figures, signed([kind, *ids, "ann", 0, key_id]), signed([kind, *ids[:2], key_id]))
    refused(figures, *(signed([2, *ids, *fields, key_id]) for fields in ([], ["ann"], ["a", 0, 0])))


def test_a_key_that_was_never_ours_or_is_named_wrongly_opens_nothing(
    furnished: Furnished, figures: Counter[str]
) -> None:
    fields = fields_of(furnished, "waiting")
    refused(figures, signed(fields, NEW_KEY), signed(fields, ""), signed([*fields[:4], "k2"]))


def test_while_a_key_is_rotated_both_open_and_once_it_is_removed_only_the_new_one(
    furnished: Furnished, figures: Counter[str]
) -> None:
    fields = fields_of(furnished, "waiting")
    old, new = signed(fields), signed([*fields[:4], "k2"], NEW_KEY)
    crossed = [signed([*fields[:4], "k2"], KEY), signed(fields, NEW_KEY)]

    def opens(token: str) -> bool:
        answer = approval_handler.handler(http_event("GET", token), Context())
        return bool(answer["statusCode"] == 200)

    assert (opens(old), opens(new)) == (True, False)
    refused(figures, new, *crossed)
    for current in ("k1", "k2"):
        use_keys(furnished.world, {"current": current, "k1": KEY, "k2": NEW_KEY})
        assert (opens(old), opens(new)) == (True, True)
        refused(figures, *crossed)
    use_keys(furnished.world, {"current": "k2", "k2": NEW_KEY})
    assert (opens(old), opens(new)) == (False, True)
    refused(figures, old, *crossed)


def test_signatures_are_compared_in_constant_time(
    furnished: Furnished, monkeypatch: pytest.MonkeyPatch
) -> None:
    compared: list[str] = []
    compare = hmac.compare_digest

    def noting(ours: str, theirs: str) -> bool:
        compared.append(theirs)
        return compare(ours, theirs)

    monkeypatch.setattr(links.hmac, "compare_digest", noting)
    payload, signature = furnished.token("waiting").split(".")
    keys = links.LinkKeys.parse(json.dumps({"current": "k1", "k1": KEY, "k2": NEW_KEY}))
    for given in (signature, "A" * 43):
        compared.clear()
        try:
            links.read_token(keys, f"{payload}.{given}")
        except links.InvalidLinkError:
            assert given != signature
        assert compared == [given] * 2, "with every key, whether or not one has matched"
