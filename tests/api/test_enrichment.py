"""Descriptions from The Movie Database: fetched, stored, shown."""

import logging
import time
from contextlib import aclosing

import pytest
from pydantic import SecretStr, ValidationError
from sqlalchemy import func, select, text, update
from typer.testing import CliRunner

from api.clients import tmdb
from api.clients.tmdb import N_ATTEMPTS, NoAnswerError, Tmdb
from api.commands.main import app as command_line
from api.queries.descriptions import MAX_AGE
from api.services import enrichment
from api.services.enrichment import Enriched
from api.settings import Settings
from api.tables import Description, Movie
from tests.tmdb import (
    KEY,
    PICTURE,
    TOKEN,
    always,
    failure,
    missing,
    movie,
    serving,
    too_many,
)

pytestmark = pytest.mark.anyio

NAMED = {1: 862, 2: 8844, 3: 15602}
PAUSE = 0.001


@pytest.fixture
async def catalogue(session):
    """The database with three movies that have TMDB ids; the sample has none."""
    for movie_id, tmdb_id in NAMED.items():
        named = update(Movie).where(Movie.id == movie_id).values(tmdb_id=tmdb_id)
        await session.execute(named)
    await session.commit()
    return session


async def enrich(catalogue, peer, key=KEY, on_progress=lambda *_: None) -> Enriched:
    async with reach(peer, key) as client:
        return await enrichment.enrich(catalogue, client, on_progress=on_progress)


def reach(peer, key=KEY):
    """Open a client that retries without losing time."""
    return aclosing(Tmdb(peer.url, SecretStr(key), first_pause=PAUSE))


async def described(catalogue) -> dict[int, tuple[str | None, bytes | None]]:
    """Read what is stored."""
    query = select(Description.movie_id, Description.synopsis, Description.poster)
    return {row.movie_id: (row[1], row[2]) for row in await catalogue.execute(query)}


@pytest.mark.parametrize("key", [KEY, TOKEN], ids=["key", "read access token"])
async def test_every_movie_with_an_id_is_described_once(catalogue, key):
    seen = []
    with serving() as peer:
        first = await enrich(catalogue, peer, key, lambda *counts: seen.append(counts))
        second = await enrich(catalogue, peer, key)

    assert first == Enriched(n_described=3)
    assert second == Enriched()
    assert dict(peer.asked) == dict.fromkeys(NAMED.values(), 1)
    assert seen == [(1, 3), (2, 3), (3, 3)]
    assert await described(catalogue) == {
        movie_id: (f"What happens in movie {tmdb_id}.", PICTURE)
        for movie_id, tmdb_id in NAMED.items()
    }
    assert len(peer.targets) == 1 + 2 * 3  # where pictures are is asked once
    assert "/t/p/w342/uXDfjJbdP4ijW5hWSBrPrlKpxa862.jpg" in peer.targets
    assert not peer.has_leaked


async def test_what_is_known_is_shown_with_its_source(catalogue, anonymous):
    before = (await anonymous.get("/movies/1")).json()
    with serving() as peer:
        await enrich(catalogue, peer)

    shown = (await anonymous.get("/movies/1")).json()
    poster = await anonymous.get(shown["poster_url"])

    assert [before[name] for name in ("synopsis", "poster_url")] == [None, None]
    assert before["description_source"] is None
    assert shown["synopsis"] == "What happens in movie 862."
    assert shown["description_source"] == "TMDB"
    assert poster.content == PICTURE
    assert poster.headers["content-type"] == "image/jpeg"
    assert poster.headers["cache-control"] == "public, max-age=86400"
    assert (await anonymous.get("/movies/5/poster")).status_code == 404


async def test_what_tmdb_does_not_know_is_not_asked_again(catalogue, anonymous):
    def script(tmdb_id, _attempt):
        return missing() if tmdb_id == 862 else movie(tmdb_id, poster_path=None)

    with serving(script) as peer:
        first = await enrich(catalogue, peer)
        second = await enrich(catalogue, peer)

    assert first == Enriched(n_described=2, n_unknown=1)
    assert second == Enriched()
    assert (await described(catalogue))[1] == (None, None)
    assert (await anonymous.get("/movies/1")).json()["synopsis"] is None
    assert (await anonymous.get("/movies/1/poster")).status_code == 404


async def test_a_poster_that_has_gone_leaves_the_synopsis(catalogue):
    with serving() as peer:
        peer.picture = (404, {}, b"")
        await enrich(catalogue, peer)

    assert (await described(catalogue))[1] == ("What happens in movie 862.", None)


async def test_who_is_told_to_wait_waits_and_asks_again(catalogue):
    def script(tmdb_id, attempt):
        is_first = tmdb_id == 862 and attempt == 1
        return too_many(1) if is_first else movie(tmdb_id)

    with serving(script) as peer:
        began = time.perf_counter()
        done = await enrich(catalogue, peer)
        seconds = time.perf_counter() - began

    assert done == Enriched(n_described=3)
    assert peer.asked[862] == 2
    assert seconds >= 1


async def test_a_run_that_was_ended_goes_on_where_it_was(catalogue):
    """By a wait that nobody would sit through; what had come is stored."""
    with serving(lambda i, _: too_many(3600) if i == 8844 else movie(i)) as peer:
        with pytest.raises(tmdb.RefusedError, match="3600 s"):
            await enrich(catalogue, peer)
        kept = await described(catalogue)
        peer.script = always
        done = await enrich(catalogue, peer)

    assert kept
    assert 2 not in kept
    assert done == Enriched(n_described=3 - len(kept))
    assert peer.asked[8844] == 2
    assert all(peer.asked[NAMED[movie_id]] == 1 for movie_id in kept)


async def test_a_429_that_names_no_time_is_waited_for_as_well(catalogue):
    def script(tmdb_id, attempt):
        busy = failure(429, 25, "over the limit", **{"Retry-After": "soon"})
        return busy if attempt == 1 else movie(tmdb_id)

    with serving(script) as peer:
        assert await enrich(catalogue, peer) == Enriched(n_described=3)


BROKEN = {
    "cut off": (200, {}, b'{"id": 862, "overview": "Led by Wo'),
    "HTML": (200, {}, b"<html><h1>Bad gateway</h1></html>"),
    "no text": movie(862, overview=["Led", "by", "Woody"]),
    "a path elsewhere": movie(862, poster_path="//evil.example/x.jpg"),
    "a path upwards": movie(862, poster_path="/../../x.jpg"),
    "a drawing": movie(862, poster_path="/x.svg"),
    "endless": (200, {}, b" " * (1 << 21)),
    "offline": failure(503, 9, "Service offline"),
    "moved": (301, {"Location": "http://evil.example/"}, b""),
}


@pytest.mark.parametrize("broken", BROKEN.values(), ids=BROKEN)
async def test_a_broken_reply_is_asked_for_again(broken):
    def script(tmdb_id, attempt):
        return broken if attempt < N_ATTEMPTS else movie(tmdb_id)

    with serving(script) as peer:
        async with reach(peer) as client:
            found = await client.describe(862)

    assert found == tmdb.Description("What happens in movie 862.", PICTURE)
    assert peer.asked[862] == N_ATTEMPTS


async def test_a_reply_that_trickles_in_is_given_up(monkeypatch):
    monkeypatch.setattr(tmdb, "TIMEOUT_SECONDS", 0.2)
    with serving() as peer:
        peer.seconds_per_byte = 0.05
        began = time.perf_counter()
        async with reach(peer) as client:
            with pytest.raises(NoAnswerError):
                await client.describe(862)
        seconds = time.perf_counter() - began

    assert peer.asked[862] == N_ATTEMPTS
    assert seconds < 2


@pytest.mark.parametrize("picture", [b"<svg/>", b"", PICTURE * 70_000])
async def test_what_is_no_picture_is_not_taken_for_one(picture):
    with serving() as peer:
        peer.picture = (200, {}, picture)
        async with reach(peer) as client:
            with pytest.raises(NoAnswerError):
                await client.describe(862)


async def test_a_movie_without_an_answer_is_left_for_the_next_run(catalogue):
    another = movie(863)
    with serving(lambda i, _: another if i == 862 else movie(i)) as peer:
        first = await enrich(catalogue, peer)
        peer.script = always
        second = await enrich(catalogue, peer)

    assert first == Enriched(n_described=2, n_failed=1)
    assert second == Enriched(n_described=1)


async def test_a_peer_that_has_gone_silent_ends_the_run(catalogue, monkeypatch):
    monkeypatch.setattr(enrichment, "MAX_SILENT", 2)
    with serving() as peer:
        pass  # nobody listens there any more

    with pytest.raises(tmdb.RefusedError, match="does not reply"):
        await enrich(catalogue, peer)


async def test_a_wrong_key_ends_the_run_and_says_where_to_get_one(catalogue):
    with (
        serving() as peer,
        pytest.raises(tmdb.RefusedError, match=r"themoviedb\.org/settings/api"),
    ):
        await enrich(catalogue, peer, key="f" * 32)

    assert not peer.asked
    assert await described(catalogue) == {}


async def test_no_more_requests_a_second_than_allowed_are_sent():
    moments: list[float] = []

    def script(tmdb_id, _attempt):
        moments.append(time.monotonic())
        return movie(tmdb_id, poster_path=None)

    with serving(script) as peer:
        async with reach(peer) as client:
            for tmdb_id in range(1, 24):
                await client.describe(tmdb_id)

    assert moments[-1] - moments[0] >= 22 / 40


async def test_a_text_is_stored_plain_and_shown_as_it_is(catalogue, anonymous):
    overview = "  Zeile eins\r\n\u0000<b>zwei</b>  e\u0301 "
    with serving(lambda i, _: movie(i, overview=overview)) as peer:
        await enrich(catalogue, peer)

    shown = (await anonymous.get("/movies/1")).json()
    assert shown["synopsis"] == "Zeile eins <b>zwei</b> \u00e9"


async def test_what_is_older_than_the_terms_allow_is_hidden_and_fetched_anew(
    catalogue, anonymous
):
    with serving() as peer:
        await enrich(catalogue, peer)
        old = func.now() - MAX_AGE - text("interval '1 hour'")
        aged = update(Description).where(Description.movie_id == 2)
        await catalogue.execute(aged.values(described_at=old))
        await catalogue.commit()

        shown = (await anonymous.get("/movies/2")).json()
        poster = await anonymous.get("/movies/2/poster")
        done = await enrich(catalogue, peer)

    assert shown["synopsis"] is shown["poster_url"] is None
    assert poster.status_code == 404
    assert done == Enriched(n_described=1)
    assert peer.asked[NAMED[2]] == 2
    assert (await anonymous.get("/movies/2")).json()["synopsis"]


async def test_the_key_is_never_logged(caplog):
    caplog.set_level(logging.DEBUG)
    broken = BROKEN["HTML"]
    with serving(lambda i, n: broken if n == 1 else movie(i)) as peer:
        async with reach(peer) as client:
            await client.describe(862)

    assert "/movie/862" in caplog.text
    assert KEY not in caplog.text


def test_without_a_key_nothing_is_asked_and_the_command_says_how_to_get_one(
    monkeypatch, tmp_path
):
    monkeypatch.setenv("DATA_DIR", str(tmp_path))
    monkeypatch.delenv("TMDB_API_KEY", raising=False)
    with serving() as peer:
        monkeypatch.setenv("TMDB_URL", peer.url)

        result = CliRunner().invoke(command_line, ["enrich"])

    assert isinstance(result.exception, tmdb.RefusedError)
    assert "themoviedb.org/settings/api" in str(result.exception)
    assert not peer.targets
    assert not list(tmp_path.iterdir())


@pytest.mark.parametrize("url", ["ftp://x/3", "https://", "https://x/3?api_key=1"])
def test_an_address_that_is_none_is_refused(url):
    with pytest.raises(ValidationError, match="must be an address"):
        Settings(tmdb_url=url)
