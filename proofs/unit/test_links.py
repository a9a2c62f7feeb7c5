"""Only what we signed opens anything."""

import base64
import json
import string

import pytest

from longrunning.people import links
from longrunning.people.links import (
    InvalidLinkError,
    Link,
    LinkKeys,
    LinkKeysError,
    make_token,
    read_token,
    review_url,
)

ONE, TWO = "1" * 64, "2" * 64
KEYS = LinkKeys.parse(json.dumps({"current": "k1", "k1": ONE}))
ROTATED = LinkKeys.parse(json.dumps({"current": "k2", "k1": ONE, "k2": TWO}))
ONLY_NEW = LinkKeys.parse(json.dumps({"current": "k2", "k2": TWO}))
LINK = Link("session-1", "tooluse_1", 1_773_482_400)
URL_SAFE = string.ascii_letters + string.digits + "-_"


def signed(keys: LinkKeys = KEYS) -> str:
    return make_token(keys, LINK.session_id, LINK.tool_use_id, LINK.expires_at)


def test_a_token_says_what_was_signed() -> None:
    assert read_token(KEYS, signed()) == LINK


def test_the_same_ask_gives_the_same_link() -> None:
    assert signed() == signed()


@pytest.mark.parametrize("session_id", ["s", "s" * 128, "a.b:c_d-e"])
def test_a_token_is_one_path_segment(session_id: str) -> None:
    token = make_token(KEYS, session_id, "tooluse_1", LINK.expires_at)
    assert set(token) <= set(URL_SAFE + ".")
    assert read_token(KEYS, token).session_id == session_id


def test_every_key_is_compared_in_constant_time(monkeypatch: pytest.MonkeyPatch) -> None:
    compared = []
    compare = links.hmac.compare_digest
    monkeypatch.setattr(
        links.hmac, "compare_digest", lambda *texts: compared.append(texts) or compare(*texts)
    )
    read_token(ROTATED, signed())
    assert len(compared) == 2


def test_every_flipped_bit_is_refused() -> None:
    token = signed()
    for position in range(len(token)):
        for bit in range(7):
            flipped = chr(ord(token[position]) ^ 1 << bit)
            with pytest.raises(InvalidLinkError):
                read_token(KEYS, token[:position] + flipped + token[position + 1 :])


def test_every_other_character_is_refused() -> None:
    token = signed()
    for position in range(len(token)):
        for other in set(URL_SAFE + ".=") - {token[position]}:
            with pytest.raises(InvalidLinkError):
                read_token(KEYS, token[:position] + other + token[position + 1 :])


@pytest.mark.parametrize(
    "token",
    ["", ".", "x", "x.y", "ü.ü", "a" * 10_000, signed() + "=", signed() + "\n", f" {signed()}",
     signed()[:-1], signed().partition(".")[0] + ".", "." + signed().partition(".")[2]],
)  # fmt: skip
def test_what_is_no_token_is_refused(token: str) -> None:
    with pytest.raises(InvalidLinkError):
        read_token(KEYS, token)


def test_another_sessions_signature_is_refused() -> None:
    payload = make_token(KEYS, "session-2", LINK.tool_use_id, LINK.expires_at).partition(".")[0]
    with pytest.raises(InvalidLinkError):
        read_token(KEYS, f"{payload}.{signed().partition('.')[2]}")


def test_a_later_expiry_cannot_be_written_in() -> None:
    payload, _, signature = signed().partition(".")
    fields = json.loads(base64.urlsafe_b64decode(payload + "=="))
    fields[3] += 1
    forged = base64.urlsafe_b64encode(json.dumps(fields, separators=(",", ":")).encode())
    with pytest.raises(InvalidLinkError):
        read_token(KEYS, f"{forged.decode().rstrip('=')}.{signature}")


def test_an_old_link_works_while_its_key_is_kept() -> None:
    assert read_token(ROTATED, signed(KEYS)) == LINK


def test_new_links_are_signed_with_the_current_key() -> None:
    assert read_token(ONLY_NEW, signed(ROTATED)) == LINK


def test_an_old_link_ends_with_its_key() -> None:
    with pytest.raises(InvalidLinkError):
        read_token(ONLY_NEW, signed(KEYS))


def test_a_key_under_another_id_is_refused() -> None:
    renamed = LinkKeys.parse(json.dumps({"current": "k9", "k9": ONE}))
    with pytest.raises(InvalidLinkError):
        read_token(renamed, signed(KEYS))


IDS = (LINK.session_id, LINK.tool_use_id, LINK.expires_at)
TOKENS = {
    links.REVIEW: links.make_token(KEYS, *IDS),
    links.PERSONAL: links.make_token(KEYS, *IDS, person="ann"),
    links.CALLBACK: links.make_callback_token(KEYS, *IDS),
}


@pytest.mark.parametrize("kind", TOKENS)
@pytest.mark.parametrize("wanted", [*TOKENS, 0, 3, 4, 6, 99])
def test_a_token_of_one_kind_passes_for_no_other(kind: int, wanted: int) -> None:
    if kind == wanted:
        assert read_token(KEYS, TOKENS[kind], [wanted]).session_id == LINK.session_id
        return
    with pytest.raises(InvalidLinkError):
        read_token(KEYS, TOKENS[kind], [wanted])


def test_each_route_takes_its_own_kinds() -> None:
    assert links.FOR_APPROVALS == (links.REVIEW, links.PERSONAL)
    assert links.FOR_CALLBACKS == (links.CALLBACK, links.REVIEW), "which callbacks had before"


def test_a_persons_token_says_whose_it_is_and_how_it_counts() -> None:
    token = links.make_token(KEYS, *IDS, person="ann", flags=links.VOTES)
    link = read_token(KEYS, token)
    assert link == links.Link(*IDS, "ann", links.VOTES)
    assert link.is_vote
    assert not read_token(KEYS, TOKENS[links.PERSONAL]).is_vote
    assert token != links.make_token(KEYS, *IDS, person="bob", flags=links.VOTES)


def test_a_token_without_a_name_is_as_it_was_before_there_were_names() -> None:
    payload = json.dumps([1, *IDS, KEYS.current], separators=(",", ":")).encode()
    encoded = base64.urlsafe_b64encode(payload).decode().rstrip("=")
    assert TOKENS[links.REVIEW].partition(".")[0] == encoded


@pytest.mark.parametrize(
    "secret",
    [
        "",
        "not JSON",
        "[]",
        "null",
        '"k1"',
        "{}",
        json.dumps({"k1": ONE}),
        json.dumps({"current": "k1"}),
        json.dumps({"current": "k2", "k1": ONE}),
        json.dumps({"current": ["k1"], "k1": ONE}),
        json.dumps({"current": "k1", "k1": "too short"}),
        json.dumps({"current": "k1", "k1": 7}),
        json.dumps({"current": "k 1", "k 1": ONE}),
        json.dumps({"current": "k1", "k1": ONE, "k2": None}),
        json.dumps({"current": "k1", "k1": ONE, "k2": ONE, "k3": ONE}),
    ],
)
def test_a_secret_of_another_form_is_refused(secret: str) -> None:
    with pytest.raises(LinkKeysError):
        LinkKeys.parse(secret)


def test_a_refused_secret_is_not_in_the_message() -> None:
    with pytest.raises(LinkKeysError) as refused:
        LinkKeys.parse(json.dumps({"current": "k2", "k1": "a-secret" * 8}))
    assert "a-secret" not in str(refused.value)


def test_keys_do_not_show_in_a_repr() -> None:
    assert ONE not in repr(KEYS)


@pytest.mark.parametrize("base_url", ["https://api.example.com", "https://api.example.com/"])
def test_the_links_lead_to_the_page_with_an_answer(base_url: str) -> None:
    url = review_url(base_url, "p.s", "denied")
    assert url == "https://api.example.com/approvals/p.s?decision=denied"
