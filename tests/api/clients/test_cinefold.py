"""The client for programs: operations on the application, retries on a socket."""

import json
import subprocess
import sys
import threading
from collections.abc import AsyncIterator, Iterator
from contextlib import aclosing, contextmanager
from datetime import UTC, datetime, timedelta
from email.utils import format_datetime
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from itertools import islice
from typing import Any, assert_type

import httpx
import pytest

from api.clients.cinefold import AsyncCinefold, Cinefold, CinefoldError, requests
from api.schemas.bulk import BulkMovie, BulkRating, BulkUser
from api.schemas.experiments import ExperimentIn, ExperimentPatch, VariantIn
from api.schemas.health import Ready
from api.schemas.movies import MovieDetail, MovieOut, MoviePage
from api.schemas.training import TrainingRunIn
from tests.conftest import ORIGIN

pytestmark = pytest.mark.anyio

Reply = tuple[int, dict[str, str], bytes]
LOVED = {1: 5.0, 260: 4.5, 318: 4.0}
READY = b'{"status": "ready", "degraded": true, "reasons": [], "model": null}'
BUSY = json.dumps(
    {
        "type": "/problems/unavailable",
        "title": "Not now",
        "status": 503,
        "detail": None,
        "request_id": "r",
    }
).encode()


@pytest.fixture
async def program(app, admin) -> AsyncIterator[AsyncCinefold]:
    """A program with every scope, on the application itself."""
    key = {"name": "test", "scopes": ["read", "rate", "serve", "admin"]}
    made = (await admin.post("/api-keys", json=key)).json()
    transport = httpx.ASGITransport(app, raise_app_exceptions=False)
    async with AsyncCinefold(ORIGIN, made["key"], transport=transport) as client:
        yield client


async def test_ratings_are_stored_listed_page_by_page_and_taken_back(program, alice):
    user = alice.user_id
    for movie_id, stars in LOVED.items():
        await program.rate(user, movie_id, stars)

    listed = {r.movie.id: r.value async for r in program.ratings(user, page_size=2)}
    one = await program.rating(user, 260)
    influence = await program.influence(user)
    await program.delete_rating(user, 260)
    text = await program.export_ratings(user)

    assert listed == LOVED
    assert one.value == 4.5
    assert {item.movie_id for item in influence.items} == LOVED.keys()
    assert len(text.splitlines()) == 1 + 2


async def test_files_and_rows_come_in_at_once(program, alice):
    user, csv = alice.user_id, "movie_id,rating\n1,4.5\n2,3\n"

    dry = await program.import_ratings(user, csv, is_dry_run=True)
    real = await program.import_ratings(user, csv.encode(), scale=5)
    movies = [BulkMovie(id=900_000, title="A new movie", genres=[])]
    new_movies = await program.bulk_movies(movies)
    new_users = await program.bulk_users([BulkUser(id=900_000)])
    rows = [BulkRating(user_id=900_000, movie_id=m, value=2.5) for m in (900_000, 1)]
    new_ratings = await program.bulk_ratings(rows)

    assert (dry.is_dry_run, dry.n_added) == (True, 2)
    assert (real.is_dry_run, real.n_added) == (False, 2)
    reports = new_movies, new_users, new_ratings
    assert [(r.n_added, r.n_refused) for r in reports] == [(1, 0), (1, 0), (2, 0)]


async def test_movies_are_searched_filtered_and_shown(program):
    async with aclosing(program.movies(query="toy story")) as found:
        best = await anext(found)
    old = [m async for m in program.movies(year_to=1930, sort="year", page_size=50)]
    chosen = [movie.id async for movie in program.movies(ids=[1, 260])]
    movie = await program.movie(1)
    similar = await program.similar_movies(1, limit=3)
    genres = await program.genres()

    assert best.title == movie.title == "Toy Story"
    assert all(each.year <= 1930 for each in old)
    assert sorted(chosen) == [1, 260]
    assert len(similar.items) == 3
    assert "Animation" in {genre.name for genre in genres.items}


async def test_lists_for_a_user_and_for_ratings_are_the_same(program, alice):
    for movie_id, stars in LOVED.items():
        await program.rate(alice.user_id, movie_id, stars)

    stored = await program.recommendations(alice.user_id, limit=5, exclude=[2])
    inline = await program.recommend(LOVED, limit=5, exclude=[2])
    movie = inline.items[0].movie.id
    why = await program.explanation(alice.user_id, movie)
    because = await program.explain(LOVED, movie)
    async with aclosing(program.predictions(alice.user_id, genre="Drama")) as drama:
        first = await anext(drama)
    page = await program.predict(LOVED, genre="Drama", limit=1)
    following = await program.predict(
        LOVED, genre="Drama", limit=1, cursor=page.next_cursor
    )
    questions = await program.elicitation(alice.user_id, limit=2)
    asked = await program.elicit(LOVED, limit=2)

    ids = [[item.movie.id for item in made.items] for made in (stored, inline)]
    assert ids[0] == ids[1]
    assert len(ids[0]) == 5
    assert why.predicted_rating == because.predicted_rating
    assert page.items[0].movie == first.movie
    assert following.items[0].movie != first.movie
    assert questions.items == asked.items


async def test_votes_and_hidden_movies_change_the_next_list(program, alice):
    user = alice.user_id
    made = await program.recommendations(user, limit=2)
    liked, hidden = (item.movie.id for item in made.items)

    vote = await program.vote(made.recommendation_id, liked, "like")
    await program.hide(user, hidden)
    listed = [movie.id async for movie in program.hidden(user)]
    after = await program.recommendations(user, limit=100)
    await program.unhide(user, hidden)

    assert vote.vote == "like"
    assert listed == [hidden]
    assert hidden not in {item.movie.id for item in after.items}
    assert [movie async for movie in program.hidden(user)] == []


async def test_an_experiment_is_planned_changed_run_and_analysed(program, alice):
    model = (await program.active_model()).model.id
    variants = [
        VariantIn(name="A", weight=0.5, model_id=model),
        VariantIn(name="B", weight=0.5, model_id=model, head="rating"),
    ]
    plan = ExperimentIn(
        name="Order", hypothesis="By stars", variants=variants, minimum_effect=0.1
    )

    draft = await program.create_experiment(plan)
    patch = ExperimentPatch(name="By stars")
    changed = await program.change_experiment(draft.id, patch, version=draft.version)
    with pytest.raises(CinefoldError) as too_late:
        await program.change_experiment(draft.id, patch, version=draft.version)
    await program.start_experiment(draft.id)
    assigned = await program.assignment(draft.id, alice.user_id)
    made = await program.recommendations(alice.user_id)
    exposed = await program.exposures(draft.id, file_format="csv")
    results = await program.results(draft.id)
    stopped = await program.stop_experiment(draft.id)

    assert (changed.name, changed.version) == ("By stars", draft.version + 1)
    assert (too_late.value.status, too_late.value.slug) == (412, "precondition-failed")
    assert made.experiment.variant == assigned.variant
    assert len(exposed.splitlines()) == 2
    assert sum(variant.n_users for variant in results.variants) == 1
    assert stopped.state == "stopped"
    assert (await program.experiment(draft.id)).state == "stopped"
    assert draft.id in [each.id async for each in program.experiments()]


async def test_a_run_is_queued_cancelled_and_waited_for(program):
    settings = TrainingRunIn.model_validate({"seed": 7, "rating": {"n_factors": 4}})

    run = await program.train(settings)
    with pytest.raises(TimeoutError, match="still queued"):
        await program.wait_for_training(run.id, timeout_seconds=0)
    await program.cancel_training(run.id)
    ended = await program.wait_for_training(run.id)

    assert ended.status == "cancelled"
    assert (ended.parameters["seed"], ended.parameters["rating"]["n_factors"]) == (7, 4)
    assert run.id in [each.id async for each in program.training_runs()]


async def test_models_are_listed_checked_and_kept_from_harm(program):
    live = (await program.active_model()).model.id

    card = await program.model(live)
    checks = await program.model_checks(live)
    same = await program.compare_models(live, live)
    again = await program.activate_model(live)
    with pytest.raises(CinefoldError) as refused:
        await program.delete_model(live)
    with pytest.raises(CinefoldError) as nothing_before:
        await program.roll_back_model()

    assert card.is_active
    assert again.is_active
    assert checks.passed
    assert same.differences == []
    assert refused.value.slug == nothing_before.value.slug == "wrong-state"
    assert live in [model.id async for model in program.models()]


async def test_insights_health_and_the_keys_owner_can_be_read(program, admin):
    ratings = await program.rating_insights()
    genres = await program.genre_insights()
    popularity = await program.popularity_insights()
    polarizing = await program.polarizing_movies(by="excess", limit=3)

    assert ratings.n_ratings == sum(each.count for each in ratings.distribution)
    assert len(popularity.top) == 10
    assert {genre.name for genre in genres.items}
    assert len(polarizing.items) == 3
    assert (await program.live()).status == "live"
    assert (await program.ready()).model is not None
    assert (await program.me()).id == admin.user_id


async def test_a_problem_tells_its_status_slug_and_fields(program, alice):
    with pytest.raises(CinefoldError, match="404 No such resource") as gone:
        await program.rate(alice.user_id, 999_999, 3)
    with pytest.raises(CinefoldError, match=r"body\.value: ") as invalid:
        await program.rate(alice.user_id, 1, 3.2)

    assert (gone.value.status, gone.value.slug) == (404, "not-found")
    assert gone.value.request_id
    assert invalid.value.slug == "invalid-request"
    assert invalid.value.errors[0].field == ["body", "value"]


class Peer:
    """A service whose replies are a script; the last one is repeated."""

    def __init__(self, *replies: Reply) -> None:
        self.replies = list(replies)
        self.received: list[tuple[str, str, dict[str, str]]] = []
        self.url = ""

    def next_reply(self) -> Reply:
        return self.replies.pop(0) if len(self.replies) > 1 else self.replies[0]


DROPPED: Reply = (0, {}, b"")  # the connection ends without a reply
OK: Reply = (200, {}, READY)


def away(retry_after: str, status: int = 503) -> Reply:
    return status, {"Retry-After": retry_after}, BUSY


@contextmanager
def serving(*replies: Reply) -> Iterator[Peer]:
    """Reply on a socket as the script says."""
    peer = Peer(*replies)

    class Handler(BaseHTTPRequestHandler):
        def answer(self) -> None:
            self.rfile.read(int(self.headers.get("Content-Length", "0")))
            peer.received.append((self.command, self.path, dict(self.headers)))
            status, headers, content = peer.next_reply()
            if not status:
                return
            self.send_response(status)
            for name, value in headers.items():
                self.send_header(name, value)
            self.send_header("Content-Length", str(len(content)))
            self.end_headers()
            self.wfile.write(content)

        do_GET = do_POST = answer  # noqa: N815 - the server's names

        def log_message(self, *_: Any) -> None:
            """Be quiet."""

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    peer.url = f"http://127.0.0.1:{server.server_port}"
    thread = threading.Thread(target=server.serve_forever, args=(0.05,))
    thread.start()
    try:
        yield peer
    finally:
        server.shutdown()
        server.server_close()
        thread.join()


@pytest.fixture
def hasty(monkeypatch) -> None:
    """Retry without losing time."""
    monkeypatch.setattr(requests, "FIRST_PAUSE", 0.001)


SOON = format_datetime(datetime.now(UTC) - timedelta(seconds=5), usegmt=True)
TRANSIENT = {
    "away": away("0"),
    "away until a date": away(SOON),
    "away without a time": away("soon"),
    "too many requests": away("0", 429),
    "a proxy without a service": (502, {}, b"<html>Bad gateway</html>"),
    "no reply": DROPPED,
}


@pytest.mark.usefixtures("hasty")
@pytest.mark.parametrize("fault", TRANSIENT.values(), ids=TRANSIENT)
async def test_what_can_be_repeated_is_repeated_until_it_succeeds(fault):
    with serving(fault, fault, fault, OK) as peer, Cinefold(peer.url) as client:
        waiting = client.ready()
    with serving(fault, fault, fault, OK) as peer:
        async with AsyncCinefold(peer.url) as awaited_client:
            awaited = await awaited_client.ready()

    assert waiting == awaited
    assert len(peer.received) == 4


@pytest.mark.usefixtures("hasty")
async def test_attempts_end_and_the_last_failure_is_raised():
    with (
        serving(away("0")) as peer,
        Cinefold(peer.url, n_attempts=3) as client,
        pytest.raises(CinefoldError, match="503 Not now") as error,
    ):
        client.ready()
    with serving(DROPPED) as silent:
        async with AsyncCinefold(silent.url, n_attempts=2) as lost:
            with pytest.raises(httpx.RemoteProtocolError):
                await lost.ready()

    assert error.value.slug == "unavailable"
    assert (len(peer.received), len(silent.received)) == (3, 2)


def test_a_wait_that_is_too_long_is_not_begun():
    with (
        serving(away("3600")) as peer,
        Cinefold(peer.url) as client,
        pytest.raises(CinefoldError),
    ):
        client.ready()

    assert len(peer.received) == 1


@pytest.mark.usefixtures("hasty")
@pytest.mark.parametrize("fault", [away("0"), DROPPED], ids=["away", "no reply"])
def test_what_must_not_happen_twice_is_sent_once(fault):
    with (
        serving(fault, OK) as peer,
        Cinefold(peer.url) as client,
        pytest.raises((CinefoldError, httpx.TransportError)),
    ):
        client.train()

    assert len(peer.received) == 1


@pytest.mark.usefixtures("hasty")
def test_what_was_refused_unseen_is_sent_again():
    with (
        serving(away("0", 429), (404, {}, b"")) as peer,
        Cinefold(peer.url) as client,
        pytest.raises(CinefoldError, match="404 Not Found") as error,
    ):
        client.train()

    assert error.value.slug == ""
    assert len(peer.received) == 2


@pytest.mark.usefixtures("hasty")
def test_a_file_that_is_sent_again_has_the_same_idempotency_key():
    counts = dict.fromkeys(("n_added", "n_replaced", "n_unchanged", "n_refused"), 0)
    report = json.dumps({**counts, "rows": []}).encode()
    with serving(DROPPED, (200, {}, report)) as peer, Cinefold(peer.url) as client:
        client.bulk_users([BulkUser(id=1)])
        client.bulk_users([BulkUser(id=1)])

    first, second, other = (each[2]["Idempotency-Key"] for each in peer.received)
    assert first == second != other


@pytest.mark.usefixtures("hasty")
def test_the_key_is_sent_as_a_bearer_and_a_service_that_never_was_is_an_error():
    with serving(OK) as peer, Cinefold(peer.url, "cinefold_key") as client:
        client.ready()
    with Cinefold(peer.url, n_attempts=2) as late, pytest.raises(httpx.ConnectError):
        late.train()

    assert peer.received[0][2]["Authorization"] == "Bearer cinefold_key"


def test_pages_are_asked_for_when_they_are_needed():
    movie = MovieOut(
        id=1, title="A", year=None, genres=[], n_ratings=0, mean_rating=None
    )
    page = MoviePage(items=[movie], next_cursor="next").model_dump_json().encode()
    with serving((200, {}, page)) as peer, Cinefold(peer.url) as client:
        seen = list(islice(client.movies(page_size=1), 3))

    assert [movie.id for movie in seen] == [1, 1, 1]
    cursors = ["cursor=next" in path for _, path, _ in peer.received]
    assert cursors == [False, True, True]


def check_types(client: Cinefold, awaited: AsyncCinefold) -> None:
    """Hold the types that mypy sees of one description against both clients."""
    assert_type(client.ready(), Ready)
    assert_type(client.movies(query="toy"), Iterator[MovieOut])
    assert_type(awaited.movies(query="toy"), AsyncIterator[MovieOut])


async def check_awaited_types(awaited: AsyncCinefold) -> None:
    assert_type(await awaited.movie(1), MovieDetail)


def test_an_operation_of_the_class_has_its_description_as_help():
    assert Cinefold.movie.__doc__ == "Show one movie."
    assert Cinefold.movies.__doc__ == AsyncCinefold.movies.__doc__


def test_the_client_does_without_the_database():
    code = "import sys, api.clients.cinefold; sys.exit('sqlalchemy' in sys.modules)"

    done = subprocess.run([sys.executable, "-c", code], check=False)

    assert done.returncode == 0
