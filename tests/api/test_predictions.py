"""Predictions for any movie, and the influence of ratings."""

import numpy as np
import pytest
from sqlalchemy import text

from engine.serving.explanation import reasons
from engine.serving.fold_in import expected_ratings, fold_in, uncertainty

pytestmark = pytest.mark.anyio

RATINGS = {1: 5.0, 50: 4.5, 296: 2.0, 318: 4.0}
UNKNOWN = 2_000_000_000


async def rate(client, ratings=RATINGS) -> None:
    for movie_id, value in ratings.items():
        url = f"/ratings/{client.user_id}/{movie_id}"
        assert (await client.put(url, json={"value": value})).status_code == 200


async def read(client, query: str = ""):
    reply = await client.get(f"/predictions/{client.user_id}?{query}")
    assert reply.status_code == 200, reply.text
    return reply.json()


def taste_of(head, trained):
    indices = trained.model.item_indices_of(list(RATINGS))
    return fold_in(head, indices, np.array(list(RATINGS.values())))


async def test_the_order_is_that_of_the_rating_head_over_all_pages(alice, trained):
    await rate(alice)
    model = trained.model
    scores = model.rating.scores(taste_of(model.rating, trained))
    order = np.lexsort((model.item_ids, -scores))

    found, cursor = [], ""
    for _ in range(4):
        page = await read(alice, f"limit=100{cursor}")
        found += [item["movie"]["id"] for item in page["items"]]
        cursor = f"&cursor={page['next_cursor']}"

    assert found == model.item_ids[order[:400]].tolist()
    assert page["model"]["id"] == trained.id


async def test_the_last_page_has_no_cursor(alice, anonymous, trained):
    url = "/movies?genre=Film-Noir&year_to=1945&limit=100"
    movies = (await anonymous.get(url)).json()["items"]
    known = [m["id"] for m in movies if trained.item_index_of(m["id"]) is not None]

    first = await read(alice, "genre=Film-Noir&year_to=1945&limit=20")
    query = f"genre=Film-Noir&year_to=1945&limit=100&cursor={first['next_cursor']}"
    rest = await read(alice, query)

    items = first["items"] + rest["items"]
    assert rest["next_cursor"] is None
    assert sorted(item["movie"]["id"] for item in items) == sorted(known)
    assert len(known) > 20


async def test_chosen_movies_are_told_as_the_engine_computes_them(alice, trained):
    await rate(alice)
    head = trained.model.rating
    item = trained.model.item_indices_of([2571])
    folded_user = taste_of(head, trained)

    page = await read(alice, f"movie_id=2571&movie_id=1&movie_id={UNKNOWN}")

    by_id = {entry["movie"]["id"]: entry for entry in page["items"]}
    assert set(by_id) == {1, 2571}
    assert page["next_cursor"] is None
    stars = float(expected_ratings(head, folded_user, item)[0])
    assert by_id[2571]["predicted_rating"] == pytest.approx(stars, abs=0.006)
    deviation = float(uncertainty(head, folded_user, item)[0])
    assert by_id[2571]["uncertainty"] == pytest.approx(deviation, abs=0.006)


async def test_a_movie_gone_since_the_training_is_left_out(alice, connection):
    await connection.execute(text("DELETE FROM movies WHERE id = 2571"))

    page = await read(alice, "movie_id=2571&movie_id=1")

    assert [item["movie"]["id"] for item in page["items"]] == [1]


async def test_without_a_model_nothing_is_predicted(alice, services):
    services.model_store.current = None
    await rate(alice)

    assert await read(alice) == {"model": None, "items": [], "next_cursor": None}
    reply = await alice.get(f"/ratings/{alice.user_id}/influence")
    assert reply.json() == {"model": None, "votes": 0, "items": []}


@pytest.mark.parametrize(
    "query",
    ["limit=0", "movie_id=0", "year_from=2000&year_to=1990", "cursor=WzEsMV0"],
)
async def test_bounds_are_kept(alice, query):
    reply = await alice.get(f"/predictions/{alice.user_id}?{query}")

    assert reply.status_code == 422


async def test_influence_is_the_share_in_the_scores_of_the_list(
    alice, connection, trained
):
    await connection.execute(
        text("INSERT INTO movies (id, title) VALUES (:id, 'New')"), {"id": UNKNOWN}
    )
    await rate(alice, {**RATINGS, UNKNOWN: 3.0})
    url = f"/recommendations/{alice.user_id}?limit=20"
    listed = [item["movie"]["id"] for item in (await alice.get(url)).json()["items"]]
    head = trained.model.ranking
    folded_user = taste_of(head, trained)
    indices = trained.model.item_indices_of(listed).tolist()
    shares = np.abs(
        [reasons(head, folded_user, index).shares for index in indices]
    ).sum(0)
    expected = dict(zip(RATINGS, (shares / shares.sum()).tolist(), strict=True))

    reply = (await alice.get(f"/ratings/{alice.user_id}/influence")).json()

    found = {item["movie_id"]: item["share"] for item in reply["items"]}
    assert found == pytest.approx(expected, abs=1e-6)
    assert list(found.values()) == sorted(found.values(), reverse=True)
    assert sum(found.values()) == pytest.approx(1)


async def test_hidden_movies_have_no_influence_and_nobody_without_ratings(alice):
    await alice.put(f"/hidden/{alice.user_id}/1")

    reply = await alice.get(f"/ratings/{alice.user_id}/influence")

    assert reply.json()["items"] == []


async def test_inline_ratings_bring_the_pages_of_the_same_stored_ratings(
    anonymous, alice
):
    await rate(alice)
    rows = [{"movie_id": i, "value": stars} for i, stars in RATINGS.items()]
    body = {"ratings": rows, "genre": "Western", "limit": 5}

    stored = await read(alice, "genre=Western&limit=5")
    sent = (await anonymous.post("/predictions", json=body)).json()
    further = {**body, "cursor": sent["next_cursor"]}
    second = (await anonymous.post("/predictions", json=further)).json()
    chosen = {"ratings": rows, "movie_ids": [1, 3114]}
    two = (await anonymous.post("/predictions", json=chosen)).json()

    assert sent == stored
    assert second == await read(
        alice, f"genre=Western&limit=5&cursor={stored['next_cursor']}"
    )
    assert {item["movie"]["id"] for item in two["items"]} == {1, 3114}


async def test_inline_predictions_are_bounded_and_empty_without_a_model(
    anonymous, services
):
    for wrong, field in (
        ({"cursor": "x"}, "cursor"),
        ({"limit": 101}, "limit"),
        ({"movie_ids": list(range(1, 102))}, "movie_ids"),
        ({"year_from": 2000, "year_to": 1999}, "year_to"),
        ({"ratings": [{"movie_id": 1, "value": 4}] * 2}, "ratings"),
    ):
        reply = await anonymous.post("/predictions", json={"ratings": [], **wrong})
        assert reply.status_code == 422
        assert reply.json()["errors"][0]["field"][:2] == ["body", field]
    services.model_store.current = None

    reply = await anonymous.post("/predictions", json={"ratings": []})

    assert reply.json() == {"model": None, "items": [], "next_cursor": None}
