"""Rating movies: what is answered 200 is stored, and shown newest first."""

from datetime import UTC, datetime, timedelta
from itertools import chain

import pytest
from sqlalchemy import func, select, update

from api.tables import Rating
from tests.conftest import Client, keyed

pytestmark = pytest.mark.anyio

TOY_STORY, HEAT = 1, 6
UNKNOWN = 2_000_000_000
HALF_STARS = [step / 2 for step in range(1, 11)]


async def test_a_rating_is_stored_read_replaced_and_taken_back(anonymous, alice, bob):
    url = f"/ratings/{alice.user_id}/{TOY_STORY}"
    assert (await anonymous.put(url, json={"value": 4})).status_code == 401
    assert (await bob.put(url, json={"value": 4})).status_code == 404

    missing = await alice.get(url)
    stored = await alice.put(url, json={"value": 4})
    replaced = await alice.put(url, json={"value": 2.5})
    read = await alice.get(url)
    removed = await alice.delete(url)
    gone = await alice.delete(url)

    assert [r.status_code for r in (missing, stored, replaced)] == [404, 200, 200]
    assert stored.json()["value"] == 4
    assert read.json() == replaced.json()
    assert read.json()["movie_id"] == TOY_STORY
    assert read.json()["value"] == 2.5
    assert read.json()["rated_at"].endswith("Z")
    assert [r.status_code for r in (removed, gone)] == [204, 404]
    assert (await alice.get(url)).status_code == 404


@pytest.mark.parametrize("value", HALF_STARS)
async def test_each_half_star_is_kept_exactly(alice, session, value):
    reply = await alice.put(
        f"/ratings/{alice.user_id}/{TOY_STORY}", json={"value": value}
    )

    stored = await session.get(Rating, (alice.user_id, TOY_STORY))
    assert reply.json()["value"] == stored.value == value


async def test_a_rating_twice_is_one_row(alice, session):
    for value in (1, 5, 5):
        await alice.put(f"/ratings/{alice.user_id}/1", json={"value": value})

    count = select(func.count()).where(Rating.user_id == alice.user_id)
    assert await session.scalar(count) == 1
    assert (await alice.get("/me")).json()["n_ratings"] == 1


async def test_a_movie_or_user_that_does_not_exist_cannot_be_rated(app, alice, admin):
    no_movie = await alice.put(f"/ratings/{alice.user_id}/{UNKNOWN}", json={"value": 4})
    async with keyed(app, admin, "serve") as program:
        no_user = await program.put(f"/ratings/{UNKNOWN}/1", json={"value": 4})
        no_list = await program.get(f"/ratings/{UNKNOWN}")

    assert [r.status_code for r in (no_movie, no_user, no_list)] == [404, 404, 404]


async def rate_at(alice, session, times) -> None:
    """Rate the movies 1, 2, ... at these times."""
    for movie_id, _ in enumerate(times, start=1):
        await alice.put(f"/ratings/{alice.user_id}/{movie_id}", json={"value": 3})
    for movie_id, rated_at in enumerate(times, start=1):
        await session.execute(
            update(Rating)
            .where(Rating.user_id == alice.user_id, Rating.movie_id == movie_id)
            .values(rated_at=rated_at)
        )
    await session.commit()


async def walk(client: Client, limit: int) -> list[list[int]]:
    """Follow the cursors of a user's ratings and return the pages' movie ids."""
    pages = []
    cursor = ""
    while True:
        url = f"/ratings/{client.user_id}?limit={limit}{cursor}"
        page = (await client.get(url)).json()
        pages.append([item["movie"]["id"] for item in page["items"]])
        if page["next_cursor"] is None:
            return pages
        cursor = f"&cursor={page['next_cursor']}"


async def test_ratings_are_listed_newest_first_over_all_pages(alice, session):
    now = datetime.now(UTC)
    microsecond = timedelta(microseconds=1)
    times = [
        now,
        now + microsecond,
        now,
        now - microsecond,
        datetime(1996, 1, 29, tzinfo=UTC),
        datetime(2040, 1, 1, tzinfo=UTC),
        datetime(1969, 12, 31, 23, 59, 59, 1, tzinfo=UTC),
    ]
    await rate_at(alice, session, times)

    for limit in (1, 2, 3, 7, 100):
        pages = await walk(alice, limit)

        assert list(chain(*pages)) == [6, 2, 1, 3, 4, 5, 7]
        assert all(len(page) <= limit for page in pages)
        assert all(pages)


async def test_the_list_shows_each_movie_with_its_rating(alice):
    await alice.put(f"/ratings/{alice.user_id}/{HEAT}", json={"value": 4.5})

    items = (await alice.get(f"/ratings/{alice.user_id}")).json()["items"]

    assert len(items) == 1
    assert items[0]["movie"]["title"] == "Heat"
    assert items[0]["value"] == 4.5


async def test_a_new_user_has_an_empty_list(alice):
    reply = await alice.get(f"/ratings/{alice.user_id}")

    assert reply.json() == {"items": [], "next_cursor": None}


async def test_a_program_that_serves_reads_imported_users(app, admin):
    async with keyed(app, admin, "serve") as program:
        page = (await program.get("/ratings/1?limit=100")).json()

    assert len(page["items"]) == 20
    times = [item["rated_at"] for item in page["items"]]
    assert times == sorted(times, reverse=True)
