"""Votes on what was recommended, and movies hidden from lists."""

import base64
import time
from dataclasses import replace
from datetime import timedelta

import pytest
from sqlalchemy import delete, select, update

from api.queries.feedback import signing_secret
from api.services.feedback import LIFETIME, MAX_VOTES, WINDOW
from api.services.signing import ForgedError, SignedList
from api.tables import Feedback, FeedbackMinute, Movie
from tests.api.test_recommendations import movie_ids
from tests.conftest import keyed

pytestmark = pytest.mark.anyio

UNKNOWN = 2_000_000_000


@pytest.fixture
async def listed(alice):
    """A list of Alice's: its id, and the movies on it."""
    reply = await alice.get(f"/recommendations/{alice.user_id}?limit=5")
    return reply.json()["recommendation_id"], movie_ids(reply)


@pytest.fixture
async def secret(session):
    return await signing_secret(session)


async def votes_of(session, user_id):
    rows = await session.execute(
        select(Feedback.movie_id, Feedback.is_like).where(Feedback.user_id == user_id)
    )
    return {row.movie_id: row.is_like for row in rows}


def vote(listed, index=0, vote="like"):
    recommendation_id, movies = listed
    return {
        "recommendation_id": recommendation_id,
        "movie_id": movies[index],
        "vote": vote,
    }


async def test_a_vote_is_stored_and_the_last_one_stands(alice, session, listed):
    movie = listed[1][0]

    for said in ("like", "like", "dislike", "like"):
        reply = await alice.put("/feedback", json=vote(listed, vote=said))
        assert reply.status_code == 200
        assert reply.json() == {"movie_id": movie, "vote": said}

    assert await votes_of(session, alice.user_id) == {movie: True}
    await alice.put("/feedback", json=vote(listed, 1, "dislike"))
    assert await votes_of(session, alice.user_id) == {movie: True, listed[1][1]: False}


async def test_a_vote_is_taken_back_as_often_as_one_likes(alice, session, listed):
    await alice.put("/feedback", json=vote(listed))

    for _ in range(2):
        reply = await alice.put("/feedback", json=vote(listed, vote="none"))
        assert reply.json()["vote"] == "none"

    assert await votes_of(session, alice.user_id) == {}


async def test_a_list_for_nobody_in_particular_cannot_be_voted_on(anonymous):
    reply = await anonymous.post("/recommendations", json={"ratings": []})

    assert reply.json()["recommendation_id"] is None


async def test_without_a_model_lists_are_voted_on_as_well(alice, services, session):
    services.model_store.current = None
    reply = await alice.get(f"/recommendations/{alice.user_id}?limit=1")
    listed = reply.json()["recommendation_id"], movie_ids(reply)

    assert (await alice.put("/feedback", json=vote(listed))).status_code == 200
    assert await votes_of(session, alice.user_id) == {listed[1][0]: True}


async def test_an_id_says_what_was_recommended_by_which_model(
    alice, listed, secret, trained
):
    issued = SignedList.read(listed[0], secret)

    assert issued.user_id == alice.user_id
    assert issued.model_id == trained.id
    assert issued.variant_id == 0
    assert list(issued.movie_ids) == listed[1]
    assert abs(issued.issued_at - time.time()) < 60


# What is refused.


def refused(reply, field, code):
    assert reply.status_code == 422
    errors = reply.json()["errors"]
    assert [(error["field"], error["code"]) for error in errors] == [
        (["body", field], code)
    ]
    return True


async def test_any_altered_id_is_forged(alice, session, listed):
    """Each bit of the id, cut ids, ids with more movies, and no ids at all."""
    genuine = base64.urlsafe_b64decode(listed[0])
    altered = []
    for position in range(len(genuine)):
        changed = bytearray(genuine)
        changed[position] ^= 1 << (position % 8)
        altered.append(bytes(changed))
    altered += [genuine[:-4], genuine + bytes(4), genuine[:16], genuine[:15], b"x"]
    texts = [base64.urlsafe_b64encode(data).decode() for data in altered]

    secret = await signing_secret(session)
    for text in [*texts, "?", "ä", " ", "A", listed[0] + "\n"]:
        with pytest.raises(ForgedError):
            SignedList.read(text, secret)
    for text in texts[::9]:
        reply = await alice.put("/feedback", json=vote((text, listed[1])))
        assert refused(reply, "recommendation_id", "forged")
    assert await votes_of(session, alice.user_id) == {}


async def test_an_id_signed_with_another_secret_is_forged(alice, session, listed):
    issued = SignedList(alice.user_id, 1, 0, int(time.time()), listed[1])
    forged = issued.signed(b"guessed"), listed[1]

    reply = await alice.put("/feedback", json=vote(forged))

    assert refused(reply, "recommendation_id", "forged")
    assert await votes_of(session, alice.user_id) == {}


async def test_an_id_expires(alice, session, listed, secret):
    issued = SignedList.read(listed[0], secret)
    lifetime = round(LIFETIME.total_seconds())

    old = replace(issued, issued_at=issued.issued_at - lifetime - 60)
    young = replace(issued, issued_at=issued.issued_at - lifetime + 60)
    late = await alice.put("/feedback", json=vote((old.signed(secret), listed[1])))
    in_time = await alice.put("/feedback", json=vote((young.signed(secret), listed[1])))

    assert refused(late, "recommendation_id", "expired")
    assert in_time.status_code == 200
    assert await votes_of(session, alice.user_id) == {listed[1][0]: True}


async def test_what_was_not_recommended_cannot_be_voted_on(alice, session, listed):
    others = [movie for movie in (1, 2, 3, UNKNOWN) if movie not in listed[1]]

    for movie in others:
        reply = await alice.put("/feedback", json=vote((listed[0], [movie])))
        assert refused(reply, "movie_id", "not_recommended")

    assert await votes_of(session, alice.user_id) == {}


async def test_nobody_votes_on_anothers_list(app, bob, admin, session, alice, listed):
    assert (await bob.put("/feedback", json=vote(listed))).status_code == 404
    async with keyed(app, admin, "read") as reader:
        assert (await reader.put("/feedback", json=vote(listed))).status_code == 404
    async with keyed(app, admin, "rate") as rater:
        assert (await rater.put("/feedback", json=vote(listed))).status_code == 404
    assert await votes_of(session, alice.user_id) == {}

    async with keyed(app, admin, "serve") as program:
        assert (await program.put("/feedback", json=vote(listed))).status_code == 200
    assert await votes_of(session, alice.user_id) == {listed[1][0]: True}


async def test_a_movie_gone_since_is_404(alice, connection, listed):
    await connection.execute(delete(Movie).where(Movie.id == listed[1][0]))

    reply = await alice.put("/feedback", json=vote(listed))

    assert reply.status_code == 404


@pytest.mark.parametrize("said", ["Like", "", None, 1, "love"])
async def test_a_vote_is_one_of_three_words(alice, listed, said):
    reply = await alice.put("/feedback", json=vote(listed, vote=said))

    assert reply.status_code == 422


# The limit.


async def test_a_flood_of_votes_is_stopped_and_changes_nothing(
    alice, bob, session, listed
):
    for number in range(MAX_VOTES):
        said = ("like", "dislike")[number % 2]
        reply = await alice.put("/feedback", json=vote(listed, vote=said))
        assert reply.status_code == 200

    flood = [await alice.put("/feedback", json=vote(listed)) for _ in range(3)]

    assert {reply.status_code for reply in flood} == {429}
    assert flood[0].headers["retry-after"] == "60"
    assert await votes_of(session, alice.user_id) == {listed[1][0]: False}
    reply = await bob.get(f"/recommendations/{bob.user_id}?limit=1")
    others = reply.json()["recommendation_id"], movie_ids(reply)
    assert (await bob.put("/feedback", json=vote(others))).status_code == 200


async def test_the_limit_forgets_after_its_window(alice, session, listed):
    for _ in range(MAX_VOTES):
        await alice.put("/feedback", json=vote(listed))
    await session.execute(
        update(FeedbackMinute).values(
            started_at=FeedbackMinute.started_at - WINDOW - timedelta(seconds=1)
        )
    )
    await session.commit()

    replies = [await alice.put("/feedback", json=vote(listed)) for _ in range(2)]

    assert [reply.status_code for reply in replies] == [200, 200]
    assert await session.scalar(select(FeedbackMinute.n_votes)) == 2


# Hidden movies.


async def test_a_hidden_movie_leaves_all_lists_and_undo_brings_it_back(
    alice, bob, services
):
    url = f"/recommendations/{alice.user_id}?limit=10"
    before = movie_ids(await alice.get(url))
    hide = f"/hidden/{alice.user_id}/{before[2]}"

    for _ in range(2):
        assert (await alice.put(hide)).status_code == 204
    after = movie_ids(await alice.get(url))
    others = movie_ids(await bob.get(f"/recommendations/{bob.user_id}?limit=10"))
    current, services.model_store.current = services.model_store.current, None
    popular = movie_ids(await alice.get(f"/recommendations/{alice.user_id}?limit=100"))
    services.model_store.current = current
    undone = await alice.delete(hide)
    again = movie_ids(await alice.get(url))

    assert after[:9] == [*before[:2], *before[3:]]
    assert others == before
    assert before[2] not in popular
    assert undone.status_code == 204
    assert again == before
    assert (await alice.delete(hide)).status_code == 404


async def test_only_what_exists_is_hidden_and_only_for_oneself(
    anonymous, alice, bob, app, admin
):
    url = f"/hidden/{alice.user_id}"

    assert (await anonymous.put(f"{url}/1")).status_code == 401
    assert (await bob.put(f"{url}/1")).status_code == 404
    assert (await alice.put(f"{url}/{UNKNOWN}")).status_code == 404
    async with keyed(app, admin, "serve") as program:
        assert (await program.put(f"{url}/1")).status_code == 204
        assert (await program.put(f"/hidden/{UNKNOWN}/1")).status_code == 404
    assert (await bob.delete(f"{url}/1")).status_code == 404
    assert (await alice.delete(f"{url}/1")).status_code == 204


async def test_hidden_movies_are_listed_last_one_first(alice, app, admin):
    url = f"/hidden/{alice.user_id}"
    assert (await alice.get(url)).json() == {"items": [], "next_cursor": None}

    for movie in (1, 3114, 260):
        await alice.put(f"{url}/{movie}")
    listed = (await alice.get(url)).json()["items"]
    page = (await alice.get(f"{url}?limit=2")).json()
    rest = (await alice.get(f"{url}?limit=2&cursor={page['next_cursor']}")).json()

    assert {movie["id"] for movie in listed} == {1, 260, 3114}
    assert page["items"] + rest["items"] == listed
    assert rest["next_cursor"] is None
    async with keyed(app, admin, "serve") as program:
        assert (await program.get(f"/hidden/{UNKNOWN}")).status_code == 404
