"""Recommendations through the API, on the sample and a trained model."""

import time
from collections import OrderedDict
from collections.abc import Hashable, Mapping
from dataclasses import replace
from typing import Any

import httpx
import numpy as np
import pytest
from sqlalchemy import delete, func, select, text
from sqlalchemy.ext.asyncio import async_sessionmaker

from api.services import recommendations
from api.services.model_store import ModelStore
from api.services.recommendations import MAX_REPLIES
from api.tables import Movie, MovieStatistics, Rating
from tests.conftest import Client, JoinedSession, keyed

pytestmark = pytest.mark.anyio

TOY_STORY, TOY_STORY_2 = 1, 3114
UNKNOWN = 2_000_000_000
# Six well-known movies, and what somebody thinks of them.
TASTE = {1: 5.0, 260: 4.5, 296: 1.0, 356: 3.5, 480: 4.0, 593: 0.5}


def movie_ids(reply: httpx.Response) -> list[int]:
    assert reply.status_code == 200, reply.text
    return [item["movie"]["id"] for item in reply.json()["items"]]


async def test_one_rating_brings_the_sequel_and_its_removal_takes_it_away(alice):
    user = alice.user_id
    before = movie_ids(await alice.get(f"/recommendations/{user}?limit=10"))

    await alice.put(f"/ratings/{user}/{TOY_STORY}", json={"value": 5})
    after = movie_ids(await alice.get(f"/recommendations/{user}?limit=10"))
    await alice.delete(f"/ratings/{user}/{TOY_STORY}")
    again = movie_ids(await alice.get(f"/recommendations/{user}?limit=10"))

    assert TOY_STORY_2 not in before
    assert TOY_STORY_2 in after
    assert TOY_STORY not in after
    assert again == before


def inline(ratings: Mapping[int, float], **options: Any) -> dict[str, Any]:
    """Write a body of POST /recommendations."""
    rows = [
        {"movie_id": movie_id, "value": value} for movie_id, value in ratings.items()
    ]
    return {"ratings": rows, **options}


async def rate(client: Client, ratings: Mapping[int, float]) -> None:
    """Store ratings of a client's own."""
    for movie_id, value in ratings.items():
        reply = await client.put(
            f"/ratings/{client.user_id}/{movie_id}", json={"value": value}
        )
        assert reply.status_code == 200


# Who may ask for what.


async def test_recommendations_are_for_oneself_or_through_serve(
    anonymous, app, alice, bob, admin
):
    url = f"/recommendations/{alice.user_id}"

    statuses = [
        (await client.get(url)).status_code for client in (anonymous, bob, alice)
    ]
    async with keyed(app, admin, "serve") as program:
        imported = await program.get("/recommendations/1")
        unknown = await program.get(f"/recommendations/{UNKNOWN}")
        unexplained = await program.get(f"/recommendations/{UNKNOWN}/1/explanation")

    assert statuses == [401, 404, 200]
    assert imported.json()["personalization"]["level"] == "full"
    assert unknown.status_code == unexplained.status_code == 404


# One list for stored and for inline ratings.


async def test_inline_ratings_bring_the_list_of_the_same_stored_ratings(
    anonymous, alice, session
):
    await rate(alice, TASTE)

    stored = await alice.get(f"/recommendations/{alice.user_id}?limit=30")
    shuffled = dict(sorted(TASTE.items(), reverse=True))
    sent = await anonymous.post("/recommendations", json=inline(shuffled, limit=30))

    assert sent.status_code == stored.status_code == 200
    assert movie_ids(sent) == movie_ids(stored)
    for mine, theirs in zip(stored.json()["items"], sent.json()["items"], strict=True):
        assert mine["score"] == pytest.approx(theirs["score"], rel=1e-5)
        assert mine["predicted_rating"] == theirs["predicted_rating"]
        reasons = [[r["movie_id"] for r in row["reasons"]] for row in (mine, theirs)]
        assert reasons[0] == reasons[1]
    count = select(func.count()).where(Rating.user_id > 1_000_000_000)
    assert await session.scalar(count) == len(TASTE)


async def test_inline_ratings_take_the_same_filters(anonymous, alice):
    await rate(alice, TASTE)
    options = {"genre": "Comedy", "year_from": 1990, "year_to": 1999, "limit": 15}

    stored = await alice.get(
        f"/recommendations/{alice.user_id}", params={**options, "exclude": [588, 597]}
    )
    sent = await anonymous.post(
        "/recommendations", json=inline(TASTE, **options, exclude=[588, 597])
    )

    assert movie_ids(stored) == movie_ids(sent)
    assert len(movie_ids(sent)) == 15


# Filters.


async def test_lists_hold_what_the_filters_say_and_no_more(alice):
    await rate(alice, TASTE)
    url = f"/recommendations/{alice.user_id}?genre=Horror&year_from=1970&year_to=1989"

    short = (await alice.get(f"{url}&limit=5")).json()["items"]
    long = (await alice.get(f"{url}&limit=100")).json()["items"]

    assert [item["rank"] for item in short] == [1, 2, 3, 4, 5]
    assert [item["movie"] for item in long[:5]] == [item["movie"] for item in short]
    for item in long:
        assert "Horror" in item["movie"]["genres"]
        assert 1970 <= item["movie"]["year"] <= 1989
    scores = [item["score"] for item in long]
    assert scores == sorted(scores, reverse=True)


async def test_a_filter_nothing_passes_gives_an_empty_list(anonymous, services):
    body = inline(TASTE, genre="No Such Genre")

    with_model = await anonymous.post("/recommendations", json=body)
    services.model_store.current = None
    without_model = await anonymous.post("/recommendations", json=body)

    assert movie_ids(with_model) == movie_ids(without_model) == []


async def test_excluded_movies_make_room_for_the_next(alice):
    url = f"/recommendations/{alice.user_id}?limit=10"
    first = movie_ids(await alice.get(url))

    rest = movie_ids(
        await alice.get(
            f"{url}&exclude={first[0]}&exclude={first[3]}&exclude={UNKNOWN}"
        )
    )

    assert len(rest) == 10
    assert rest[:8] == [first[1], first[2], *first[4:]]


@pytest.mark.parametrize("with_model", [True, False])
async def test_rated_movies_never_appear(anonymous, services, session, with_model):
    if not with_model:
        services.model_store.current = None
    favourites = await session.scalars(
        select(MovieStatistics.movie_id).order_by(MovieStatistics.n_ratings.desc())
    )
    rated = dict.fromkeys(favourites.all()[:1000], 4.0)

    reply = await anonymous.post("/recommendations", json=inline(rated, limit=100))

    assert len(movie_ids(reply)) == 100
    assert not set(movie_ids(reply)) & set(rated)


async def test_a_rating_and_its_removal_act_at_once(alice):
    url = f"/recommendations/{alice.user_id}?limit=10"
    before = movie_ids(await alice.get(url))

    await rate(alice, {before[0]: 5.0})
    rated = movie_ids(await alice.get(url))
    await alice.delete(f"/ratings/{alice.user_id}/{before[0]}")

    assert before[0] not in rated
    assert movie_ids(await alice.get(url)) == before


async def test_an_unchanged_list_shows_what_others_have_done_since(alice, bob):
    await rate(alice, TASTE)
    url = f"/recommendations/{alice.user_id}?limit=5"
    before = (await alice.get(url)).json()["items"]

    await rate(bob, {before[0]["movie"]["id"]: 0.5})
    after = (await alice.get(url)).json()["items"]

    counts = [items[0]["movie"].pop("n_ratings") for items in (before, after)]
    means = [items[0]["movie"].pop("mean_rating") for items in (before, after)]
    assert counts[1] == counts[0] + 1
    assert means[1] < means[0]
    assert after == before


async def test_what_is_hidden_voted_or_asked_for_changes_the_list_at_once(alice):
    await rate(alice, TASTE)
    url = f"/recommendations/{alice.user_id}"
    first = (await alice.get(f"{url}?limit=10")).json()
    ids = [item["movie"]["id"] for item in first["items"]]
    vote = {
        "recommendation_id": first["recommendation_id"],
        "movie_id": ids[1],
        "vote": "like",
    }

    await alice.put(f"/hidden/{alice.user_id}/{ids[0]}")
    assert (await alice.put("/feedback", json=vote)).status_code == 200
    second = (await alice.get(f"{url}?limit=10")).json()["items"]
    shorter = movie_ids(await alice.get(f"{url}?limit=3"))

    assert ids[0] not in {item["movie"]["id"] for item in second}
    votes = {item["movie"]["id"]: item["vote"] for item in second}
    assert votes[ids[1]] == "like"
    assert votes[ids[2]] == "none"
    assert shorter == [item["movie"]["id"] for item in second[:3]]


# A list is sent again, byte for byte, while nothing of what it is made of has changed.


CHANGES = {
    "rated by another": "INSERT INTO ratings (user_id, movie_id, value)"
    " VALUES (:bob, :first, 0.5)",
    "renamed": "UPDATE movies SET title = 'Renamed' WHERE id = :first",
    "dated": "UPDATE movies SET year = 1900 WHERE id = :first",
    "of another genre": "UPDATE movies SET genres = '{Opera}' WHERE id = :first",
    "gone": "DELETE FROM movies WHERE id = :first",
    "a reason renamed": "UPDATE movies SET title = 'Renamed' WHERE id = :loved",
    "one more rated": "INSERT INTO ratings (user_id, movie_id, value)"
    " VALUES (:alice, 527, 5)",
    "a rating changed": "UPDATE ratings SET value = 0.5"
    " WHERE user_id = :alice AND movie_id = :loved",
    "a rating taken back": "DELETE FROM ratings"
    " WHERE user_id = :alice AND movie_id = :loved",
    "hidden": "INSERT INTO hidden_movies (user_id, movie_id) VALUES (:alice, :first)",
    "liked": "INSERT INTO opinions (user_id, movie_id, is_like)"
    " VALUES (:alice, :first, true)",
    "voted on": "INSERT INTO feedback (user_id, movie_id, is_like)"
    " VALUES (:alice, :first, true)",
}


@pytest.mark.parametrize("statement", CHANGES.values(), ids=CHANGES)
async def test_a_list_is_sent_again_until_anything_of_it_changes(
    app, services, alice, bob, session, statement
):
    await rate(alice, TASTE)
    url = f"/recommendations/{alice.user_id}?limit=5"
    replies = [await alice.get(url) for _ in range(4)]
    values = {
        "alice": alice.user_id,
        "bob": bob.user_id,
        "first": movie_ids(replies[0])[0],
        "loved": TOY_STORY,
    }

    await session.execute(text(statement), values)
    await session.commit()
    changed = await alice.get(url)

    assert replies[1].text == replies[2].text == replies[3].text
    assert unsigned(changed) != unsigned(replies[3])
    store = ModelStore(services.model_store.models_dir, services.session_factory)
    store.current = replace(services.model_store.current, replies=OrderedDict())
    app.state.services = replace(services, model_store=store)
    assert unsigned(changed) == unsigned(await alice.get(url))


def unsigned(reply: httpx.Response) -> dict[str, Any]:
    return {**reply.json(), "recommendation_id": None}


async def test_a_movie_that_a_filter_lets_in_later_is_in_the_list(alice, bob, session):
    await rate(alice, TASTE)
    url = f"/recommendations/{alice.user_id}?limit=5"
    first = movie_ids(await alice.get(url))[0]
    query = select(MovieStatistics.n_ratings)
    n_ratings = await session.scalar(query.where(MovieStatistics.movie_id == first))
    await rate(bob, {first: 3})
    without = [await alice.get(f"{url}&max_ratings={n_ratings}") for _ in range(4)]

    await bob.delete(f"/ratings/{bob.user_id}/{first}")
    reply = await alice.get(f"{url}&max_ratings={n_ratings}")

    assert first not in movie_ids(without[3])
    assert movie_ids(reply)[0] == first


async def test_a_movie_that_had_gone_and_is_back_is_in_the_list(alice, session):
    await rate(alice, TASTE)
    url = f"/recommendations/{alice.user_id}?limit=5"
    first = movie_ids(await alice.get(url))[0]
    await session.execute(delete(Movie).where(Movie.id == first))
    await session.commit()
    without = [await alice.get(url) for _ in range(4)]

    session.add(Movie(id=first, title="Back", year=None, genres=[]))
    await session.commit()
    reply = await alice.get(url)

    assert len(movie_ids(without[3])) == 4
    assert movie_ids(reply)[0] == first


async def test_an_id_that_has_become_old_is_signed_anew(alice, monkeypatch):
    await rate(alice, TASTE)
    url = f"/recommendations/{alice.user_id}"
    for _ in range(3):
        before = (await alice.get(url)).json()

    monkeypatch.setattr(recommendations, "REPLY_SECONDS", -1)
    monkeypatch.setattr(time, "time", lambda: 2e9)
    after = (await alice.get(url)).json()

    assert after["recommendation_id"] != before["recommendation_id"]
    assert after["items"] == before["items"]


def test_the_reply_used_longest_ago_makes_room():
    replies: OrderedDict[Hashable, Any] = OrderedDict.fromkeys(range(MAX_REPLIES))
    replies.move_to_end(0)

    recommendations.keep(replies, "new", replies[1])

    assert [*replies] == [*range(2, MAX_REPLIES), 0, "new"]


async def test_a_list_is_read_without_a_transaction(app, services, sessions, alice):
    asked = []

    class Watched(JoinedSession):
        async def connection(self, *_, execution_options=None, **__):
            asked.append(dict(execution_options)["isolation_level"])
            return await super().connection()

    watched = async_sessionmaker(class_=Watched, **sessions.kw)
    app.state.services = replace(services, session_factory=watched)
    assert (await alice.get(f"/ratings/{alice.user_id}")).status_code == 200
    assert asked == []

    assert len(movie_ids(await alice.get(f"/recommendations/{alice.user_id}"))) == 20
    assert asked == ["AUTOCOMMIT"]


# What a reply says of itself.


@pytest.mark.parametrize(
    ("n_ratings", "level"),
    [(0, "none"), (1, "partial"), (9, "partial"), (10, "full"), (20, "full")],
)
async def test_personalization_tells_how_much_is_ones_own_taste(
    anonymous, trained, n_ratings, level
):
    movies = trained.model.item_ids[:n_ratings].tolist()
    body = inline({**dict.fromkeys(movies, 4.0), UNKNOWN: 5.0})

    reply = (await anonymous.post("/recommendations", json=body)).json()

    assert reply["personalization"] == {
        "level": level,
        "n_ratings": n_ratings + 1,  # the movie the model does not know is counted ...
        "n_ratings_used": n_ratings,  # ... and ignored
        "n_votes_used": 0,
    }


async def test_movies_unknown_to_the_model_change_nothing(anonymous):
    known = await anonymous.post("/recommendations", json=inline(TASTE))
    more = await anonymous.post(
        "/recommendations", json=inline({**TASTE, UNKNOWN: 0.5, UNKNOWN + 1: 5.0})
    )

    assert more.json()["items"] == known.json()["items"]


async def test_each_item_says_what_to_expect_and_why(anonymous, trained):
    reply = await anonymous.post("/recommendations", json=inline(TASTE, limit=100))

    items = reply.json()["items"]
    assert reply.json()["model"]["id"] == trained.id
    assert [item["rank"] for item in items] == list(range(1, 101))
    assert any(item["reasons"] for item in items)
    for item in items:
        assert 0.5 <= item["predicted_rating"] <= 5
        assert 0 < item["uncertainty"] < 3
        shares = [reason["share"] for reason in item["reasons"]]
        assert len(shares) <= 3
        assert shares == sorted(shares, reverse=True)
        assert all(share > 0 for share in shares)
        for reason in item["reasons"]:
            assert reason["value"] == TASTE[reason["movie_id"]]
            assert reason["title"]


async def test_scores_differ_between_opposite_tastes(anonymous):
    opposite = {movie_id: 5.5 - value for movie_id, value in TASTE.items()}

    one = await anonymous.post("/recommendations", json=inline(TASTE))
    other = await anonymous.post("/recommendations", json=inline(opposite))

    assert movie_ids(one) != movie_ids(other)


async def test_without_a_model_the_list_is_by_popularity(
    anonymous, alice, services, session
):
    services.model_store.current = None
    await rate(alice, TASTE)
    order = (MovieStatistics.n_ratings.desc(), MovieStatistics.movie_id)
    popular = (
        await session.scalars(select(MovieStatistics.movie_id).order_by(*order))
    ).all()

    nobody = (await anonymous.post("/recommendations", json=inline({}))).json()
    reply = (await alice.get(f"/recommendations/{alice.user_id}?limit=10")).json()

    assert reply["model"] is None
    assert reply["personalization"] == {
        "level": "none",
        "n_ratings": len(TASTE),
        "n_ratings_used": 0,
        "n_votes_used": 0,
    }
    expected = [movie_id for movie_id in popular if movie_id not in TASTE][:10]
    assert [item["movie"]["id"] for item in reply["items"]] == expected
    assert [item["movie"]["id"] for item in nobody["items"]] == popular[:20]
    assert reply["items"][0]["score"] is None
    assert reply["items"][0]["predicted_rating"] is None
    assert reply["items"][0]["reasons"] == []


async def test_a_movie_gone_since_training_leaves_no_gap_in_the_ranks(
    anonymous, connection
):
    body = inline(TASTE, limit=5)
    before = movie_ids(await anonymous.post("/recommendations", json=body))
    rated = min(TASTE)
    await connection.execute(delete(Movie).where(Movie.id.in_([before[1], rated])))

    reply = await anonymous.post("/recommendations", json=body)

    items = reply.json()["items"]
    assert movie_ids(reply) == [before[0], *before[2:]]
    assert [item["rank"] for item in items] == [1, 2, 3, 4]
    reasons = [reason["movie_id"] for item in items for reason in item["reasons"]]
    assert rated not in reasons


# Explanations.


async def test_an_explanation_adds_up(anonymous, alice, bob, trained):
    await rate(alice, TASTE)
    url = f"/recommendations/{alice.user_id}/{TOY_STORY_2}/explanation"
    assert (await anonymous.get(url)).status_code == 401
    assert (await bob.get(url)).status_code == 404

    reply = (await alice.get(url)).json()

    assert reply["movie"]["id"] == TOY_STORY_2
    assert reply["model"]["id"] == trained.id
    parts = reply["contributions"]
    assert sum(parts.values()) == pytest.approx(reply["predicted_rating"], abs=1e-4)
    beyond = reply["predicted_rating"] - reply["unclipped_rating"]
    assert parts["scale"] == pytest.approx(beyond, abs=1e-4)
    chances = {chance["stars"]: chance["probability"] for chance in reply["chances"]}
    assert list(chances) == [n / 2 for n in range(1, 11)]
    assert sum(chances.values()) == pytest.approx(1)
    likeliest = max(chances, key=lambda stars: chances[stars])
    assert abs(likeliest - reply["predicted_rating"]) <= 1
    assert reply["uncertainty"] > 0
    shares = [reason["share"] for reason in reply["reasons"]]
    assert shares == sorted(shares, reverse=True)
    assert all(share > 0 for share in shares)
    assert {reason["movie_id"] for reason in reply["reasons"]} <= set(TASTE)


async def test_an_explanation_agrees_with_the_list(alice):
    await rate(alice, TASTE)
    listed = (await alice.get(f"/recommendations/{alice.user_id}?limit=3")).json()

    for item in listed["items"]:
        url = f"/recommendations/{alice.user_id}/{item['movie']['id']}/explanation"
        explained = (await alice.get(url)).json()

        assert explained["predicted_rating"] == pytest.approx(
            item["predicted_rating"], abs=0.005
        )
        assert explained["uncertainty"] == pytest.approx(item["uncertainty"], abs=0.005)
        assert explained["reasons"][:3] == item["reasons"]


async def test_without_ratings_an_explanation_has_no_reasons(alice):
    url = f"/recommendations/{alice.user_id}/{TOY_STORY}/explanation"

    reply = (await alice.get(url)).json()

    assert reply["reasons"] == []
    assert reply["contributions"]["ratings"] == pytest.approx(0, abs=1e-5)


async def test_what_no_model_knows_cannot_be_explained(alice, services, connection):
    url = f"/recommendations/{alice.user_id}"
    unknown = await alice.get(f"{url}/{UNKNOWN}/explanation")
    await connection.execute(delete(Movie).where(Movie.id == TOY_STORY))
    gone = await alice.get(f"{url}/{TOY_STORY}/explanation")
    services.model_store.current = None
    no_model = await alice.get(f"{url}/{TOY_STORY_2}/explanation")

    assert [r.status_code for r in (unknown, gone, no_model)] == [404, 404, 404]


# Other lists than the best.


async def test_a_list_can_be_diverse_and_exploring(alice, trained):
    await rate(alice, TASTE)
    url = f"/recommendations/{alice.user_id}?limit=15"

    best, kept, diverse, exploring = [
        movie_ids(await alice.get(f"{url}{options}"))
        for options in (
            "",
            "&diversity=0&exploration=0",
            "&diversity=0.7",
            "&exploration=0.7",
        )
    ]

    def likeness(ids: list[int]) -> float:
        factors = trained.model.ranking.item_factors[trained.model.item_indices_of(ids)]
        directions = factors / np.linalg.norm(factors, axis=1, keepdims=True)
        return float((directions @ directions.T).mean())

    def known(ids: list[int]) -> int:
        return int(trained.model.item_counts[trained.model.item_indices_of(ids)].sum())

    assert kept == best
    assert diverse[0] == best[0]
    assert likeness(diverse) < 0.5 * likeness(best)
    assert known(exploring) < 0.7 * known(best)
    assert len({*diverse}) == len({*exploring}) == 15


async def test_a_list_can_be_of_movies_like_one_and_of_little_known_ones(
    anonymous, alice
):
    await rate(alice, TASTE)
    url = f"/recommendations/{alice.user_id}"

    alike = movie_ids(await alice.get(f"{url}?similar_to={TOY_STORY}&limit=10"))
    children = await alice.get(f"{url}?similar_to={TOY_STORY}&genre=Children")
    gems = await alice.get(f"{url}?max_ratings=30")
    sent = await anonymous.post(
        "/recommendations",
        json=inline(TASTE, similar_to=TOY_STORY, limit=10),
    )
    similar = await anonymous.get(f"/movies/{TOY_STORY}/similar?limit=100")

    nearest = [m["movie"]["id"] for m in similar.json()["items"]]
    unrated = [movie_id for movie_id in nearest if movie_id not in TASTE]
    assert len(alike) == 10
    assert set(alike) <= set(unrated[:30])
    assert movie_ids(sent) == alike
    genres = [item["movie"]["genres"] for item in children.json()["items"]]
    assert len(genres) == 20
    assert all("Children" in names for names in genres)
    assert len(movie_ids(gems)) == 20
    assert all(item["movie"]["n_ratings"] <= 30 for item in gems.json()["items"])


async def test_a_movie_the_model_does_not_know_has_none_like_it(anonymous, alice):
    replies = [
        await alice.get(f"/recommendations/{alice.user_id}?similar_to={UNKNOWN}"),
        await anonymous.post("/recommendations", json=inline({}, similar_to=UNKNOWN)),
    ]

    assert [reply.status_code for reply in replies] == [404, 404]
    assert all("similar_to" in reply.json()["detail"] for reply in replies)


@pytest.mark.parametrize("name", ["diversity", "exploration"])
@pytest.mark.parametrize("value", ["-0.1", "1.1", "nan", "inf", "much"])
async def test_shares_are_between_nothing_and_all(alice, name, value):
    reply = await alice.get(f"/recommendations/{alice.user_id}?{name}={value}")

    assert reply.status_code == 422
    assert reply.json()["errors"][0]["field"] == ["query", name]


async def test_a_list_shows_the_votes_of_its_reader(alice):
    url = f"/recommendations/{alice.user_id}?limit=3"
    made = (await alice.get(url)).json()
    first, second, _ = made["items"]
    for item, vote in ((first, "like"), (second, "dislike")):
        body = {"movie_id": item["movie"]["id"], "vote": vote}
        body["recommendation_id"] = made["recommendation_id"]
        assert (await alice.put("/feedback", json=body)).status_code == 200

    again = (await alice.get(f"/recommendations/{alice.user_id}?limit=20")).json()

    assert [item["vote"] for item in made["items"]] == ["none"] * 3
    votes = {item["movie"]["id"]: item["vote"] for item in again["items"]}
    assert votes.pop(first["movie"]["id"]) == "like"
    assert votes.pop(second["movie"]["id"]) == "dislike"
    assert set(votes.values()) == {"none"}


async def test_inline_ratings_bring_the_explanation_of_the_same_stored_ratings(
    anonymous, alice
):
    await rate(alice, TASTE)

    stored = await alice.get(
        f"/recommendations/{alice.user_id}/{TOY_STORY_2}/explanation"
    )
    url = f"/recommendations/{TOY_STORY_2}/explanation"
    sent = await anonymous.post(url, json=inline(TASTE))
    unknown = await anonymous.post(
        f"/recommendations/{UNKNOWN}/explanation", json=inline(TASTE)
    )
    twice = await anonymous.post(url, json={"ratings": inline({1: 5})["ratings"] * 2})

    assert sent.json() == stored.json()
    assert (unknown.status_code, twice.status_code) == (404, 422)
