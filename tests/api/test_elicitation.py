"""What somebody is asked next."""

import numpy as np
import pytest

from engine.serving.elicitation import knowledge, questions
from engine.serving.fold_in import fold_in

pytestmark = pytest.mark.anyio

UNKNOWN = 2_000_000_000


async def asked(client, query: str = "") -> list[int]:
    reply = await client.get(f"/elicitation/{client.user_id}?{query}")
    assert reply.status_code == 200, reply.text
    return [movie["id"] for movie in reply.json()["items"]]


async def test_a_newcomer_is_asked_what_the_engine_finds_most_telling(alice, trained):
    nothing = np.zeros(0, dtype=np.int32)
    folded_user = fold_in(trained.model.rating, nothing, np.zeros(0))
    expected = trained.model.item_ids[questions(trained.model, folded_user, 5)]

    reply = (await alice.get(f"/elicitation/{alice.user_id}")).json()

    assert [movie["id"] for movie in reply["items"]] == expected.tolist()
    assert reply["model"]["id"] == trained.id
    assert reply["personalization"] == {
        "level": "none", "n_ratings": 0, "n_ratings_used": 0, "n_votes_used": 0
    }  # fmt: skip


async def test_what_was_answered_is_not_asked_again(alice):
    first = await asked(alice)
    await alice.put(f"/ratings/{alice.user_id}/{first[0]}", json={"value": 4})

    second = await asked(alice, "limit=20")

    assert first[0] not in second
    assert len(second) == len(set(second)) == 20


async def test_what_was_not_seen_is_not_asked_again(alice):
    first = await asked(alice)

    second = await asked(alice, f"exclude={first[0]}&exclude={first[1]}&limit=5")

    assert len(second) == 5
    assert not {first[0], first[1]} & set(second)
    assert second[:3] == first[2:]


async def test_without_a_model_the_best_known_movies_are_asked(
    alice, services, anonymous
):
    services.model_store.current = None
    popular = (await anonymous.get("/movies?limit=2")).json()["items"]
    await alice.put(f"/ratings/{alice.user_id}/{popular[0]['id']}", json={"value": 3})

    reply = (await alice.get(f"/elicitation/{alice.user_id}?limit=1")).json()

    assert reply["model"] is None
    assert [movie["id"] for movie in reply["items"]] == [popular[1]["id"]]


@pytest.mark.parametrize("query", ["limit=0", "limit=21", "exclude=0", "exclude=x"])
async def test_bounds_are_kept(alice, query):
    reply = await alice.get(f"/elicitation/{alice.user_id}?{query}")

    assert reply.status_code == 422


async def test_another_user_is_not_asked_for(alice, bob):
    assert (await alice.get(f"/elicitation/{bob.user_id}")).status_code == 404
    assert (await alice.get(f"/elicitation/{UNKNOWN}")).status_code == 404


async def test_inline_ratings_bring_the_questions_of_the_same_stored_ratings(
    anonymous, alice, trained
):
    nobody = (await anonymous.post("/elicitation", json={"ratings": []})).json()
    first, skipped = (movie["id"] for movie in nobody["items"][:2])
    await alice.put(f"/ratings/{alice.user_id}/{first}", json={"value": 4})
    body = {
        "ratings": [{"movie_id": first, "value": 4}],
        "exclude": [skipped],
        "limit": 3,
    }

    stored = await alice.get(f"/elicitation/{alice.user_id}?limit=3&exclude={skipped}")
    sent = await anonymous.post("/elicitation", json=body)

    assert sent.json() == stored.json()
    assert nobody["knowledge"] == 0
    indices = trained.model.item_indices_of([first])
    folded_user = fold_in(trained.model.rating, indices, np.array([4.0]))
    assert sent.json()["knowledge"] == knowledge(trained.model, folded_user) > 0
    assert len(sent.json()["items"]) == 3


@pytest.mark.parametrize(
    "body",
    [
        {"ratings": [], "limit": 21},
        {"ratings": [], "exclude": list(range(1, 52))},
        {"ratings": [{"movie_id": 1, "value": 4}] * 2},
    ],
)
async def test_bounds_of_inline_questions_are_kept(anonymous, body):
    assert (await anonymous.post("/elicitation", json=body)).status_code == 422
