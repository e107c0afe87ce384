"""What is refused, how, and that nothing of it is stored or echoed."""

import base64
import gzip
import json
import time
from collections.abc import AsyncIterator, Awaitable, Callable
from typing import Any, TypeAlias

import httpx
import pytest
from sqlalchemy import event, text
from sqlalchemy.ext.asyncio import AsyncConnection

from api.schemas.base import ProblemOut
from tests.conftest import PASSWORD, Client

pytestmark = pytest.mark.anyio

MOVIE = 1
LARGEST_ID = 2**31 - 1
JSON = {"content-type": "application/json"}
Digest: TypeAlias = Callable[[], Awaitable[list[str | None]]]


def refused(
    reply: httpx.Response, status: int, *field: str | int, echo: str | None = None
) -> ProblemOut:
    """Assert a problem document that names the field and does not echo its value."""
    assert reply.status_code == status, reply.text
    assert reply.headers["content-type"] == "application/problem+json"
    problem = ProblemOut.model_validate_json(reply.content)
    assert problem.status == status
    assert problem.request_id == reply.headers["x-request-id"]
    if field:
        fields = [error.field for error in problem.errors or ()]
        assert any(found[: len(field)] == list(field) for found in fields), fields
    assert echo is None or echo not in reply.text
    return problem


@pytest.fixture
def snapshot(connection: AsyncConnection) -> Digest:
    """Return a function that digests everything clients can write."""
    tables = (
        "users",
        "sessions",
        "api_keys",
        "training_runs",
        "feedback",
        "opinions",
        "hidden_movies",
        "experiments",
        "variants",
        "exposures",
        "(SELECT * FROM ratings WHERE user_id > 1000000000)",
    )

    async def digest() -> list[str | None]:
        return [
            await connection.scalar(
                text(f"SELECT md5(string_agg(t::text, ',')) FROM {rows} AS t")  # noqa: S608 - names of ours
            )
            for rows in tables
        ]

    return digest


@pytest.fixture
async def parameters(connection: AsyncConnection) -> AsyncIterator[list[Any]]:
    """Record every value that a statement carries to the database."""
    seen: list[Any] = []

    def record(*arguments: Any) -> None:
        values = arguments[3]
        seen.extend(values.values() if isinstance(values, dict) else values)

    assert connection.sync_connection is not None
    event.listen(connection.sync_connection, "before_cursor_execute", record)
    yield seen
    event.remove(connection.sync_connection, "before_cursor_execute", record)


# B2. Numbers in a rating.


@pytest.mark.parametrize(
    ("number", "status"),
    [
        ("NaN", 400),
        ("Infinity", 400),
        ("-Infinity", 400),
        ("9" * 5000, 400),
        ("04", 400),
        ("1e999", 422),
        ("-1e999", 422),
        ("9" * 400, 422),
        ("-0", 422),
        ("-0.0", 422),
        ("0", 422),
        ("4.3", 422),
        ("0.25", 422),
        ("5.5", 422),
        ("5.0000001", 422),
        ("4.5000000001", 422),
        ('"4"', 422),
        ("true", 422),
        ("null", 422),
        ("[]", 422),
        ("{}", 422),
    ],
)
async def test_what_is_no_half_star_is_refused(alice, snapshot, number, status):
    before = await snapshot()

    url = f"/ratings/{alice.user_id}/{MOVIE}"
    stored = await alice.put(url, content=f'{{"value": {number}}}', headers=JSON)
    inline = await alice.post(
        "/recommendations",
        content=f'{{"ratings": [{{"movie_id": 1, "value": {number}}}]}}',
        headers=JSON,
    )

    in_body = ("body", "value") if status == 422 else ()
    in_list = ("body", "ratings", 0, "value") if status == 422 else ()
    echo = number if len(number) > 3 and number != "null" else None
    refused(stored, status, *in_body, echo=echo)
    refused(inline, status, *in_list, echo=echo)
    assert await snapshot() == before


# B3. Ids.


def urls_of(user_id: int) -> list[tuple[str, str]]:
    """List every place in a path where an id is read."""
    return [
        ("GET", "/movies/{}"),
        ("GET", "/movies/{}/similar"),
        ("GET", "/ratings/{}"),
        ("GET", "/ratings/{}/1"),
        ("GET", f"/ratings/{user_id}/{{}}"),
        ("PUT", f"/ratings/{user_id}/{{}}"),
        ("DELETE", f"/ratings/{user_id}/{{}}"),
        ("GET", "/recommendations/{}"),
        ("GET", f"/recommendations/{user_id}/{{}}/explanation"),
        ("GET", "/hidden/{}"),
        ("PUT", "/hidden/{}/1"),
        ("PUT", f"/hidden/{user_id}/{{}}"),
        ("DELETE", f"/hidden/{user_id}/{{}}"),
        ("GET", "/experiments/{}"),
        ("POST", "/experiments/{}/start"),
        ("POST", "/experiments/{}/stop"),
        ("GET", "/experiments/{}/results"),
        ("GET", "/experiments/{}/exposures"),
        ("GET", f"/experiments/{{}}/assignment/{user_id}"),
        ("GET", "/experiments/1/assignment/{}"),
        ("DELETE", "/api-keys/{}"),
        ("DELETE", "/me/sessions/{}"),
        ("GET", "/training-runs/{}"),
    ]


@pytest.mark.parametrize(
    ("written", "statuses"),
    [
        (str(LARGEST_ID), {404}),
        ("0", {422}),
        ("-1", {422}),
        ("-0", {422}),
        ("+1", {422}),
        (str(2**31), {422}),
        (str(2**53 + 1), {422}),
        (str(2**63 - 1), {422}),
        (str(2**63), {422}),
        (str(10**30), {422}),
        ("1_000", {422}),
        ("%205%20", {422}),
        ("٣", {422}),
        ("1e3", {422}),
        ("1.0", {422}),
        ("0x1", {422}),
        ("%00", {422}),
        ("1%0a", {422}),
        ("..%2f..", {404, 405, 422}),
        ("1" * 10_000, {422}),
        ("NaN", {422}),
        ("null", {422}),
    ],
)
async def test_an_id_is_a_plain_integer_in_range(
    admin, parameters, snapshot, written, statuses
):
    before = await snapshot()
    parameters.clear()

    for method, template in urls_of(admin.user_id):
        takes_body = method == "PUT" and template.startswith("/ratings")
        body = {"value": 4} if takes_body else None
        reply = await admin.request(method, template.format(written), json=body)

        assert reply.status_code in statuses, template
        refused(reply, reply.status_code, echo=written if len(written) > 9 else None)

    numbers = [value for value in parameters if isinstance(value, int)]
    assert all(0 <= number <= LARGEST_ID for number in numbers)
    assert 1000 not in numbers
    assert await snapshot() == before


@pytest.mark.parametrize(
    ("written", "status"),
    [
        ("0", 422),
        ("-1", 422),
        (str(2**31), 422),
        (str(2**63), 422),
        (str(10**30), 422),
        ("1" * 10_000, 400),
        ("1.0", 422),
        ('"1"', 422),
        ("true", 422),
        ("null", 422),
    ],
)
async def test_an_id_in_a_body_is_an_integer_in_range(
    anonymous, parameters, written, status
):
    parameters.clear()

    rated = await anonymous.post(
        "/recommendations",
        content=f'{{"ratings": [{{"movie_id": {written}, "value": 4}}]}}',
        headers=JSON,
    )
    excluded = await anonymous.post(
        "/recommendations",
        content=f'{{"ratings": [], "exclude": [{written}]}}',
        headers=JSON,
    )

    if status == 422:
        refused(rated, status, "body", "ratings", 0, "movie_id")
        refused(excluded, status, "body", "exclude", 0)
    else:
        refused(rated, status)
        refused(excluded, status)
    assert not parameters


@pytest.mark.parametrize("written", ["0", "-1", str(2**31), "1_0", "x", "", "٣", "%00"])
async def test_an_excluded_id_is_a_plain_integer_in_range(alice, written):
    url = f"/recommendations/{alice.user_id}?exclude=1&exclude={written}"

    refused(await alice.get(url), 422, "query", "exclude")


# B4. Text.


@pytest.mark.parametrize(
    ("username", "status"),
    [
        (rb'"al\u0000ice"', 422),
        (rb'"al\ud800ice"', 422),
        (rb'"al\u202eice"', 422),
        (rb'"al\u200bice"', 422),
        (rb'"al\u2028ice"', 422),
        (rb'"al\nice"', 422),
        (rb'" alice"', 422),
        (b'"e' + "\u0301".encode() * 10_000 + b'"', 422),
        (b'"al\xffice"', 400),
        (b'"al\xed\xa0\x80ice"', 400),
        (b'"' + b"a" * 41 + b'"', 422),
        (b'"ab"', 422),
        (b'"     "', 422),
        (b'""', 422),
        (b"7", 422),
        (b"null", 422),
    ],
)
async def test_a_username_that_cannot_be_told_apart_is_refused(
    anonymous, snapshot, username, status
):
    before = await snapshot()
    body = b'{"username": ' + username + b', "password": "correct horse"}'

    reply = await anonymous.post("/auth/register", content=body, headers=JSON)

    field = ("body", "username") if status == 422 else ()
    refused(reply, status, *field, echo="correct horse")
    assert await snapshot() == before


@pytest.mark.parametrize(
    ("sent", "kept"),
    [
        ("я" * 40, "я" * 40),
        ("Zoe\u0308.M", "Zoë.M"),
        ("אליס", "אליס"),
        ("O'Brien", "O'Brien"),
    ],
)
async def test_a_username_of_any_script_is_kept_as_sent(anonymous, sent, kept):
    credentials = {"username": sent, "password": PASSWORD}

    reply = await anonymous.post("/auth/register", json=credentials)

    assert reply.status_code == 201
    assert reply.json()["username"] == kept
    assert (await anonymous.get("/me")).json()["username"] == kept


@pytest.mark.parametrize(
    ("name", "status"),
    [
        ("\\u0000", 422),
        ("\\udfff", 422),
        ("\\t", 422),
        ("   ", 422),
        ("", 422),
        ("x" * 101, 422),
        ("🎬" * 100, 201),
        ("\\u202ereversed", 201),
        ("<script>alert(1)</script>", 201),
    ],
)
async def test_the_name_of_a_key_is_kept_as_sent_or_refused(
    alice, snapshot, name, status
):
    before = await snapshot()
    body = f'{{"name": "{name}", "scopes": ["read"]}}'

    reply = await alice.post("/api-keys", content=body.encode(), headers=JSON)

    if status == 201:
        assert reply.status_code == 201
        assert reply.json()["name"] == json.loads(f'"{name}"')
    else:
        refused(reply, status, "body", "name")
        assert await snapshot() == before


@pytest.mark.parametrize("parameter", ["query", "genre"])
@pytest.mark.parametrize(
    ("written", "status"),
    [
        ("%00", 422),
        ("a%00b", 422),
        ("", 422),
        ("%20%20", 422),
        ("%09", 422),
        ("x" * 101, 422),
        ("e" + "%CC%81" * 3000, 422),
        ("%FF", 400),
        ("%ED%A0%80", 400),
        ("%C3", 400),
        ("%E2%80%AE", 200),
        ("%F0%9F%8E%AC" * 50, 200),
        ("%27%20%7C%7C%20xqzk%20--", 200),
        ("%25%25%5C", 200),
    ],
)
async def test_a_text_to_search_for_is_read_literally_or_refused(
    anonymous, parameter, written, status
):
    reply = await anonymous.get(f"/movies?{parameter}={written}")

    if status == 200:
        assert reply.status_code == 200
        assert reply.json()["items"] == []
    else:
        refused(reply, status, *(["query", parameter] if status == 422 else []))


# B5. JSON and the headers around it.

RATINGS = b'{"ratings": [{"movie_id": 1, "value": 4}]}'


@pytest.mark.parametrize(
    ("body", "headers", "status"),
    [
        (b'{"ratings": [], "ratings": []}', {}, 400),
        (b'{"ratings": [{"movie_id": 1, "movie_id": 2, "value": 4}]}', {}, 400),
        (b"[" * 100_000, {}, 400),
        (b"[" * 100_000 + b"]" * 100_000, {}, 400),
        (b'{"ratings":' * 50_000, {}, 400),
        (b"{", {}, 400),
        (b"{} {}", {}, 400),
        (b"\xef\xbb\xbf{}", {}, 400),
        (RATINGS.decode().encode("utf-16"), {}, 400),
        (b" ", {}, 400),
        (b'{"ratings": [' + b" " * 2_000_000 + b"]}", {}, 413),
        (RATINGS, {"content-length": "2000000"}, 413),
        (RATINGS, {"content-length": "many"}, 400),
        (RATINGS, {"content-length": "-1"}, 400),
        (RATINGS, {"content-type": "text/plain"}, 415),
        (RATINGS, {"content-type": "application/x-www-form-urlencoded"}, 415),
        (RATINGS, {"content-type": "multipart/form-data; boundary=x"}, 415),
        (RATINGS, {"content-type": "application/json; charset=latin-1"}, 415),
        (RATINGS, {"content-type": "application/json+x"}, 415),
        (RATINGS, {"content-type": ""}, 415),
        (gzip.compress(RATINGS), {"content-encoding": "gzip"}, 415),
        (gzip.compress(RATINGS), {}, 400),
        (b"", {}, 422),
        (b"[]", {}, 422),
        (b"null", {}, 422),
        (b'"text"', {}, 422),
        (b'{"ratings": [], "page": 1}', {}, 422),
        (b'{"ratings": [{"movie_id": 1, "value": 4, "user_id": 2}]}', {}, 422),
    ],
)
async def test_a_body_is_one_plain_json_document(anonymous, body, headers, status):
    seconds = []
    for _ in range(3):
        began = time.perf_counter()
        reply = await anonymous.post(
            "/recommendations", content=body, headers=JSON | headers
        )
        seconds.append(time.perf_counter() - began)

        refused(reply, status, *(["body"] if status == 422 else []))

    assert min(seconds) < 0.1


async def test_a_body_without_its_length_is_refused(anonymous):
    async def chunks() -> AsyncIterator[bytes]:
        yield RATINGS

    reply = await anonymous.post("/recommendations", content=chunks(), headers=JSON)

    refused(reply, 411)


@pytest.mark.parametrize("content_type", [None, "application/json"])
async def test_a_body_of_no_stated_type_is_refused(anonymous, content_type):
    request = anonymous.build_request("POST", "/recommendations", content=RATINGS)
    if content_type is not None:
        request.headers["content-type"] = content_type

    reply = await anonymous.send(request)

    if content_type is None:
        refused(reply, 415)
    else:
        assert reply.status_code == 200


@pytest.mark.parametrize(
    ("method", "path"),
    [
        ("GET", "/movies"),
        ("GET", "/me"),
        ("GET", "/openapi.json"),
        ("DELETE", "/auth/session"),
        ("POST", "/models/rollback"),
    ],
)
async def test_a_body_where_none_belongs_is_refused(admin, snapshot, method, path):
    before = await snapshot()

    reply = await admin.request(method, path, json={"status": "succeeded"})

    refused(reply, 400)
    assert await snapshot() == before


@pytest.mark.parametrize(
    ("method", "path", "body"),
    [
        ("POST", "/auth/register", {"username": "mallory", "password": PASSWORD}),
        ("POST", "/auth/session", {"username": "alice", "password": PASSWORD}),
        (
            "PUT",
            "/me/password",
            {"current_password": PASSWORD, "new_password": "x" * 9},
        ),
        ("POST", "/api-keys", {"name": "x", "scopes": ["read"]}),
        ("POST", "/me/deletion", {"password": PASSWORD}),
        ("PUT", "/ratings/{}/1", {"value": 4}),
        ("POST", "/recommendations", {"ratings": []}),
    ],
)
@pytest.mark.parametrize(
    "column",
    [
        "id",
        "user_id",
        "is_admin",
        "is_disabled",
        "must_change_password",
        "created_at",
        "rated_at",
        "key_hash",
        "prefix",
        "expires_at",
        "token_hash",
    ],
)
async def test_a_field_that_is_not_offered_is_refused(
    alice, snapshot, method, path, body, column
):
    before = await snapshot()

    reply = await alice.request(
        method, path.format(alice.user_id), json={**body, column: 1}
    )

    refused(reply, 422, "body", column)
    assert await snapshot() == before


async def test_the_names_of_unknown_fields_are_listed_within_bounds(anonymous):
    unknown = {f"{i}" + "x" * 1000: 1 for i in range(300)}

    reply = await anonymous.post("/recommendations", json={"ratings": [], **unknown})

    problem = refused(reply, 422)
    assert problem.errors is not None
    assert len(problem.errors) == 100
    assert len(reply.content) < 30_000


async def test_a_refused_password_is_not_echoed(anonymous, alice):
    secret = "s3cr3t"  # noqa: S105 - too short to be one
    credentials = {"username": "mallory", "password": secret}
    change = {"current_password": PASSWORD, "new_password": secret}

    register = await anonymous.post("/auth/register", json=credentials)
    sign_in = await anonymous.post("/auth/session", json=credentials)
    changed = await alice.put("/me/password", json=change)

    refused(register, 422, "body", "password", echo=secret)
    refused(sign_in, 422, "body", "password", echo=secret)
    refused(changed, 422, "body", "new_password", echo=secret)


@pytest.mark.parametrize(
    ("body", "field"),
    [
        (
            {"ratings": [{"movie_id": i + 1, "value": 4} for i in range(1001)]},
            "ratings",
        ),
        ({"ratings": [{"movie_id": 1, "value": 4}] * 2}, "ratings"),
        ({"ratings": [], "exclude": list(range(1, 502))}, "exclude"),
        ({"ratings": [], "limit": 0}, "limit"),
        ({"ratings": [], "limit": 101}, "limit"),
        ({"ratings": [], "limit": 1.5}, "limit"),
        ({"ratings": [], "limit": True}, "limit"),
        ({"ratings": [], "genre": ""}, "genre"),
        ({"ratings": [], "genre": "\0"}, "genre"),
        ({"ratings": [], "year_from": 1799}, "year_from"),
        ({"ratings": [], "year_to": 2201}, "year_to"),
        ({"ratings": [], "year_from": 2000, "year_to": 1999}, "year_to"),
    ],
)
async def test_inline_ratings_and_filters_are_bounded(anonymous, body, field):
    reply = await anonymous.post("/recommendations", json=body)

    refused(reply, 422, "body", field)


# B6. Repeated and unknown parameters, and bounds of lists.


@pytest.mark.parametrize("path", ["/movies", "/movies/1/similar", "/ratings/{}",
                                  "/recommendations/{}", "/training-runs",
                                  "/experiments", "/imports", "/hidden/{}",
                                  "/ratings/{}/imports"])  # fmt: skip
@pytest.mark.parametrize(
    ("query", "name"),
    [
        ("limit=20&limit=50", "limit"),
        ("limit=20&limit=20", "limit"),
        ("limit=0", "limit"),
        ("limit=-1", "limit"),
        ("limit=101", "limit"),
        ("limit=1e1", "limit"),
        ("limit=%2010", "limit"),
        ("limit=1_0", "limit"),
        ("limit=", "limit"),
        ("limit=" + "9" * 10_000, "limit"),
        ("page=1000000000", "page"),
        ("Limit=10", "Limit"),
        ("limit[]=10", "limit[]"),
    ],
)
async def test_lists_are_bounded_and_take_no_other_parameters(admin, path, query, name):
    reply = await admin.get(f"{path.format(admin.user_id)}?{query}")

    refused(reply, 422, "query", name)


@pytest.mark.parametrize(
    ("query", "name"),
    [
        ("year_from=1799", "year_from"),
        ("year_to=2201", "year_to"),
        ("year_from=2000&year_to=1999", "year_to"),
        ("year_from=199_0", "year_from"),
        ("year_from=", "year_from"),
        ("sort=rating", "sort"),
        ("sort=", "sort"),
        ("sort=title&sort=year", "sort"),
        ("genre=Drama&genre=Comedy", "genre"),
        ("query=a&query=b", "query"),
        ("cursor=a&cursor=b", "cursor"),
    ],
)
async def test_filters_are_bounded_and_given_once(anonymous, query, name):
    refused(await anonymous.get(f"/movies?{query}"), 422, "query", name)


@pytest.mark.parametrize(
    "path",
    ["/me", "/api-keys", "/genres", "/movies/1", "/health/live", "/health/ready",
     "/ratings/{}/1", "/recommendations/{}/1/explanation", "/openapi.json"],
)  # fmt: skip
async def test_no_route_ignores_a_parameter_it_does_not_know(alice, path):
    reply = await alice.get(f"{path.format(alice.user_id)}?verbose=1")

    refused(reply, 422, "query", "verbose")


async def test_no_list_is_longer_than_a_hundred(alice):
    paths = ("/movies", "/movies/1/similar", f"/recommendations/{alice.user_id}")

    lengths = [
        len((await alice.get(f"{path}?limit=100")).json()["items"]) for path in paths
    ]

    assert lengths == [100, 100, 100]


def cursor_of(document: Any) -> str:
    """Wrap any JSON as a cursor."""
    written = document if isinstance(document, bytes) else json.dumps(document).encode()
    return base64.urlsafe_b64encode(written).decode().rstrip("=")


HUGE = 10**300
CURSORS = {
    "empty": "",
    "no base64": "%25%25%25",
    "not ASCII": "%C3%A9%C3%A9",
    "wrong padding": "A",
    "standard alphabet": "++//",
    "no JSON": cursor_of(b"{"),
    "no UTF-8": cursor_of(b'["\xff",1]'),
    "NUL byte": "%00",
    "nested": cursor_of(b"[" * 300),
    "object": cursor_of({"a": 1, "b": 2}),
    "text": cursor_of("ab"),
    "number": cursor_of(7),
    "null": cursor_of(None),
    "no parts": cursor_of([]),
    "one part": cursor_of([1]),
    "too many parts": cursor_of([1, 2, 3, 4]),
    "floats": cursor_of([1.5, 1.0]),
    "NaN": cursor_of(b"[NaN,1]"),
    "booleans": cursor_of([True, False]),
    "nulls": cursor_of([None, None]),
    "lists": cursor_of([[1], [2]]),
    "huge": cursor_of([HUGE, HUGE]),
    "just too large": cursor_of([2**31, 1]),
    "just too small": cursor_of([1, -(2**31)]),
    "NUL in text": cursor_of(["a\0b", 1]),
    "surrogate in text": cursor_of(["\ud800", 1]),
    "no instant": cursor_of(["yesterday", 1]),
    "local instant": cursor_of(["2020-01-01T00:00:00", 1]),
    "instant before time": cursor_of(["0001-01-01T00:00:00+23:59", 1]),
    "instant after time": cursor_of(["9999-12-31T23:59:59-23:59", 1]),
    "too long": cursor_of("x" * 3000),
}


TEXT_CURSORS = {cursor for name, cursor in CURSORS.items() if "instant" in name}


@pytest.mark.parametrize("cursor", CURSORS.values(), ids=CURSORS)
async def test_a_forged_cursor_is_refused(alice, cursor):
    lists = [
        "/movies?",
        "/movies?sort=year&",
        "/movies?query=toy&",
        f"/ratings/{alice.user_id}?",
    ]
    if cursor not in TEXT_CURSORS:  # a title may read like anything
        lists.append("/movies?sort=title&")

    for url in lists:
        refused(await alice.get(f"{url}cursor={cursor}"), 422, "query", "cursor")


async def test_a_cursor_of_one_order_is_refused_by_another(alice):
    cursor = (await alice.get("/movies?sort=title&limit=1")).json()["next_cursor"]

    for url in ("/movies?sort=year", "/movies?query=toy", f"/ratings/{alice.user_id}?"):
        separator = "" if url.endswith("?") else "&"
        reply = await alice.get(f"{url}{separator}cursor={cursor}")
        refused(reply, 422, "query", "cursor")


async def test_a_cookie_of_any_content_is_nobody(app, snapshot):
    before = await snapshot()

    for token in ("x", "x" * 60_000, "%00", '"', "\xe9", "\\054", "; session=1"):
        cookie = f"session={token}".encode("latin-1")
        async with Client(app) as client:
            refused(await client.get("/me", headers=[(b"cookie", cookie)]), 401)

    assert await snapshot() == before


@pytest.mark.parametrize(
    "value",
    [
        "Bearer",
        "Bearer ",
        "Bearer x",
        "bearer \t",
        "Bearer " + "x" * 60_000,
        "Bearer é",
    ],
)
async def test_a_key_of_any_content_is_nobody(app, value):
    headers = [(b"authorization", value.encode("latin-1"))]

    async with Client(app) as client:
        refused(await client.get("/me", headers=headers), 401)


@pytest.mark.parametrize(
    "host", ["", "evil.example", "127.0.0.1.evil.example", "evil@127.0.0.1",
             "127.0.0.1/x", "127.0.0.1:80:80", "[::1", "127.0.0.1, evil.example"],
)  # fmt: skip
async def test_a_host_that_is_not_ours_is_refused(anonymous, host):
    refused(await anonymous.get("/health/live", headers={"host": host}), 421)
