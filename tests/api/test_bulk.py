"""Many rows in one request: each one's fate is told, the good ones are stored."""

import json
from collections.abc import AsyncIterator
from typing import Any

import httpx
import pytest
from sqlalchemy import event, func, select

from api.schemas.base import MAX_BULK_ROWS
from api.tables import FIRST_REGISTERED_USER_ID, Movie, MovieStatistics, Rating, User
from tests.conftest import Client, keyed

pytestmark = pytest.mark.anyio

NDJSON = {"content-type": "application/x-ndjson"}
TOY_STORY, HEAT = 1, 6
NEW_MOVIE, NEW_USER = 900_001, 700_001


@pytest.fixture
async def program(app, admin) -> AsyncIterator[Client]:
    """A program that may serve and administer."""
    async with keyed(app, admin, "serve", "admin") as client:
        yield client


async def send(
    client: Client, noun: str, *rows: dict[str, Any] | str, **headers: str
) -> httpx.Response:
    """Send rows, each as an object or as it is."""
    lines = (row if isinstance(row, str) else json.dumps(row) for row in rows)
    content = "\n".join(lines).encode()
    return await client.post(f"/bulk/{noun}", content=content, headers=NDJSON | headers)


def fates(reply: httpx.Response) -> list[str]:
    """List what became of the rows."""
    assert reply.status_code == 200, reply.text
    return [row["status"] for row in reply.json()["rows"]]


def rating(user_id: int, movie_id: int, value: float, **more: Any) -> dict[str, Any]:
    """Write a rating."""
    return {"user_id": user_id, "movie_id": movie_id, "value": value, **more}


# Ratings.


async def test_ratings_of_any_users_are_added_replaced_or_left(program, session, alice):
    await alice.put(f"/ratings/{alice.user_id}/{HEAT}", json={"value": 2})
    await alice.put(f"/ratings/{alice.user_id}/2", json={"value": 3})

    reply = await send(
        program,
        "ratings",
        rating(alice.user_id, TOY_STORY, 4.5, rated_at="1999-12-31T23:00:00+01:00"),
        rating(alice.user_id, HEAT, 5),
        rating(alice.user_id, 2, 3),
        rating(1, TOY_STORY, 1),
    )

    assert fates(reply) == ["added", "replaced", "unchanged", "added"]
    assert reply.json()["n_added"] == 2
    assert reply.json()["n_refused"] == 0
    stored = await session.get(Rating, (alice.user_id, TOY_STORY))
    assert stored.value == 4.5
    assert stored.rated_at.isoformat() == "1999-12-31T22:00:00+00:00"
    assert (await session.get(Rating, (1, TOY_STORY))).value == 1


async def test_a_new_time_alone_replaces(program, session):
    first = rating(1, TOY_STORY, 4, rated_at="2020-01-01T00:00:00Z")
    later = rating(1, TOY_STORY, 4, rated_at="2021-01-01T00:00:00Z")

    replies = [await send(program, "ratings", row) for row in (first, first, later)]

    assert [fates(r)[0] for r in replies] == ["added", "unchanged", "replaced"]
    assert (await session.get(Rating, (1, TOY_STORY))).rated_at.year == 2021


async def test_bad_rows_are_refused_one_by_one_and_the_good_ones_stored(
    program, session
):
    rows: list[dict[str, Any] | str] = [
        rating(1, TOY_STORY, 4),
        "{",
        "",
        rating(1, HEAT, 4.3),
        rating(2_000_000_000, HEAT, 4),
        rating(1, 2_000_000_000, 4),
        rating(1, TOY_STORY, 3),
        '{"user_id": 1, "movie_id": 6, "value": 4, "value": 5}',
        '{"user_id": 1, "movie_id": 6, "value": NaN}',
        "[" * 100_000,
        rating(1, HEAT, 4, is_admin=True),
        '{"user_id": "1", "movie_id": 6, "value": 4}',
        rating(1, HEAT, 4, rated_at="yesterday"),
        rating(1, HEAT, 4, rated_at="2020-01-01T00:00:00"),
        rating(1, HEAT, 4, rated_at=1577836800),
        rating(1, HEAT, 4, rated_at="0001-01-01T00:00:00Z"),
        rating(1, HEAT, 5),
    ]

    reply = await send(program, "ratings", *rows)

    report = reply.json()
    assert fates(reply) == ["added", *["refused"] * 14, "added"]
    assert [row["line"] for row in report["rows"]] == [1, 2, *range(4, 18)]
    assert (report["n_added"], report["n_refused"]) == (2, 14)
    reasons = {
        row["line"]: (row["errors"][0]["field"], row["errors"][0]["code"])
        for row in report["rows"]
        if row["status"] == "refused"
    }
    assert reasons[2] == ([], "malformed")
    assert reasons[4][0] == ["value"]
    assert reasons[5] == (["user_id"], "unknown")
    assert reasons[6] == (["movie_id"], "unknown")
    assert reasons[7] == ([], "repeated")
    assert reasons[8] == reasons[9] == reasons[10] == ([], "malformed")
    assert reasons[11] == (["is_admin"], "extra_forbidden")
    assert (await session.get(Rating, (1, TOY_STORY))).value == 4
    assert (await session.get(Rating, (1, HEAT))).value == 5


async def test_the_statistics_stay_exact(program, session):
    rows = [rating(user_id, TOY_STORY, 0.5) for user_id in range(1, 300)]

    await send(program, "ratings", *rows)

    half_stars = Rating.value * 2
    counted = select(func.count(), func.sum(half_stars)).where(
        Rating.movie_id == TOY_STORY
    )
    kept = await session.get(MovieStatistics, TOY_STORY, populate_existing=True)
    assert (await session.execute(counted)).one() == (
        kept.n_ratings,
        kept.half_stars_sum,
    )


async def test_a_failure_in_the_middle_stores_nothing(program, session, connection):
    def fail(*arguments: Any) -> None:
        if "INSERT INTO ratings" in arguments[2]:
            raise RuntimeError("injected")

    rows = [rating(1, TOY_STORY, 4)], {"idempotency-key": "a"}
    event.listen(connection.sync_connection, "before_cursor_execute", fail)
    failed = await send(program, "ratings", *rows[0], **rows[1])
    event.remove(connection.sync_connection, "before_cursor_execute", fail)
    before = await session.get(Rating, (1, TOY_STORY))
    again = await send(program, "ratings", *rows[0], **rows[1])

    assert failed.status_code == 500
    assert before is None
    assert fates(again) == ["added"]


# Movies and users.


async def test_movies_are_added_replaced_whole_or_left(program, session):
    movie = {"id": NEW_MOVIE, "title": "A", "year": 2020, "genres": ["Drama", "War"]}

    added = await send(program, "movies", {**movie, "imdb_id": 7, "tmdb_id": 8})
    same = await send(program, "movies", {**movie, "imdb_id": 7, "tmdb_id": 8})
    replaced = await send(program, "movies", {"id": NEW_MOVIE, "title": "Ä 🎬"})

    assert [fates(r) for r in (added, same, replaced)] == [
        ["added"], ["unchanged"], ["replaced"]
    ]  # fmt: skip
    stored = await session.get(Movie, NEW_MOVIE)
    assert (stored.title, stored.year, stored.genres) == ("Ä 🎬", None, [])
    assert (stored.imdb_id, stored.tmdb_id) == (None, None)


@pytest.mark.parametrize(
    ("row", "field"),
    [
        ({"title": "A"}, "id"),
        ({"id": 0, "title": "A"}, "id"),
        ({"id": 2**31, "title": "A"}, "id"),
        ({"id": NEW_MOVIE}, "title"),
        ({"id": NEW_MOVIE, "title": ""}, "title"),
        ({"id": NEW_MOVIE, "title": "a\0b"}, "title"),
        ({"id": NEW_MOVIE, "title": "x" * 301}, "title"),
        ({"id": NEW_MOVIE, "title": "A", "year": 1799}, "year"),
        ({"id": NEW_MOVIE, "title": "A", "genres": ["x"] * 21}, "genres"),
        ({"id": NEW_MOVIE, "title": "A", "genres": [""]}, "genres"),
        ({"id": NEW_MOVIE, "title": "A", "imdb_id": "tt1"}, "imdb_id"),
        ({"id": NEW_MOVIE, "title": "A", "title_trigrams": []}, "title_trigrams"),
    ],
)
async def test_a_movie_out_of_bounds_is_refused(program, session, row, field):
    reply = await send(program, "movies", row)

    assert fates(reply) == ["refused"]
    assert reply.json()["rows"][0]["errors"][0]["field"][0] == field
    assert await session.get(Movie, NEW_MOVIE) is None


async def test_users_are_added_without_credentials_below_a_billion(program, session):
    reply = await send(
        program,
        "users",
        {"id": NEW_USER},
        {"id": 1},
        {"id": program.user_id},
        {"id": FIRST_REGISTERED_USER_ID + 900_000_000},
        {"id": NEW_USER + 1, "is_admin": True},
        {"id": NEW_USER + 2, "username": "mallory"},
    )

    assert fates(reply) == ["added", "unchanged", "unchanged", *["refused"] * 3]
    user = await session.get(User, NEW_USER)
    assert (user.username, user.password_hash, user.is_admin) == (None, None, False)
    assert await session.get(User, NEW_USER + 1) is None
    assert (await session.get(User, program.user_id)).username == "root"


async def test_a_new_user_of_new_movies_can_be_recommended_to(program):
    await send(program, "users", {"id": NEW_USER})
    await send(program, "movies", {"id": NEW_MOVIE, "title": "A"})
    await send(
        program,
        "ratings",
        rating(NEW_USER, TOY_STORY, 5),
        rating(NEW_USER, NEW_MOVIE, 5),
    )

    reply = await program.get(f"/recommendations/{NEW_USER}")

    assert reply.json()["personalization"]["n_ratings"] == 2
    assert reply.json()["personalization"]["n_ratings_used"] == 1


# The request as a whole.


@pytest.mark.parametrize("noun", ["ratings", "movies", "users"])
async def test_a_repeated_request_has_one_effect_and_the_same_answer(program, noun):
    rows = {
        "ratings": rating(1, TOY_STORY, 4),
        "movies": {"id": NEW_MOVIE, "title": "A"},
        "users": {"id": NEW_USER},
    }
    key = {"idempotency-key": "bulk-1"}

    first = await send(program, noun, rows[noun], **key)
    second = await send(program, noun, rows[noun], **key)
    without = await send(program, noun, rows[noun])
    other = await send(program, noun, rows[noun], "{", **key)

    assert fates(first) == fates(second) == ["added"]
    assert fates(without) == ["unchanged"]
    assert other.status_code == 422


async def test_a_key_does_not_cross_nouns(program):
    key = {"idempotency-key": "bulk-1"}

    first = await send(program, "users", {"id": NEW_USER}, **key)
    second = await send(program, "movies", {"id": NEW_USER}, **key)

    assert fates(first) == ["added"]
    assert second.status_code == 422


async def test_a_request_has_a_bounded_number_of_rows(program):
    rows = [{"id": NEW_USER + i} for i in range(MAX_BULK_ROWS)]

    most = await send(program, "users", *rows, "", "  ")
    more = await send(program, "users", *rows, {"id": 1})

    assert most.json()["n_added"] == MAX_BULK_ROWS
    assert more.status_code == 422
    assert more.json()["errors"][0]["code"] == "too_many"


@pytest.mark.parametrize(
    ("content", "headers", "status"),
    [
        (b'{"id": 7}' + b" " * 5_000_000, {}, 413),
        (b'{"id": 7}', {"content-type": "application/json"}, 415),
        (b'{"id": 7}', {"content-encoding": "gzip"}, 415),
        (b"", {}, 422),
    ],
)
async def test_a_body_that_is_no_bounded_ndjson_is_refused(
    program, content, headers, status
):
    reply = await program.post("/bulk/users", content=content, headers=NDJSON | headers)

    assert reply.status_code == status


async def test_a_line_that_is_no_utf_8_is_refused_alone(program):
    content = b'{"id": 700001}\n{"id": 700002, "\xff": 1}\n'

    reply = await program.post("/bulk/users", content=content, headers=NDJSON)

    assert fates(reply) == ["added", "refused"]


async def test_a_row_with_many_faults_names_a_few(program):
    reply = await send(program, "users", {f"x{i}" * 100: 1 for i in range(100)})

    (row,) = reply.json()["rows"]
    assert len(row["errors"]) == 5
    assert len(reply.text) < 2000
