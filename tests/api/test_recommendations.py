"""Recommendations through the API, on the sample and a trained model."""

import pytest

pytestmark = pytest.mark.anyio

TOY_STORY, TOY_STORY_2 = 1, 3114


def movie_ids(reply):
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
