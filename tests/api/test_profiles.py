"""What votes teach: less than stars, never against them, and nothing at weight 0."""

import time
from dataclasses import replace
from typing import Any

import numpy as np
import psycopg
import pytest
from pydantic import ValidationError
from sqlalchemy import delete, select, text

from api.queries import feedback as queries
from api.queries.feedback import DISLIKED, LIKED
from api.queries.snapshot import read_snapshot
from api.services.profiles import RatingHistory, known_to
from api.services.signing import SignedList
from api.settings import Settings
from api.tables import FeedbackMinute, Movie, Opinion, Variant
from engine.serving.fold_in import fold_in, predict
from tests.api.test_experiments import planned
from tests.api.test_recommendations import TASTE, TOY_STORY, TOY_STORY_2, rate
from tests.conftest import Client, create_database

pytestmark = pytest.mark.anyio

UNKNOWN = 2_000_000_000
WEIGHT = 0.25


@pytest.fixture
def unheeded(app, services):
    """Let votes count for nothing; returns the application."""
    silent = services.settings.model_copy(update={"vote_weight": 0})
    app.state.services = replace(services, settings=silent)
    return app


async def vote(client: Client, session, movie_id: int, said: str) -> None:
    """Vote on a movie as if a list had held it."""
    secret = await queries.signing_secret(session)
    signed_list = SignedList(client.user_id, 1, 0, int(time.time()), [movie_id])
    body = {"recommendation_id": signed_list.signed(secret), "movie_id": movie_id}
    reply = await client.put("/feedback", json={**body, "vote": said})
    assert reply.status_code == 200, reply.text


async def listed(client: Client) -> list[tuple[int, float]]:
    """Read a list as (movie id, score), to the last bit."""
    reply = await client.get(f"/recommendations/{client.user_id}?limit=100")
    return [(item["movie"]["id"], item["score"]) for item in reply.json()["items"]]


async def stars_for(client: Client, movie_id: int) -> float:
    """Predict a movie's stars, unrounded."""
    url = f"/recommendations/{client.user_id}/{movie_id}/explanation"
    reply: dict[str, Any] = (await client.get(url)).json()
    return float(reply["unclipped_rating"])


# What a vote teaches.


async def test_a_like_moves_the_list_towards_similar_movies_and_none_restores_it(
    alice, session
):
    await rate(alice, {593: 4.0, 527: 4.0})
    before = await listed(alice)
    stars = await stars_for(alice, TOY_STORY_2)

    await vote(alice, session, TOY_STORY, "like")
    liked, liked_stars = await listed(alice), await stars_for(alice, TOY_STORY_2)
    await vote(alice, session, TOY_STORY, "dislike")
    disliked_stars = await stars_for(alice, TOY_STORY_2)
    await vote(alice, session, TOY_STORY, "none")

    assert TOY_STORY_2 not in dict(before)
    assert TOY_STORY_2 in dict(liked)
    assert disliked_stars < stars < liked_stars
    assert await listed(alice) == before


@pytest.mark.parametrize(("said", "stars"), [("like", LIKED), ("dislike", DISLIKED)])
async def test_a_vote_counts_as_a_quarter_of_a_rating(
    alice, session, trained, said, stars
):
    await rate(alice, TASTE)
    await vote(alice, session, TOY_STORY_2, said)
    movies, values = [*TASTE, TOY_STORY_2], [*TASTE.values(), stars]
    head, indices = trained.model.rating, trained.model.item_indices_of(movies)
    weights = np.array([1.0] * len(TASTE) + [WEIGHT])
    folded_user = fold_in(head, indices, np.array(values), weights=weights)
    expected = predict(head, folded_user, trained.model.item_indices_of([2571]))[0]

    assert await stars_for(alice, 2571) == pytest.approx(float(expected), abs=1e-5)


async def test_at_weight_0_votes_change_no_bit(unheeded, alice, session):
    await rate(alice, TASTE)
    before, stars = await listed(alice), await stars_for(alice, 2571)

    await vote(alice, session, TOY_STORY_2, "like")
    await vote(alice, session, 2571, "dislike")

    assert unheeded.state.services.settings.vote_weight == 0
    assert await listed(alice) == before
    assert await stars_for(alice, 2571) == stars


async def test_stars_override_a_vote_until_they_are_taken_back(alice, bob, session):
    for client in (alice, bob):
        await rate(client, TASTE)
    await vote(alice, session, TOY_STORY_2, "like")
    liked = await listed(alice)

    for client in (alice, bob):
        await rate(client, {TOY_STORY_2: 1.5})
    rated, without_a_vote = await listed(alice), await listed(bob)
    await alice.delete(f"/ratings/{alice.user_id}/{TOY_STORY_2}")

    assert rated == without_a_vote
    assert await listed(alice) == liked


async def test_the_last_vote_is_the_opinion_whatever_list_it_was_cast_on(
    admin, alice, session, trained
):
    await admin.post("/experiments", json=planned(trained.id))
    variant_id = await session.scalar(select(Variant.id).limit(1))
    cast = {"user_id": alice.user_id, "movie_id": TOY_STORY}

    async def opinion() -> bool | None:
        query = select(Opinion.is_like).where(Opinion.user_id == alice.user_id)
        is_like: bool | None = await session.scalar(query)
        return is_like

    await queries.vote(session, variant_id=None, is_like=True, **cast)
    await queries.vote(session, variant_id=variant_id, is_like=False, **cast)
    assert await opinion() is False
    await queries.vote(session, variant_id=None, is_like=True, **cast)
    assert await opinion() is True
    await queries.take_back(session, variant_id=variant_id, **cast)
    assert await opinion() is None


async def test_nobody_is_taught_by_a_vote_that_is_refused(alice, session):
    await session.execute(delete(Movie).where(Movie.id == TOY_STORY))
    secret = await queries.signing_secret(session)
    signed_list = SignedList(alice.user_id, 1, 0, int(time.time()), [TOY_STORY])
    body = {"recommendation_id": signed_list.signed(secret), "movie_id": TOY_STORY}

    reply = await alice.put("/feedback", json={**body, "vote": "like"})

    assert reply.status_code == 404
    assert await session.scalar(select(FeedbackMinute.n_votes)) is None
    assert await session.scalar(select(Opinion.movie_id)) is None


# How it is told.


async def test_a_vote_is_no_reason_and_is_counted_apart(alice, session):
    await rate(alice, TASTE)
    await vote(alice, session, TOY_STORY_2, "like")
    user = alice.user_id

    made = (await alice.get(f"/recommendations/{user}?limit=20")).json()
    url = f"/recommendations/{user}/2355/explanation"
    explained = (await alice.get(url)).json()
    influence = (await alice.get(f"/ratings/{user}/influence")).json()

    used = {"n_ratings": 6, "n_ratings_used": 6, "n_votes_used": 1}
    assert made["personalization"] == {"level": "partial", **used}
    named = [reason for item in made["items"] for reason in item["reasons"]]
    named += explained["reasons"]
    assert {reason["movie_id"] for reason in named} <= set(TASTE)
    parts = explained["contributions"]
    assert parts["votes"] > 0  # it is by the makers of Toy Story
    assert sum(parts.values()) == pytest.approx(explained["predicted_rating"], abs=1e-4)
    assert {each["movie_id"] for each in influence["items"]} == set(TASTE)
    shares = sum(each["share"] for each in influence["items"])
    assert 0 < influence["votes"] < 0.5
    assert shares + influence["votes"] == pytest.approx(1)


async def test_votes_count_wherever_a_user_is_placed(alice, session, trained):
    user = alice.user_id
    paths = (
        f"/models/{trained.id}/map/users/{user}",
        f"/predictions/{user}?movie_id={TOY_STORY_2}",
        f"/elicitation/{user}",
    )
    before = [(await alice.get(path)).json() for path in paths]

    await vote(alice, session, TOY_STORY, "like")
    position, predicted, questions = [(await alice.get(path)).json() for path in paths]

    assert position["n_ratings_used"] == 0
    assert position["position"] != before[0]["position"]
    assert predicted["items"][0] != before[1]["items"][0]
    assert questions["knowledge"] > before[2]["knowledge"]
    assert questions["personalization"]["level"] == "none"
    assert questions["personalization"]["n_votes_used"] == 1


async def test_a_liked_movie_that_is_hidden_stays_hidden_and_still_teaches(
    alice, session
):
    await vote(alice, session, TOY_STORY, "like")
    shown = await listed(alice)

    await alice.put(f"/hidden/{alice.user_id}/{TOY_STORY}")

    assert TOY_STORY in dict(shown)
    expected = [item for item in shown if item[0] != TOY_STORY]
    assert (await listed(alice))[:99] == expected


async def test_without_a_model_votes_change_nothing(alice, session, services):
    services.model_store.current = None
    before = await listed(alice)

    await vote(alice, session, before[0][0], "dislike")

    assert await listed(alice) == before


async def test_a_vote_on_a_movie_no_model_knows_is_kept_for_the_next_one(
    alice, session, connection, trained
):
    await connection.execute(
        text("INSERT INTO movies (id, title) VALUES (:id, 'New')"), {"id": UNKNOWN}
    )
    await vote(alice, session, UNKNOWN, "like")

    reply = (await alice.get(f"/recommendations/{alice.user_id}")).json()

    assert reply["personalization"]["n_votes_used"] == 0
    assert reply["model"]["id"] == trained.id


def test_votes_stay_within_the_scale_of_a_model(trained):
    model = replace(trained.model, rating_range=(2.5, 4.0))
    movies = model.item_ids[:3].tolist()
    history = RatingHistory(
        {movies[0]: 5.0}, {movies[1]: LIKED, movies[2]: DISLIKED}, WEIGHT
    )

    known = known_to(model, history)

    assert known.values.tolist() == [5.0, 4.0, 2.5]
    assert known.weights is not None
    assert known.weights.tolist() == [1.0, WEIGHT, WEIGHT]
    assert (known.n_rated, known.n_votes) == (1, 2)


@pytest.mark.parametrize("weight", ["-0.1", "1.1", "0.001", "nan", "inf", "much"])
def test_a_vote_never_counts_for_more_than_stars(monkeypatch, weight):
    monkeypatch.setenv("VOTE_WEIGHT", weight)

    with pytest.raises(ValidationError, match="vote_weight"):
        Settings()


@pytest.mark.parametrize("weight", [0, 0.01, 1])
def test_the_weight_of_votes_is_a_setting(monkeypatch, weight):
    monkeypatch.setenv("VOTE_WEIGHT", str(weight))

    assert Settings().vote_weight == weight


# What training reads.


def test_training_reads_votes_that_no_stars_override(server, template):
    url = create_database(server, "cinefold_votes", template=template)
    stars_alone = read_snapshot(url)
    with psycopg.connect(url.replace("+psycopg", "", 1)) as connection:
        connection.execute("INSERT INTO users (id) VALUES (900001)")
        connection.execute("""
            INSERT INTO opinions (user_id, movie_id, is_like) VALUES
                (900001, 1, true), (900001, 260, false), (1, 31, false), (1, 1, true)
        """)  # of these, user 1 has rated only movie 31

    read, unheeded = read_snapshot(url, vote_weight=WEIGHT), read_snapshot(url)

    assert read.votes is not None
    rows = read.votes.by_user
    users = read.votes.user_ids[rows.row_of_each()].tolist()
    movies = read.votes.item_ids[rows.indices].tolist()
    assert list(zip(users, movies, rows.values.tolist(), strict=True)) == [
        (1, 1, LIKED),
        (900001, 1, LIKED),
        (900001, 260, DISLIKED),
    ]
    np.testing.assert_array_equal(rows.weights, [WEIGHT] * 3)
    assert read.ratings.user_ids.tolist() == [*stars_alone.ratings.user_ids, 900001]
    assert read.n_changes == stars_alone.n_changes
    assert unheeded.votes is None
    for ours, theirs in ((unheeded, stars_alone), (read, stars_alone)):
        for name in ("values", "indices"):
            found, expected = (
                getattr(each.ratings.by_user, name) for each in (ours, theirs)
            )
            np.testing.assert_array_equal(found, expected)
    assert unheeded.ratings.n_users == stars_alone.ratings.n_users
