"""Files as other services write them, with their oddities, and what each must give.

The files are made up from what real exports and public reports contain.
"""

import json
from datetime import datetime
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import text

from tests.conftest import Client

pytestmark = pytest.mark.anyio

FILES = Path(__file__).parents[1] / "data" / "imports"
MEDIA_TYPES = {
    ".csv": "text/csv", ".json": "application/json", ".zip": "application/zip"
}  # fmt: skip
FIGHT_CLUB, PULP_FICTION, MATRIX, AMELIE, GODFATHER = 2959, 296, 2571, 4973, 858

# The ratings that a file must leave, and how often each other fate is told.
EXPECTED: dict[str, tuple[dict[int, float], dict[str, int]]] = {
    "01-letterboxd-diary.csv": ({FIGHT_CLUB: 4.5, PULP_FICTION: 4}, {}),
    "02-letterboxd-diary-rewatch-nodate.csv": (
        {FIGHT_CLUB: 5, PULP_FICTION: 4}, {"earlier": 1}),
    "03-letterboxd-review-two-paragraphs.csv": (
        {FIGHT_CLUB: 4.5, PULP_FICTION: 4}, {}),
    "05-letterboxd-same-name-year-two-films.csv": ({FIGHT_CLUB: 4}, {"unmatched": 2}),
    "07-trakt-show-with-a-films-tmdb-id.csv": ({}, {"not_a_movie": 2}),
    "08-trakt-show-and-film-same-tmdb-id.csv": (
        {PULP_FICTION: 4.5}, {"not_a_movie": 1}),
    "10-generic-type-tv.csv": ({}, {"not_a_movie": 2}),
    "11-imdb-2012.csv": ({FIGHT_CLUB: 4}, {}),
    "12-imdb-2018.csv": ({FIGHT_CLUB: 4}, {"not_a_movie": 1}),
    "15-utf8-bom-crlf.csv": ({AMELIE: 4.5}, {}),
    "17-semicolon-decimal-comma.csv": ({FIGHT_CLUB: 4.5, PULP_FICTION: 4}, {}),
    "18-decimal-comma.csv": ({FIGHT_CLUB: 4.5}, {}),
    "19-tab.csv": ({FIGHT_CLUB: 4.5}, {}),
    "21-pandas-floats.csv": ({FIGHT_CLUB: 4.5, PULP_FICTION: 4}, {"unmatched": 1}),
    "22-zero-is-unrated.csv": ({PULP_FICTION: 4}, {"unrated": 1}),
    "23-tmdb-id-zero.csv": ({FIGHT_CLUB: 4, PULP_FICTION: 4}, {}),
    "27-letterboxd-import-format.csv": ({FIGHT_CLUB: 4.5}, {}),
    "31-trakt.json": ({FIGHT_CLUB: 5}, {}),
    "38-imdb-url.csv": ({FIGHT_CLUB: 4.5}, {}),
    "41-blank-rating.csv": ({FIGHT_CLUB: 3.5}, {"unrated": 1}),
    "45-excel-sep-line.csv": ({FIGHT_CLUB: 4}, {}),
    "48-floppy-letterboxd-rewatch.csv": ({FIGHT_CLUB: 5}, {"earlier": 1}),
    "49-imdb-localised-title.csv": ({GODFATHER: 4.5}, {}),
    "50-letterboxd-documented-columns.csv": ({FIGHT_CLUB: 4.5}, {}),
    "52-imdb-other-languages.csv": ({}, {"not_a_movie": 4}),
}  # fmt: skip
DONE = {"added", "replaced", "unchanged"}


@pytest.fixture(autouse=True)
async def ids(session) -> None:
    """Movies of the sample with the ids that other services have for them."""
    await session.execute(
        text("""
            UPDATE movies SET imdb_id = given.imdb, tmdb_id = given.tmdb
            FROM (VALUES (2959, 137523, 550), (296, 110912, 680),
                         (2571, 133093, 603), (4973, 211915, NULL))
                AS given (id, imdb, tmdb)
            WHERE movies.id = given.id
        """)
    )
    await session.commit()


async def send(client: Client, name: str) -> dict[str, Any]:
    """Import a file and return its report."""
    path = FILES / name
    reply = await client.post(
        f"/ratings/{client.user_id}/import",
        content=path.read_bytes(),
        headers={"Content-Type": MEDIA_TYPES[path.suffix]},
    )
    assert reply.status_code == 200, reply.text
    report: dict[str, Any] = reply.json()
    return report


async def stored(client: Client) -> dict[int, float]:
    """Read all ratings of a user."""
    page = (await client.get(f"/ratings/{client.user_id}?limit=100")).json()
    return {item["movie"]["id"]: item["value"] for item in page["items"]}


def fates(report: dict[str, Any]) -> dict[str, int]:
    """Count the rows that are not stored, by fate."""
    left = [row["status"] for row in report["rows"] if row["status"] not in DONE]
    return {status: left.count(status) for status in left}


@pytest.mark.parametrize("name", EXPECTED)
async def test_a_file_gives_what_it_must(alice, name):
    ratings, told = EXPECTED[name]

    report = await send(alice, name)

    assert await stored(alice) == ratings
    assert fates(report) == told


async def test_the_date_of_watching_is_the_date_of_the_rating(alice):
    await send(alice, "01-letterboxd-diary.csv")

    page = (await alice.get(f"/ratings/{alice.user_id}")).json()
    dates = {item["movie"]["id"]: item["rated_at"][:10] for item in page["items"]}
    assert dates == {FIGHT_CLUB: "2020-01-01", PULP_FICTION: "2020-02-01"}


async def test_a_long_review_is_not_looked_at(alice):
    report = await send(alice, "04-letterboxd-long-review.csv")

    assert set(fates(report)) == set()
    assert FIGHT_CLUB in await stored(alice)


async def test_episodes_are_no_movies(alice):
    report = await send(alice, "06-trakt-two-episodes-one-show.csv")

    assert fates(report)["not_a_movie"] >= 2
    assert all(row["status"] != "unreadable" for row in report["rows"])


async def test_movielens_own_export_goes_by_id(alice):
    report = await send(alice, "24-movielens-export.csv")

    assert await stored(alice) == {FIGHT_CLUB: 4.5, 318: 5}
    assert fates(report) == {"unmatched": 1}


async def test_a_title_without_a_year_is_ambiguous_where_two_have_it(alice):
    report = await send(alice, "30-no-year.csv")

    assert await stored(alice) == {FIGHT_CLUB: 5}
    assert fates(report) == {"ambiguous": 1}


async def test_letterboxds_archive_is_read(alice):
    report = await send(alice, "32-letterboxd.zip")

    assert report["format"] == "letterboxd"
    assert report["n_added"] >= 1


async def test_titles_are_found_in_many_spellings(alice):
    report = await send(alice, "36-titles.csv")

    first = [row for row in report["rows"] if row["line"] <= 6]
    assert [row["status"] for row in first] == ["added"] * 5


async def test_letters_that_do_not_decompose_are_matched(alice, session):
    titles = {1: ("Brød og øl", 2009), 2: ("Weiße Straße", 2009), 3: ("Łódź æœ", 2000)}
    for n, (title, year) in titles.items():
        await session.execute(
            text(
                "INSERT INTO movies (id, title, year, genres) VALUES (:i, :t, :y, '{}')"
            ),
            {"i": 2_000_000_000 + n, "t": title, "y": year},
        )
    await session.commit()
    rows = "Brod og ol,2009,4", "Weisse Strasse,2009,3", "Lodz aeoe,2000,2"
    file = "\n".join(["title,year,rating", *rows])

    headers = {"Content-Type": "text/csv"}
    path = f"/ratings/{alice.user_id}/import"
    await alice.post(path, content=file.encode(), headers=headers)

    assert await stored(alice) == {2000000001: 4, 2000000002: 3, 2000000003: 2}


async def test_a_row_that_cannot_be_read_is_told_and_stops_no_other(alice):
    file = "movie_id,rating\n1,five\n2,4\n3,4,extra\n6,9\n"
    path = f"/ratings/{alice.user_id}/import"
    headers = {"Content-Type": "text/csv"}

    reply = await alice.post(f"{path}?scale=5", content=file.encode(), headers=headers)
    strict = await alice.post(
        f"{path}?scale=5&strict=true", content=file.encode(), headers=headers
    )

    rows = {row["line"]: row for row in reply.json()["rows"]}
    assert await stored(alice) == {2: 4}
    assert [rows[line]["status"] for line in (2, 3, 4, 5)] == [
        "unreadable", "added", "unreadable", "unreadable"
    ]  # fmt: skip
    assert rows[2]["problem"] == "rating: Must be a plain number such as 4.5"
    assert rows[5]["problem"] == "rating: Must be above 0 and at most 5"
    assert strict.status_code == 422
    assert {error["field"][1] for error in strict.json()["errors"]} == {2, 4}


@pytest.mark.parametrize("name", ["csv", "letterboxd", "imdb", "trakt", "movielens"])
@pytest.mark.parametrize("day", ["1900-01-01", "1969-12-31", "2999-12-31"])
async def test_what_is_exported_is_read_back_in_full(alice, session, name, day):
    """Two movies of one title and year, without ids elsewhere, at odd dates."""
    await session.execute(
        text("INSERT INTO movies (id, title, year, genres) VALUES "
             "(2000000001, 'Hamlet', 2000, '{}'), (2000000002, 'Hamlet', 2000, '{}'), "
             "(2000000003, '-1', NULL, '{}')")
    )  # fmt: skip
    for movie_id, value in ((2000000001, 1.5), (2000000002, 4.5), (2000000003, 3)):
        await session.execute(
            text("INSERT INTO ratings (user_id, movie_id, value, rated_at) "
                 "VALUES (:user, :movie, :value, :day)"),
            {"user": alice.user_id, "movie": movie_id, "value": value,
             "day": datetime.fromisoformat(f"{day}T00:00:00+00:00")},
        )  # fmt: skip
    await session.commit()
    before = await stored(alice)
    path = f"/ratings/{alice.user_id}"
    file = (await alice.get(f"{path}/export?format={name}")).content
    await session.execute(
        text("DELETE FROM ratings WHERE user_id = :u"), {"u": alice.user_id}
    )
    await session.commit()

    headers = {"Content-Type": "text/csv"}
    report = (await alice.post(f"{path}/import", content=file, headers=headers)).json()

    assert fates(report) == {}, json.dumps(report["rows"])
    assert await stored(alice) == before
