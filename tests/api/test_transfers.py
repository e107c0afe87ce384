"""Ratings from files: matched, told row by row, all of it or nothing; and back out."""

import asyncio
import bz2
import csv
import gzip
import io
import lzma
import tarfile
import time
import zipfile
from pathlib import Path
from tempfile import gettempdir
from typing import Any

import httpx
import psutil
import pytest
from sqlalchemy import event, func, select, update

from api.formats.rating_files import FORMATS
from api.queries.idempotency import KEPT_FOR
from api.services.model_store import ModelStore
from api.storage.database import create_engine, create_session_factory
from api.tables import IdempotentReply, Movie, Rating
from api.web.dependencies import Services
from engine.jobs.memory import peak_bytes, reset_peak
from tests.conftest import PASSWORD, Client, create_database, keyed

pytestmark = pytest.mark.anyio

CSV = {"content-type": "text/csv"}
TOY_STORY, JUMANJI, HEAT = 1, 2, 6
LETTERBOXD = "Date,Name,Year,Letterboxd URI,Rating\n"


async def send(
    client: Client, content: str | bytes, query: str = "", **headers: str
) -> httpx.Response:
    """Send a file."""
    body = content.encode() if isinstance(content, str) else content
    url = f"/ratings/{client.user_id}/import{query}"
    return await client.post(url, content=body, headers=CSV | headers)


async def report(
    client: Client, content: str | bytes, query: str = ""
) -> dict[str, Any]:
    """Import a file that is right and return its report."""
    reply = await send(client, content, query)
    assert reply.status_code == 200, reply.text
    document: dict[str, Any] = reply.json()
    return document


async def stored(session, client: Client) -> dict[int, float]:
    """Read a client's ratings."""
    rows = await session.execute(
        select(Rating.movie_id, Rating.value).where(Rating.user_id == client.user_id)
    )
    return {row.movie_id: row.value for row in rows}


def statuses(document: dict[str, Any]) -> list[str]:
    """List what became of the rows."""
    return [row["status"] for row in document["rows"]]


# What is stored.


async def test_a_file_is_stored_and_every_row_is_told(alice, session):
    await alice.put(f"/ratings/{alice.user_id}/{HEAT}", json={"value": 2})
    await alice.put(f"/ratings/{alice.user_id}/{JUMANJI}", json={"value": 3})
    content = (
        "movie_id,title,year,rating\n"
        f"{TOY_STORY},Toy Story,1995,4.3\n{HEAT},,,5\n{JUMANJI},,,3\n"
        ",No Such Movie,1995,1\n999999,,,2\n"
    )

    document = await report(alice, content)

    assert statuses(document) == [
        "added", "replaced", "unchanged", "unmatched", "unmatched"
    ]  # fmt: skip
    assert document["n_added"] == document["n_replaced"] == 1
    assert document["n_unchanged"] == 1
    assert document["n_skipped"] == 2
    assert document["rows"][0] == {
        "line": 2, "status": "added", "title": "Toy Story", "year": 1995,
        "rating": "4.3", "value": 4.5, "is_rounded": True, "movie_id": TOY_STORY,
        "movie_title": "Toy Story", "previous": None, "problem": None,
    }  # fmt: skip
    assert document["rows"][1]["previous"] == 2
    assert await stored(session, alice) == {TOY_STORY: 4.5, HEAT: 5, JUMANJI: 3}


async def test_a_dry_run_tells_the_same_and_stores_nothing(alice, session):
    content = f"{LETTERBOXD}2020-01-02,Heat,1995,https://boxd.it/x,4.5\n"

    dry = await report(alice, content, "?dry_run=true")
    before = await stored(session, alice)
    wet = await report(alice, content)

    assert before == {}
    assert dry.pop("is_dry_run")
    assert not wet.pop("is_dry_run")
    assert dry == wet
    assert await stored(session, alice) == {HEAT: 4.5}


async def test_the_day_of_a_rating_is_kept_and_a_missing_one_is_now(alice, session):
    content = "movie_id,rating,rated_at\n1,4,1999-12-31\n6,4,\n"

    await report(alice, content)

    items = (await alice.get(f"/ratings/{alice.user_id}")).json()["items"]
    assert [item["movie"]["id"] for item in items] == [HEAT, TOY_STORY]
    assert items[1]["rated_at"] == "1999-12-31T00:00:00Z"
    assert await session.scalar(select(func.max(Rating.rated_at))) is not None


async def test_an_import_counts_in_the_statistics_and_the_next_list(alice, anonymous):
    before = (await anonymous.get(f"/movies/{TOY_STORY}")).json()["n_ratings"]

    await report(alice, "movie_id,rating\n1,5\n")

    after = (await anonymous.get(f"/movies/{TOY_STORY}")).json()["n_ratings"]
    listed = await alice.get(f"/recommendations/{alice.user_id}?limit=100")
    assert after == before + 1
    assert listed.json()["personalization"]["n_ratings"] == 1
    assert TOY_STORY not in [item["movie"]["id"] for item in listed.json()["items"]]


async def test_ratings_of_other_scales_become_half_stars(alice, session):
    document = await report(alice, "movie_id,rating\n1,85\n6,70\n")

    assert document["scale"] == 100
    assert [row["is_rounded"] for row in document["rows"]] == [True, False]
    assert await stored(session, alice) == {TOY_STORY: 4.5, HEAT: 3.5}


async def test_the_scale_can_be_said(alice, session):
    document = await report(alice, "movie_id,rating\n1,5\n6,2\n", "?scale=10")

    assert document["scale"] == 10
    assert await stored(session, alice) == {TOY_STORY: 2.5, HEAT: 1}


async def test_a_byte_order_mark_does_not_matter(alice, session):
    reply = await send(alice, b"\xef\xbb\xbfmovie_id,rating\n1,4\n")

    assert reply.status_code == 200
    assert await stored(session, alice) == {TOY_STORY: 4}


async def test_only_the_user_of_the_path_is_written(app, admin, session):
    async with keyed(app, admin, "serve") as program:
        program.user_id = 1
        document = await report(program, "userId,movieId,rating,timestamp\n99,1,5,0\n")

    rows = await session.execute(select(Rating).where(Rating.movie_id == TOY_STORY))
    assert statuses(document) == ["added"]
    by_user = {row[0].user_id: row[0].value for row in rows}
    assert by_user[1] == 5
    assert by_user.get(99) != 5


async def test_a_user_that_does_not_exist_gets_no_ratings(app, admin):
    async with keyed(app, admin, "serve") as program:
        program.user_id = 2_000_000_000
        reply = await send(program, "movie_id,rating\n1,5\n")
        export = await program.get("/ratings/2000000000/export")

    assert reply.status_code == export.status_code == 404


# Matching.


@pytest.mark.parametrize(
    ("title", "year", "movie_id"),
    [
        ("Heat", 1995, HEAT),
        ("HEAT", 1996, HEAT),  # released a year later elsewhere
        ("Heat", 1997, None),
        ("The Godfather", 1972, 858),
        ("Godfather, The", 1972, 858),
        ("Amélie", 2001, 4973),
        ("Amelie", 2001, 4973),
        ("Le fabuleux destin d'Amélie Poulain", 2001, 4973),
        ("12 Monkeys", 1995, 32),
        ("Twelve Monkeys", 1995, 32),
        ("Dr. Strangelove", 1964, None),  # only a part of the title
        ("Se7en", 1995, 47),
        ("Seven", 1995, 47),
        ("City of Lost Children", 1995, None),
        ("The City of Lost Children", 1995, 29),
        ("WALL-E", 2008, 60069),
        ("WALL·E", 2008, 60069),
        ("Fast and Furious", 2009, 67923),
    ],
)
async def test_a_movie_is_found_by_title_and_year(
    alice, session, title, year, movie_id
):
    content = f'title,year,rating\n"{title}",{year},4\n'

    document = await report(alice, content)

    expected = {} if movie_id is None else {movie_id: 4.0}
    assert await stored(session, alice) == expected, document


async def movie(session, movie_id: int, title: str, **columns: int | None) -> None:
    """Add a movie."""
    session.add(Movie(id=movie_id, title=title, genres=[], **columns))
    await session.commit()


async def test_the_exact_year_goes_before_its_neighbour(alice, session):
    await movie(session, 900_001, "The Twins", year=2000)
    await movie(session, 900_002, "The Twins", year=2001)

    await report(alice, "title,year,rating\nThe Twins,2001,4\n")

    assert await stored(session, alice) == {900_002: 4}


async def test_two_movies_as_likely_are_ambiguous_and_left_out(alice, session):
    await movie(session, 900_001, "The Twins", year=2000)
    await movie(session, 900_002, "The Twins", year=2002)
    await movie(session, 900_003, "The Triplet", year=2000)
    await movie(session, 900_004, "The Triplet", year=2000)

    document = await report(
        alice,
        "title,year,rating\nThe Twins,2001,4\nThe Triplet,2000,4\nThe Twins,,3\n",
    )

    assert statuses(document) == ["ambiguous"] * 3
    assert await stored(session, alice) == {}


async def test_of_two_rows_for_one_movie_the_surer_wins(alice, session):
    content = "title,year,rating\nHeat,1995,4\nHeat,1994,2\nHeat,1996,1\n"

    document = await report(alice, content)

    assert statuses(document) == ["added", "ambiguous", "ambiguous"]
    assert await stored(session, alice) == {HEAT: 4}


async def test_of_two_rows_as_sure_for_one_movie_none_is_stored(alice, session):
    content = "title,year,rating\nHeat,1994,2\nHeat,1996,1\n"

    document = await report(alice, content)

    assert statuses(document) == ["ambiguous", "ambiguous"]
    assert await stored(session, alice) == {}


async def test_an_imdb_or_tmdb_id_goes_before_the_title(alice, session):
    await movie(session, 900_001, "Elsewhere", year=2000, imdb_id=77, tmdb_id=88)
    content = (
        "imdb_id,tmdb_id,title,year,rating\n"
        "tt0000077,,Anderswo,1990,4\n,88,Ailleurs,1990,3\n"
    )

    by_imdb = await report(alice, content.replace(",88,Ailleurs,1990,3\n", ""))
    by_tmdb = await report(alice, content.replace("tt0000077,,Anderswo,1990,4\n", ""))

    assert statuses(by_imdb) == ["added"]
    assert statuses(by_tmdb) == ["replaced"]
    assert by_tmdb["rows"][0]["movie_title"] == "Elsewhere"
    assert await stored(session, alice) == {900_001: 3}


async def test_a_title_does_not_overrule_another_id(alice, session):
    await movie(session, 900_001, "Elsewhere", year=2000, imdb_id=77)
    await movie(session, 900_002, "Nowhere", year=2000)
    content = (
        "imdb_id,title,year,rating\n"
        "tt0000078,Elsewhere,2000,4\ntt0000079,Nowhere,2000,3\n"
    )

    document = await report(alice, content)

    assert statuses(document) == ["unmatched", "added"]
    assert await stored(session, alice) == {900_002: 3}


async def test_a_number_of_another_service_is_not_taken_for_one_of_ours(alice, session):
    content = f"movie_id,title,year,rating\n{TOY_STORY},Heat,1995,4\n2,Gone,1995,1\n"

    document = await report(alice, content)

    assert statuses(document) == ["added", "unmatched"]
    assert await stored(session, alice) == {HEAT: 4}


async def test_an_id_of_movielens_that_is_unknown_is_not_looked_up_by_title(
    alice, session
):
    content = (
        "movie_id,imdb_id,tmdb_id,rating,average_rating,title\n"
        "999999,,,4,3.9,Heat (1995)\n"
    )

    document = await report(alice, content)

    assert statuses(document) == ["unmatched"]
    assert await stored(session, alice) == {}


async def test_series_and_rows_without_a_rating_are_told_apart(alice, session):
    content = (
        "Const,Your Rating,Title,Title Type,Year\n"
        "tt9000001,9,Heat,TV Series,1995\ntt9000002,,Toy Story,Movie,1995\n"
    )

    document = await report(alice, content)

    assert statuses(document) == ["not_a_movie", "unrated"]
    assert document["n_skipped"] == 2
    assert document["rows"][1]["value"] is None
    assert await stored(session, alice) == {}


# What is remembered of it.


async def imports_of(client: Client, path: str) -> list[dict[str, Any]]:
    """Read all pages of a list of imports, two at a time."""
    items: list[dict[str, Any]] = []
    query = "?limit=2"
    while query:
        page = (await client.get(f"{path}{query}")).json()
        items += page["items"]
        cursor = page["next_cursor"]
        query = f"?limit=2&cursor={cursor}" if cursor else ""
    return items


async def test_each_import_is_recorded_for_its_user_and_administrators(
    app, admin, alice, bob
):
    document = await report(alice, f"{LETTERBOXD}2020-01-02,Heat,1995,https://x,4\n")
    await report(alice, "movie_id,rating\n1,5\n2,3\n9999999,1\n")
    await report(alice, "movie_id,rating\n1,5\n2,4\n")
    await report(bob, "movie_id,rating\n1,1\n")
    async with keyed(app, admin, "serve") as program:
        program.user_id = 1  # who came with the sample
        await report(program, "movie_id,rating\n6,1\n")

    mine = await imports_of(alice, f"/ratings/{alice.user_id}/imports")
    everybodys = await imports_of(admin, "/imports")

    counts = "n_added", "n_replaced", "n_unchanged", "n_skipped"
    assert [[each[name] for name in counts] for each in mine] == [
        [0, 1, 1, 0], [2, 0, 0, 1], [1, 0, 0, 0]
    ]  # fmt: skip
    first = mine[-1]
    assert (first["format"], first["scale"]) == ("letterboxd", document["scale"])
    assert first["imported_at"] is not None
    names = [each["username"] for each in everybodys]
    assert names == [None, "bob", "alice", "alice", "alice"]
    assert everybodys[2:] == mine
    assert everybodys[0]["user_id"] == 1


async def test_what_stores_nothing_is_not_recorded(app, admin, alice):
    url = f"/ratings/{alice.user_id}/imports"
    key = {"idempotency-key": "once"}
    for _ in range(2):
        await send(alice, "movie_id,rating\n1,4\n", **key)
    await send(alice, "movie_id,rating\n1,5\n", "?dry_run=true")
    await send(alice, "movie_id,rating\n1,five\n", "?strict=true")

    assert len((await alice.get(url)).json()["items"]) == 1
    async with keyed(app, admin, "serve") as program:
        unknown = await program.get("/ratings/2000000000/imports")
    assert unknown.status_code == 404


# What is refused.


@pytest.mark.parametrize(
    ("content", "line", "code"),
    [
        ("movie_id,rating\n1,4\n2,five\n", 3, "rating"),
        ("movie_id,rating\n1,4\n2,1_0\n", 3, "rating"),
        ("movie_id,rating\n1,4\n2,٤\n", 3, "rating"),
        ("movie_id,rating\n1,4\n02,4\n", 3, "id"),
        (f"movie_id,rating\n1,4\n{2**53 + 1},4\n", 3, "id"),
        ("movie_id,rating\n1,4\n2", 3, "fields"),
        ('movie_id,rating\n1,4\n"2,4\n', 3, "quoting"),
        ("movie_id,rating\n", 1, "empty"),
        ("movies,stars\n1,4\n", 1, "header"),
    ],
)
async def test_a_faulty_file_is_refused_whole(alice, session, content, line, code):
    for query in ("?strict=true", "?strict=true&dry_run=true"):
        reply = await send(alice, content, query)

        assert reply.status_code == 422
        error = reply.json()["errors"][0]
        assert error["field"][:2] == ["body", line]
        assert error["code"] == code
    assert await stored(session, alice) == {}


@pytest.mark.parametrize("encoding", ["utf-16", "utf-16-be", "cp1252"])
async def test_files_in_other_encodings_are_read(alice, session, encoding):
    await movie(session, 900_001, "Café", year=2000)
    text = "title,year,rating\nCafé,2000,4\n"
    mark = b"\xfe\xff" if encoding == "utf-16-be" else b""

    document = await report(alice, mark + text.encode(encoding))

    assert statuses(document) == ["added"]
    assert await stored(session, alice) == {900_001: 4}


async def test_the_rejected_values_are_not_echoed(alice):
    reply = await send(
        alice, "movie_id,rating\nswordfish,4\n1,swordfish\n", "?strict=true"
    )

    assert reply.status_code == 422
    assert "swordfish" not in reply.text


async def test_a_file_of_faults_names_the_first_hundred_within_two_seconds(alice):
    began = time.perf_counter()
    reply = await send(alice, "movie_id,rating\n" + "x,4\n" * 200_000, "?strict=true")

    assert time.perf_counter() - began < 2
    errors = reply.json()["errors"]
    assert [error["field"][1] for error in errors] == list(range(2, 102))


@pytest.mark.parametrize(
    ("content", "headers", "status"),
    [
        (b"movie_id,rating\n1,4" + b"4" * 20_000_000, {}, 413),
        (b"movie_id,rating\n1,4\n", {"content-type": "text/plain"}, 415),
        (b"", {}, 422),
        (b"x," * 1_000_000, {}, 422),
    ],
    ids=["20 MB", "text", "empty", "10^6 columns"],
)
async def test_only_a_plain_csv_of_bounded_size_is_read(
    alice, session, content, headers, status
):
    began = time.perf_counter()
    reply = await send(alice, content, **headers)

    assert time.perf_counter() - began < 2
    assert reply.status_code == status
    assert await stored(session, alice) == {}


# B8. Only plain files are read: whatever is packed stays so.

EVIL = Path(gettempdir()) / "evil.csv"
NAMES = ("../evil.csv", str(EVIL), *(f"{n}.csv" for n in range(10_000)))


def zipped() -> bytes:
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w") as archive:
        for name in NAMES:
            archive.writestr(name, "movie_id,rating\n1,4\n")
        archive.writestr("inner.gz", GZIPPED)
    return buffer.getvalue()


def tarred() -> bytes:
    buffer = io.BytesIO()
    with tarfile.open(fileobj=buffer, mode="w") as archive:
        for name in NAMES[:100]:
            archive.addfile(tarfile.TarInfo(name))
        link = tarfile.TarInfo("link.csv")
        link.type, link.linkname = tarfile.SYMTYPE, "/etc/passwd"
        archive.addfile(link)
    return buffer.getvalue()


GZIPPED = gzip.compress(bytes(1 << 20)) * 1024  # a gigabyte in a megabyte
PACKED = {
    "gzip": (GZIPPED, "application/gzip"),
    "zip": (zipped(), "application/zip"),
    "tar": (tarred(), "application/x-tar"),
    "bzip2": (bz2.compress(bytes(1 << 24)), "application/x-bzip2"),
    "xz": (lzma.compress(bytes(1 << 24)), "application/x-xz"),
}


@pytest.mark.parametrize(("content", "content_type"), PACKED.values(), ids=PACKED)
async def test_what_is_packed_is_refused_and_not_unpacked(
    alice, session, content, content_type
):
    for headers, allowed in (
        ({"content-type": content_type}, {415, 422}),
        ({"content-encoding": "gzip"}, {415}),
        ({}, {400, 422}),
    ):
        reset_peak()
        n_before, began = psutil.Process().memory_info().rss, time.perf_counter()

        reply = await send(alice, content, **headers)

        seconds, peak = time.perf_counter() - began, peak_bytes()
        assert seconds <= 1
        assert peak is None or peak - n_before <= 64 << 20
        assert reply.status_code in allowed
        assert reply.headers["content-type"] == "application/problem+json"
    assert await stored(session, alice) == {}
    assert not EVIL.exists()


@pytest.mark.parametrize(
    ("query", "name"),
    [("?scale=7", "scale"), ("?scale=", "scale"), ("?dry_run=maybe", "dry_run"),
     ("?format=imdb", "format"), ("?dry_run=true&dry_run=false", "dry_run")],
)  # fmt: skip
async def test_parameters_of_an_import_are_checked(alice, session, query, name):
    reply = await send(alice, "movie_id,rating\n1,4\n", query)

    assert reply.status_code == 422
    assert reply.json()["errors"][0]["field"][:2] == ["query", name]
    assert await stored(session, alice) == {}


async def test_a_failure_in_the_middle_leaves_nothing(alice, session, connection):
    def fail(*arguments: Any) -> None:
        if "INSERT INTO ratings" in arguments[2]:
            raise RuntimeError("injected")

    event.listen(connection.sync_connection, "before_cursor_execute", fail)
    reply = await send(alice, "movie_id,rating\n1,4\n", **{"idempotency-key": "a"})
    event.remove(connection.sync_connection, "before_cursor_execute", fail)
    again = await send(alice, "movie_id,rating\n1,4\n", **{"idempotency-key": "a"})

    assert reply.status_code == 500
    assert again.status_code == 200
    assert await stored(session, alice) == {TOY_STORY: 4}


# D6. Repetition.


async def test_a_repeated_import_has_one_effect_and_the_same_answer(alice, session):
    content, key = "movie_id,rating\n1,4\n", {"idempotency-key": "import-1"}
    first = await send(alice, content, **key)
    await alice.put(f"/ratings/{alice.user_id}/{TOY_STORY}", json={"value": 1})

    second = await send(alice, content, **key)

    assert second.json() == first.json()
    assert first.json()["n_added"] == 1
    assert await stored(session, alice) == {TOY_STORY: 1}


async def test_without_a_key_a_repetition_acts_anew(alice):
    first = await report(alice, "movie_id,rating\n1,4\n")
    second = await report(alice, "movie_id,rating\n1,4\n")

    assert (first["n_added"], second["n_unchanged"]) == (1, 1)


@pytest.mark.parametrize(
    ("content", "query"),
    [("movie_id,rating\n1,5\n", ""), ("movie_id,rating\n1,4\n", "?scale=10")],
)
async def test_a_key_stands_for_one_request(alice, session, content, query):
    key = {"idempotency-key": "import-1"}
    await send(alice, "movie_id,rating\n1,4\n", **key)

    reply = await send(alice, content, query, **key)

    assert reply.status_code == 422
    assert reply.json()["errors"][0]["field"] == ["header", "Idempotency-Key"]
    assert await stored(session, alice) == {TOY_STORY: 4}


async def test_a_dry_run_takes_no_key(alice, session):
    content, key = "movie_id,rating\n1,4\n", {"idempotency-key": "import-1"}

    await send(alice, content, "?dry_run=true", **key)
    reply = await send(alice, content, **key)

    assert reply.json()["n_added"] == 1
    assert await stored(session, alice) == {TOY_STORY: 4}


async def test_keys_of_two_users_do_not_meet(alice, bob, session):
    content, key = "movie_id,rating\n1,4\n", {"idempotency-key": "import-1"}

    await send(alice, content, **key)
    await send(bob, content, **key)

    assert await stored(session, alice) == await stored(session, bob) == {TOY_STORY: 4}


async def test_a_key_is_forgotten_after_a_day(alice, session):
    content, key = "movie_id,rating\n1,4\n", {"idempotency-key": "import-1"}
    await send(alice, content, **key)
    await session.execute(
        update(IdempotentReply).values(created_at=func.now() - 1.01 * KEPT_FOR)
    )
    await session.commit()

    reply = await send(alice, content, **key)

    assert reply.json()["n_unchanged"] == 1
    assert await session.scalar(select(func.count(IdempotentReply.key))) == 1


@pytest.mark.parametrize("key", ["", "x" * 101, "a b", "é"])
async def test_a_key_is_short_and_printable(alice, session, key):
    headers = [(b"content-type", b"text/csv"), (b"idempotency-key", key.encode())]

    reply = await alice.post(
        f"/ratings/{alice.user_id}/import",
        content=b"movie_id,rating\n1,4\n",
        headers=headers,
    )

    assert reply.status_code == 422
    assert await stored(session, alice) == {}


@pytest.fixture
async def committed(app, settings, server, template):
    """The application on a database of its own, where commits are commits."""
    url = create_database(server, "cinefold_transfers", template=template)
    engine = create_engine(settings, url)
    sessions = create_session_factory(engine)
    app.state.services = Services(settings, sessions, ModelStore(Path(), sessions))
    yield app
    await engine.dispose()


async def test_of_eight_requests_at_once_with_one_key_one_acts(committed):
    content, key = "movie_id,rating\n1,4\n6,3\n", {"idempotency-key": "import-1"}
    async with Client(committed) as client:
        credentials = {"username": "alice", "password": PASSWORD}
        me = await client.post("/auth/register", json=credentials)
        client.user_id = me.json()["id"]

        replies = await asyncio.gather(
            *(send(client, content, **key) for _ in range(8))
        )

        assert [reply.status_code for reply in replies] == [200] * 8
        assert {reply.text for reply in replies} == {replies[0].text}
        assert replies[0].json()["n_added"] == 2
        assert (await client.get("/me")).json()["n_ratings"] == 2


# Export.


@pytest.mark.parametrize("name", FORMATS)
async def test_an_export_is_imported_again_to_the_same_ratings(
    alice, bob, session, name
):
    values = {TOY_STORY: 0.5, HEAT: 5.0, 858: 4.5, 4973: 3.0, 32: 1.5}
    for movie_id, value in values.items():
        await alice.put(f"/ratings/{alice.user_id}/{movie_id}", json={"value": value})

    reply = await alice.get(f"/ratings/{alice.user_id}/export?format={name}")
    document = await report(bob, reply.text)

    assert reply.headers["content-type"] == "text/csv; charset=utf-8"
    assert f"ratings-{name}.csv" in reply.headers["content-disposition"]
    assert document["format"] == name
    assert await stored(session, bob) == values


async def test_an_exported_formula_is_neutralised(alice, session):
    await movie(session, 900_001, '=HYPERLINK("https://evil.example")', year=2000)
    await alice.put(f"/ratings/{alice.user_id}/900001", json={"value": 4})

    for name in FORMATS:
        reply = await alice.get(f"/ratings/{alice.user_id}/export?format={name}")

        cells = [cell for row in csv.reader(io.StringIO(reply.text)) for cell in row]
        assert not any(cell.startswith(("=", "+", "-", "@")) for cell in cells)
    again = await report(alice, reply.text)
    assert statuses(again) == ["unchanged"]


async def test_a_new_user_exports_a_header(alice):
    reply = await alice.get(f"/ratings/{alice.user_id}/export")

    assert reply.text == "movie_id,imdb_id,tmdb_id,title,year,rating,rated_at\r\n"


async def test_an_unknown_format_is_refused(alice):
    reply = await alice.get(f"/ratings/{alice.user_id}/export?format=xlsx")

    assert reply.status_code == 422
    assert reply.json()["errors"][0]["field"] == ["query", "format"]
