"""UniTok's handler, as the HTTP API calls it, on a posts table.

That one of many racing posts with one key wins is shown in proofs/integration; here, that the put
carries the condition.
"""

import base64
import json
import logging
import re
from hashlib import sha256
from html.parser import HTMLParser
from urllib.parse import parse_qsl

import pytest
from botocore.credentials import Credentials
from botocore.exceptions import ClientError

import unitok_feed
import unitok_handler
import unitok_posts
from publish_post import PublishRefusedError, make_publisher
from recording_receiver import RecordingReceiver
from unitok_posts import Post, PostStore, PostsUnavailableError
from unitok_requests import MAX_CONTENT_BYTES, UNICORN_COLORS, Page

TABLE_NAME = "test-poststable"
CALLER = {"iam": {"userArn": "arn:aws:sts::123456789012:assumed-role/agent/run"}}
POST = {
    "content": "Unicorns by the hour",
    "author": "Ann",
    "unicorn_color": "pink",
    "image_url": "https://example.com/unicorn.png",
}


@pytest.fixture
def dynamodb(aws_clients, pocket, tables, monkeypatch):
    assert pocket.dynamodb.add_table(tables["PostsTable"]) == TABLE_NAME
    monkeypatch.setenv("AWS_DEFAULT_REGION", "eu-west-1")
    monkeypatch.setenv("POSTS_TABLE_NAME", TABLE_NAME)
    unitok_handler._store.cache_clear()
    yield aws_clients["dynamodb"]
    unitok_handler._store.cache_clear()


@pytest.fixture
def clock(monkeypatch):
    """Makes time stand still, and lets a test move it."""

    class Clock:
        now_ns = 1_700_000_000_000_000_000

        def time_ns(self):
            return self.now_ns

    clock = Clock()
    monkeypatch.setattr(unitok_handler, "time", clock)
    return clock


def event(method, path, query=None, headers=None, body=None, authorizer=None):
    """An HTTP API event, payload format 2.0."""
    context = {"http": {"method": method, "path": path}, "stage": "$default"}
    if authorizer is not None:
        context["authorizer"] = authorizer
    made = {
        "version": "2.0",
        "routeKey": f"{method} {path}",
        "rawPath": path,
        "headers": headers or {},
        "requestContext": context,
        "isBase64Encoded": False,
    }
    if query:
        made["queryStringParameters"] = query
    if body is not None:
        made["body"] = body
    return made


def call(*args, **kwargs):
    return unitok_handler.handler(event(*args, **kwargs), None)


def post(body=None, key="session-1/tooluse_1", authorizer=CALLER, **changes):
    text = json.dumps({**POST, **changes}) if body is None else body
    headers = {} if key is None else {"idempotency-key": key}
    return call("POST", "/posts", headers=headers, body=text, authorizer=authorizer)


def posts(**query):
    answer = call("GET", "/posts", query={name: str(value) for name, value in query.items()})
    assert answer["statusCode"] == 200, answer["body"]
    return json.loads(answer["body"])["posts"]


def feed(**query):
    answer = call("GET", "/feed", query=query)
    assert answer["statusCode"] == 200, answer["body"]
    return answer


def error_of(answer):
    return json.loads(answer["body"])["error"]


class ParsedPage(HTMLParser):
    """What a browser makes of a page: tags, attributes, and the text of each <pre>."""

    def __init__(self, answer):
        super().__init__()
        self.tags = []
        self.contents = []
        self.headings = []
        self._into = None
        self.feed(answer["body"])

    def handle_starttag(self, tag, attrs):
        self.tags.append((tag, dict(attrs)))
        if tag in ("pre", "h2"):
            self._into = self.contents if tag == "pre" else self.headings
            self._into.append("")

    def handle_endtag(self, tag):
        if tag in ("pre", "h2"):
            self._into = None

    def handle_data(self, data):
        if self._into is not None:
            self._into[-1] += data

    def close_contents(self):
        """A browser drops the newline that follows <pre> at once."""
        return [content.removeprefix("\n") for content in self.contents]

    def links(self):
        return [attrs["href"] for tag, attrs in self.tags if tag == "a"]


def record_calls(operation):
    """Records the parameters of the handler's own DynamoDB calls from here on."""
    sent = []
    unitok_handler._store()._client.meta.events.register(
        f"provide-client-params.dynamodb.{operation}",
        lambda params, **kwargs: sent.append(params),
    )
    return sent


def test_first_post_is_created(dynamodb, clock):
    answer = post()

    stored = json.loads(answer["body"])
    assert answer["statusCode"] == 201
    assert answer["headers"]["content-type"] == "application/json"
    assert stored == {**POST, "post_id": stored["post_id"], "created_at": 1_700_000_000}
    assert posts() == [stored]


def test_the_same_post_again_is_answered_and_not_made_again(dynamodb, clock):
    first = post()
    clock.now_ns += 5_000_000_000

    again = post()
    reworded = post(body=json.dumps(dict(reversed(POST.items())), indent=2))

    assert (again["statusCode"], reworded["statusCode"]) == (200, 200)
    assert again["body"] == reworded["body"] == first["body"]
    assert dynamodb.scan(TableName=TABLE_NAME)["Count"] == 1


@pytest.mark.parametrize(
    "change",
    [
        {"content": "Unicorns by the hour "},
        {"author": "Bob"},
        {"unicorn_color": "blue"},
        {"image_url": None},
    ],
    ids=lambda change: next(iter(change)),
)
def test_the_same_key_with_another_post_is_a_conflict(dynamodb, change):
    first = post()

    answer = post(**change)

    assert answer["statusCode"] == 422
    assert "Idempotency-Key" in error_of(answer)
    assert posts() == [json.loads(first["body"])]


def test_other_keys_make_other_posts(dynamodb):
    ids = {json.loads(post(key=f"session-1/{n}")["body"])["post_id"] for n in range(3)}

    assert len(ids) == len(posts()) == 3


def test_the_put_is_conditional_on_the_key(dynamodb):
    sent = record_calls("PutItem")

    post()

    assert sent[0]["ConditionExpression"] == "attribute_not_exists(idempotency_key)"
    assert set(sent[0]["Item"]) >= {"feed", "idempotency_key"}


def test_what_is_left_out_gets_defaults(dynamodb):
    stored = json.loads(post(body='{"content": "Hello"}')["body"])

    assert stored["author"] == "Unicorn Rentals"
    assert stored["unicorn_color"] == "rainbow"
    assert stored["image_url"] is None
    assert posts() == [stored]


def test_base64_bodies_are_decoded(dynamodb):
    made = event("POST", "/posts", headers={"Idempotency-Key": "k"}, authorizer=CALLER)
    made["body"] = base64.b64encode(json.dumps({"content": "Grüße 🦄"}).encode()).decode()
    made["isBase64Encoded"] = True

    assert unitok_handler.handler(made, None)["statusCode"] == 201
    assert posts()[0]["content"] == "Grüße 🦄"


@pytest.mark.parametrize(
    "authorizer",
    [None, {}, {"iam": None}, {"iam": {}}, {"jwt": {"claims": {"sub": "somebody"}}}],
    ids=repr,
)
def test_anonymous_post_is_refused(dynamodb, authorizer):
    answer = post(authorizer=authorizer)

    assert answer["statusCode"] == 403
    assert posts() == []


@pytest.mark.parametrize("key", [None, "", "two words", "ü", "a\nb", "x" * 513])
def test_post_without_a_usable_key_is_refused(dynamodb, key):
    answer = post(key=key)

    assert answer["statusCode"] == 400
    assert "Idempotency-Key" in error_of(answer)
    assert posts() == []


@pytest.mark.parametrize("key", ["x" * 512, "session:1.a_b-c/tooluse_A-9"])
def test_keys_of_every_session_and_tool_use_are_taken(dynamodb, key):
    assert post(key=key)["statusCode"] == 201
    assert post(key=key)["statusCode"] == 200


@pytest.mark.parametrize(
    ("body", "field"),
    [
        ("", "body"),
        ("not json", "body"),
        ("[]", "body"),
        ('"text"', "body"),
        ("null", "body"),
        ("[" * 100_000, "body"),
        ("{}", "content"),
        ('{"content": null}', "content"),
        ('{"content": 5}', "content"),
        ('{"content": ["a"]}', "content"),
        ('{"content": "\\ud800"}', "content"),
        ('{"content": "a", "author": null}', "author"),
        ('{"content": "a", "author": 5}', "author"),
        ('{"content": "a", "unicorn_color": 5}', "unicorn_color"),
        ('{"content": "a", "image_url": 5}', "image_url"),
    ],
)
def test_body_that_cannot_be_read_is_400(dynamodb, body, field):
    answer = post(body=body)

    assert answer["statusCode"] == 400
    assert error_of(answer).startswith(f"{field}: expected ")
    assert posts() == []


@pytest.mark.parametrize("name", ["amount", "Author", "created_at", "post_id", "unicornColor"])
@pytest.mark.parametrize("value", [25, None, "x"])
def test_a_field_that_is_not_known_is_400_and_named(dynamodb, name, value):
    answer = post(**{name: value})

    assert answer["statusCode"] == 400
    assert error_of(answer).startswith(f"{name}: ")
    assert "content, author, unicorn_color, image_url" in error_of(answer)
    assert posts() == []


def test_a_field_in_the_query_of_a_post_is_400_and_named(dynamodb):
    made = event("POST", "/posts", headers={"idempotency-key": "k"}, authorizer=CALLER)
    made |= {"body": json.dumps(POST), "rawQueryString": "author=Bob"}

    answer = unitok_handler.handler(made, None)

    assert (answer["statusCode"], error_of(answer)[:8]) == (400, "author: ")
    assert posts() == []


def test_body_that_is_no_utf8_is_400(dynamodb):
    made = event("POST", "/posts", headers={"idempotency-key": "k"}, authorizer=CALLER)
    made |= {"body": base64.b64encode(b'{"content": "\xff"}').decode(), "isBase64Encoded": True}

    assert unitok_handler.handler(made, None)["statusCode"] == 400


@pytest.mark.parametrize(
    "changes",
    [
        {"content": ""},
        {"content": " \n\t"},
        {"content": "x" * (MAX_CONTENT_BYTES + 1)},
        {"content": "ü" * (MAX_CONTENT_BYTES // 2 + 1)},
        {"author": ""},
        {"author": "  "},
        {"author": "x" * 101},
        {"author": "two\nlines"},
        {"author": "two\u2028lines"},
        {"unicorn_color": "brown"},
        {"unicorn_color": "Pink"},
        {"unicorn_color": ""},
        {"image_url": ""},
        {"image_url": "http://example.com/a.png"},
        {"image_url": "javascript:alert(1)"},
        {"image_url": "data:image/png;base64,AAAA"},
        {"image_url": "//example.com/a.png"},
        {"image_url": "https://"},
        {"image_url": "https:///a.png"},
        {"image_url": "https://[::1"},
        {"image_url": "https://bank.example@evil.example/"},
        {"image_url": "https://example.com/a b.png"},
        {"image_url": "https://example.com/\r\nx"},
        {"image_url": "https://example.com/\x00"},
        {"image_url": "https://example.com/" + "x" * 2_048},
    ],
    ids=lambda changes: f"{changes}"[:60],
)
def test_value_that_is_not_allowed_is_422(dynamodb, changes):
    answer = post(**changes)

    (field,) = changes
    assert answer["statusCode"] == 422
    assert error_of(answer).startswith(f"{field}: expected ")
    assert posts() == []


@pytest.mark.parametrize("unit", ["x", "🦄", "\x01", "\n", '"'], ids=ascii)
def test_content_of_256_kb_is_stored_and_read_as_it_was(dynamodb, unit):
    content = unit * (MAX_CONTENT_BYTES // len(unit.encode()))
    if not content.strip():
        content = "x" + content[1:]

    assert post(content=content)["statusCode"] == 201
    assert posts()[0]["content"] == content


@pytest.mark.parametrize("color", UNICORN_COLORS)
def test_every_colour_is_accepted_and_shown(dynamodb, color):
    assert post(unicorn_color=color)["statusCode"] == 201

    body = feed()["body"]
    assert f'<article class="post {color}"' in body
    assert f'aria-label="{color} unicorn"' in body
    assert f".{color} {{" in body


def test_posts_are_listed_newest_first(dynamodb, clock):
    for n in (3, 1, 2):
        post(key=f"key-{n}", content=f"post {n}")
        clock.now_ns += 1_000

    assert [p["content"] for p in posts()] == ["post 2", "post 1", "post 3"]
    assert len({p["created_at"] for p in posts()}) == 1, "also within one second"


def test_no_posts_are_an_empty_list(dynamodb):
    assert posts() == []


def put_many(count, clock, **changes):
    store = unitok_handler._store()
    for n in range(count):
        submission = unitok_handler.parse_submission({"body": json.dumps({**POST, **changes})})
        store.put_once(f"key-{n}", submission, clock.now_ns + n * 1_000)


def test_twenty_posts_are_listed_unless_a_limit_is_asked_for(dynamodb, clock):
    put_many(45, clock)

    pages = [json.loads(a["body"])["posts"] for a in follow("/posts", {})]

    assert [len(page) for page in pages] == [20, 20, 5]
    ids = [p["post_id"] for page in pages for p in page]
    assert ids == sorted(set(ids), reverse=True)


@pytest.mark.parametrize("limit", ["100", "101", "999999999"])
def test_a_hundred_posts_are_listed_at_most(dynamodb, clock, monkeypatch, limit):
    monkeypatch.setattr(unitok_posts, "KEYS_PER_QUERY", 30)
    put_many(130, clock)

    pages = [json.loads(a["body"])["posts"] for a in follow("/posts", {"limit": limit})]

    assert [len(page) for page in pages] == [100, 30]
    ids = [p["post_id"] for page in pages for p in page]
    assert ids == sorted(set(ids), reverse=True)


@pytest.mark.parametrize("path", ["/posts", "/feed"])
def test_an_unsigned_answer_has_a_bound_of_bytes_and_so_has_what_is_read_for_it(
    dynamodb, clock, path
):
    put_many(30, clock, content="x" * 100_000)
    reads = record_calls("BatchGetItem")

    answer = call("GET", path)

    assert answer["body"].count("x" * 100_000) == 2
    around_bytes = len(unitok_feed.render_feed([], None, is_first=True)) + 200
    assert len(answer["body"].encode()) <= unitok_handler.MAX_POSTS_BYTES + around_bytes
    assert sum(len(read["RequestItems"][TABLE_NAME]["Keys"]) for read in reads) <= 2 + 5


def test_twenty_small_posts_take_a_query_and_five_batches(dynamodb, clock):
    put_many(30, clock, content="x" * 1_000)
    queries, reads = record_calls("Query"), record_calls("BatchGetItem")

    answer = call("GET", "/posts")

    assert [query["Limit"] for query in queries] == [21]
    assert [len(read["RequestItems"][TABLE_NAME]["Keys"]) for read in reads] == [5, 5, 5, 5, 1]
    assert len(answer["body"]) < 25_000


@pytest.mark.parametrize("path", ["/posts", "/feed"])
@pytest.mark.parametrize("unit", ["x", "\x01", "🦄", "&", '"'], ids=ascii)
def test_the_largest_post_has_an_answer_of_its_own(dynamodb, clock, path, unit):
    put_many(3, clock, content=unit * (MAX_CONTENT_BYTES // len(unit.encode())))

    answers = list(follow(path, {})) if path == "/posts" else [call("GET", path)]

    assert len(answers) == (3 if path == "/posts" else 1)
    for answer in answers:
        marks = {"/posts": '"post_id"', "/feed": "<article"}
        assert answer["body"].count(marks[path]) == 1
        assert len(answer["body"].encode()) < 1_600_000


@pytest.mark.parametrize(("limit", "length"), [(1, 1), (2, 2), (3, 3), (4, 3), (999_999_999, 3)])
def test_limit_bounds_the_list(dynamodb, clock, limit, length):
    put_many(3, clock)

    assert posts(limit=limit) == posts()[:length]
    assert len(posts(limit=limit)) == length


def test_limit_bounds_what_is_read(dynamodb, clock):
    put_many(10, clock)
    queries, reads = record_calls("Query"), record_calls("BatchGetItem")

    posts(limit=2)

    assert queries[0]["Limit"] == 3
    assert len(reads[0]["RequestItems"][TABLE_NAME]["Keys"]) == 3

    posts()

    assert queries[1]["Limit"] == 21


@pytest.mark.parametrize(
    "query",
    [
        {"limit": "0"},
        {"limit": "-1"},
        {"limit": "x"},
        {"limit": "1.5"},
        {"limit": ""},
        {"limit": "٣"},
        {"limit": "1" * 10},
        {"before": "x"},
        {"before": ""},
        {"before": "F" * 24},
    ],
    ids=repr,
)
@pytest.mark.parametrize("path", ["/posts", "/feed"])
def test_query_that_makes_no_sense_is_400(dynamodb, path, query):
    assert call("GET", path, query=query)["statusCode"] == 400


def follow(path, query):
    """Reads page after page as the Link header leads."""
    for _ in range(50):
        answer = call("GET", path, query=query)
        assert answer["statusCode"] == 200
        assert len(json.dumps(answer)) < 6 * 1024 * 1024, "Lambda's limit"
        yield answer
        link = re.search(r'[<"]\?([^>"]*before[^>"]*)[>"]', answer["headers"].get("link", ""))
        if not link:
            return
        query = dict(parse_qsl(link[1], keep_blank_values=True))
    raise AssertionError("it leads round in a circle")


def test_link_header_leads_through_all_posts(dynamodb, clock):
    put_many(7, clock)

    pages = [json.loads(a["body"])["posts"] for a in follow("/posts", {"limit": "3"})]

    assert [len(page) for page in pages] == [3, 3, 1]
    assert [p for page in pages for p in page] == posts()


@pytest.mark.parametrize(("unit", "count"), [("x", 24), ("&", 24), ("\x01", 6)], ids=ascii)
def test_an_answer_never_outgrows_lambda(dynamodb, clock, unit, count):
    put_many(count, clock, content=unit * (MAX_CONTENT_BYTES // len(unit.encode())))

    pages = [json.loads(a["body"])["posts"] for a in follow("/posts", {})]

    assert len(pages) > 1
    ids = [p["post_id"] for page in pages for p in page]
    assert len(ids) == len(set(ids)) == count
    assert ids == sorted(ids, reverse=True)
    assert len(json.dumps(call("GET", "/feed"))) < 6 * 1024 * 1024


def test_reads_are_strongly_consistent(dynamodb):
    post()
    queries, reads = record_calls("Query"), record_calls("BatchGetItem")

    posts()

    assert [query["ConsistentRead"] for query in queries] == [True]
    assert [read["RequestItems"][TABLE_NAME]["ConsistentRead"] for read in reads] == [True]


@pytest.mark.parametrize("path", ["/posts", "/feed"])
def test_head_answers_as_get_without_a_body(dynamodb, path):
    post()

    answer = call("HEAD", path)

    assert answer == {**call("GET", path), "body": ""}


@pytest.mark.parametrize(
    ("method", "path"),
    [("GET", "/"), ("GET", "/post"), ("PUT", "/posts"), ("DELETE", "/posts"), ("POST", "/feed")],
)
def test_everything_else_is_404(dynamodb, method, path):
    assert call(method, path, authorizer=CALLER)["statusCode"] == 404


@pytest.mark.parametrize("path", ["/posts/", "/prod/posts", "/a/b/posts"])
def test_a_stage_before_the_path_does_not_matter(dynamodb, path):
    assert call("GET", path)["statusCode"] == 200


def test_the_key_is_never_shown_to_readers(dynamodb):
    post(key="secret-session/tooluse_1")

    for path in ("/posts", "/feed"):
        assert "secret-session" not in json.dumps(call("GET", path))


def test_content_is_never_logged_or_repeated_in_a_reason(dynamodb, caplog, monkeypatch):
    caplog.set_level(logging.DEBUG, logger="longrunning")
    unitok_handler._store()  # Sets logging up; from here on caplog hears it too.
    monkeypatch.setattr(logging.getLogger("longrunning"), "propagate", True)
    refusals = [
        post(content="Unicorns by the hour"),
        post(content="Unicorns, changed"),
        post(author="Unicorns\n"),
        post(image_url="Unicorns"),
        post(body='{"content": ["Unicorns"]}'),
    ]
    named = post(body='{"content": "a", "Unicorns": 1}')  # A name is for its sender alone.

    assert [answer["statusCode"] for answer in refusals] == [201, 422, 422, 422, 400]
    assert (named["statusCode"], error_of(named)[:8]) == (400, "Unicorns")
    assert "refused" in caplog.text
    assert not any("Unicorns" in str(vars(record)) for record in caplog.records)
    assert not any("Unicorns" in answer["body"] for answer in refusals[1:])


def test_a_fault_of_the_table_is_not_swallowed(dynamodb, pocket):
    pocket.dynamodb.tables.clear()

    with pytest.raises(ClientError, match="ResourceNotFound"):
        post()


class Unprocessing:
    """A client that leaves keys unprocessed for a while."""

    def __init__(self, client, times):
        self._client = client
        self._times = times

    def __getattr__(self, name):
        return getattr(self._client, name)

    def batch_get_item(self, RequestItems):
        self._times -= 1
        if self._times < 0:
            return self._client.batch_get_item(RequestItems=RequestItems)
        wanted = RequestItems[TABLE_NAME]
        first = {TABLE_NAME: {**wanted, "Keys": wanted["Keys"][:1]}}
        rest = {TABLE_NAME: {**wanted, "Keys": wanted["Keys"][1:]}}
        return {**self._client.batch_get_item(RequestItems=first), "UnprocessedKeys": rest}


def test_keys_that_were_left_out_are_asked_for_again(dynamodb, clock, monkeypatch):
    monkeypatch.setattr(unitok_posts.time, "sleep", lambda seconds: None)
    put_many(5, clock)
    store = PostStore(Unprocessing(dynamodb, times=3), TABLE_NAME)

    assert [p.as_document() for p in store.newest(Page())] == posts()


def test_keys_that_stay_left_out_are_a_fault(dynamodb, clock, monkeypatch):
    monkeypatch.setattr(unitok_posts.time, "sleep", lambda seconds: None)
    put_many(9, clock)
    store = PostStore(Unprocessing(dynamodb, times=99), TABLE_NAME)

    with pytest.raises(PostsUnavailableError):
        list(store.newest(Page()))


def test_a_post_that_was_deleted_meanwhile_is_left_out(dynamodb, clock):
    put_many(3, clock)

    class Deleting(Unprocessing):
        def batch_get_item(self, RequestItems):
            key = RequestItems[TABLE_NAME]["Keys"][1]
            self._client.delete_item(TableName=TABLE_NAME, Key=key)
            return self._client.batch_get_item(RequestItems=RequestItems)

    assert len(list(PostStore(Deleting(dynamodb, 0), TABLE_NAME).newest(Page()))) == 2


@pytest.mark.parametrize(
    "content",
    [
        "one\ntwo\n\nthree",
        "\n\nleading newlines",
        "trailing newlines\n\n",
        "\ttab and  spaces",
        "</pre><script>alert(1)</script>",
        '<img src=x onerror="alert(1)"> & &amp; &#39;',
        "$content ${author} $$",
        "mixed \u202eright to left",
    ],
    ids=ascii,
)
def test_feed_shows_the_content_as_it_is(dynamodb, content):
    post(content=content)

    page = ParsedPage(feed())

    assert page.close_contents() == [content]
    assert not {"script", "img", "iframe", "form"} & {tag for tag, _ in page.tags}


def test_feed_shows_who_and_when_and_the_picture_as_a_link(dynamodb, clock):
    post(author='<b>Ann</b> & "friends"', image_url='https://example.com/a?b="c"&d')

    answer = feed()
    page = ParsedPage(answer)

    assert page.headings == ['<b>Ann</b> & "friends"']
    assert '<time datetime="2023-11-14T22:13:20Z">14 Nov 2023, 22:13 UTC</time>' in answer["body"]
    assert 'https://example.com/a?b="c"&d' in page.links()
    (link,) = (attrs for tag, attrs in page.tags if attrs.get("href", "").startswith("https:"))
    assert set(link["rel"].split()) >= {"noopener", "noreferrer", "nofollow"}


def test_feed_allows_its_own_style_and_nothing_else(dynamodb):
    post()

    answer = feed()
    policy = answer["headers"]["content-security-policy"].split("; ")
    styles = re.findall(r"<style>(.*?)</style>", answer["body"], re.DOTALL)

    assert len(styles) == 1
    digest = base64.b64encode(sha256(styles[0].encode()).digest()).decode()
    assert policy == [
        "default-src 'none'",
        f"style-src 'sha256-{digest}'",
        "form-action 'none'",
        "frame-ancestors 'none'",
        "base-uri 'none'",
    ]
    assert answer["headers"]["x-content-type-options"] == "nosniff"
    assert answer["headers"]["referrer-policy"] == "no-referrer"
    assert answer["headers"]["content-type"] == "text/html; charset=utf-8"
    assert not re.search(r"\sstyle=|\son\w+=|<script|<link|@import", answer["body"])


def test_feed_is_made_for_phones_and_for_light_and_dark(dynamodb):
    body = feed()["body"]

    assert '<meta name="viewport" content="width=device-width, initial-scale=1">' in body
    assert "prefers-color-scheme: dark" in body
    assert '<html lang="en">' in body


def test_empty_feed_says_so(dynamodb):
    assert "No posts yet" in feed()["body"]


def test_feed_leads_to_older_posts_and_back(dynamodb, clock):
    put_many(25, clock)

    first = ParsedPage(feed())
    (older,) = (href for href in first.links() if href.startswith("?before="))
    second = ParsedPage(feed(**dict(parse_qsl(older.removeprefix("?")))))

    assert (len(first.contents), len(second.contents)) == (20, 5)
    assert "?" not in first.links()
    assert "?" in second.links()
    assert not any(href.startswith("?before=") for href in second.links())


def test_a_colour_that_is_not_known_any_more_is_no_class_name():
    old = Post("0" * 24, "text", "Ann", '"><script>', None, 0)

    assert '<article class="post rainbow"' in unitok_feed.render_post(old)


def test_publish_post_and_unitok_agree(dynamodb):
    class Front(RecordingReceiver):
        """Hands requests on to the handler, as the HTTP API does once a signature was right."""

        def answer(self, path, headers, body):
            made = event("POST", path, headers=dict(headers.items()), authorizer=CALLER)
            answer = unitok_handler.handler(made | {"body": body.decode()}, None)
            return answer["statusCode"], answer["headers"], answer["body"].encode()

    front = Front()
    publish = make_publisher(
        front.url, region="eu-west-1", credentials=Credentials("AKIDEXAMPLE", "secret")
    )
    try:
        said = publish("Hello\n", idempotency_key="s/t")
        assert publish("Hello\n", idempotency_key="s/t") == said
        with pytest.raises(PublishRefusedError, match=r"422.*another post"):
            publish("Hello", idempotency_key="s/t")
        with pytest.raises(PublishRefusedError, match=r"422.*unicorn_color"):
            publish("Hello", unicorn_color="brown", idempotency_key="s/u")
    finally:
        front.stop()

    (stored,) = posts()
    assert stored["content"] == "Hello\n"
    assert stored["post_id"] in said
