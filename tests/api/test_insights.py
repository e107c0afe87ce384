"""Insights: the same figures as the engine's own, from SQL; quick, and kept up."""

import time
from datetime import timedelta

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from sqlalchemy import func, select, text, update

from api.queries import insights as queries
from api.queries.snapshot import Snapshot, read_snapshot
from api.services import insights
from api.tables import RatingSummary
from engine.insights import (
    genre_statistics,
    genres_of,
    item_statistics,
    polarization,
    rating_frequencies,
    size_frequencies,
)

pytestmark = pytest.mark.anyio

MOST_MILLISECONDS = 50


@pytest.fixture(scope="module")
def snapshot(database_url) -> Snapshot:
    """All ratings as training reads them: what the engine counts."""
    return read_snapshot(database_url)


async def test_ratings_are_distributed_as_the_engine_counts(anonymous, snapshot):
    reply = (await anonymous.get("/insights/ratings")).json()

    expected = rating_frequencies(snapshot.ratings)
    found = {each["value"]: each["count"] for each in reply["distribution"]}
    assert found == dict(
        zip(expected.values.tolist(), expected.counts.tolist(), strict=True)
    )
    assert reply["n_ratings"] == snapshot.ratings.n_ratings
    assert reply["n_users"] == snapshot.ratings.n_users


async def test_users_are_sorted_by_how_strict_they_are(anonymous, snapshot):
    reply = (await anonymous.get("/insights/ratings")).json()

    rows = snapshot.ratings.by_user
    sums = np.add.reduceat(rows.values.astype(np.float64), rows.indptr[:-1])
    means = sums / rows.counts
    assert sum(each["count"] for each in reply["strictness"]) == len(means)
    found = {each["value"]: each["count"] for each in reply["strictness"]}
    # Away from the edges of its bin a mean can only be in one.
    clear = means[np.abs(means * 10 % 1 - 0.5) > 1e-9]
    for value, count in zip(
        *np.unique(np.round(clear, 1), return_counts=True), strict=True
    ):
        assert found[round(float(value), 1)] >= count
    assert list(found) == sorted(found)


async def test_activity_adds_up_month_by_month(anonymous, session):
    reply = (await anonymous.get("/insights/ratings")).json()

    months = [each["month"] for each in reply["activity"]]
    query = text("SELECT count(*) FROM ratings WHERE rated_at < '2000-01-01'")
    before = await session.scalar(query)
    counts = [each["count"] for each in reply["activity"] if each["month"] < "2000"]
    assert months == sorted(set(months))
    assert sum(counts) == before > 0


async def test_popularity_follows_the_engine_s_count(anonymous, snapshot):
    reply = (await anonymous.get("/insights/popularity")).json()

    expected = size_frequencies(snapshot.ratings.by_item.counts)
    top = [movie["n_ratings"] for movie in reply["top"]]
    assert reply["n_ratings"] == expected.values.tolist()
    assert reply["n_movies"] == expected.counts.tolist()
    assert len(top) == 10
    assert top == sorted(snapshot.ratings.by_item.counts, reverse=True)[:10]


async def test_genres_follow_the_engine_s_statistics(anonymous, snapshot):
    reply = (await anonymous.get("/insights/genres")).json()["items"]

    genres = genres_of(snapshot.genres)
    expected = genre_statistics(snapshot.ratings, genres)
    assert [each["name"] for each in reply] == list(genres.names)
    assert [each["n_movies"] for each in reply] == expected.n_items.tolist()
    assert [each["n_ratings"] for each in reply] == expected.n_ratings.tolist()
    np.testing.assert_allclose(
        [each["mean_rating"] for each in reply], expected.means, rtol=1e-12
    )


async def test_a_genre_nobody_rated_has_no_mean(anonymous, session):
    await session.execute(
        text("INSERT INTO movies (id, title, genres) VALUES (999999, 'New', '{Zen}')")
    )
    await session.commit()

    reply = (await anonymous.get("/insights/genres")).json()["items"]

    assert reply[-1] == {
        "name": "Zen", "n_movies": 1, "n_ratings": 0, "mean_rating": None
    }  # fmt: skip


@pytest.mark.parametrize("by", ["variance", "excess"])
async def test_polarizing_movies_are_those_the_engine_finds(anonymous, snapshot, by):
    reply = (await anonymous.get(f"/insights/polarizing?by={by}&limit=100")).json()

    statistics = item_statistics(snapshot.ratings)
    found = polarization(statistics, (0.5, 5.0))
    key = statistics.variances if by == "variance" else found.excess
    enough = np.flatnonzero(statistics.counts >= 10)
    best = np.sort(key[enough])[::-1][:100]
    assert reply["usual_share"] == pytest.approx(found.dispersion, rel=1e-9)
    index = {int(id_): n for n, id_ in enumerate(snapshot.ratings.item_ids)}
    rows = [index[each["movie"]["id"]] for each in reply["items"]]
    np.testing.assert_allclose(key[rows], best, atol=1e-9)
    np.testing.assert_allclose(
        [each["variance"] for each in reply["items"]], statistics.variances[rows]
    )
    np.testing.assert_allclose(
        [each["expected_variance"] for each in reply["items"]], found.expected[rows]
    )


async def test_a_threshold_leaves_little_rated_movies_out(anonymous):
    reply = await anonymous.get("/insights/polarizing?min_ratings=100")

    assert all(each["movie"]["n_ratings"] >= 100 for each in reply.json()["items"])
    too_few = await anonymous.get("/insights/polarizing?min_ratings=1")
    assert too_few.status_code == 422


async def test_without_ratings_nothing_is_polarizing(anonymous, session):
    await session.execute(text("DELETE FROM ratings"))
    await session.commit()

    reply = (await anonymous.get("/insights/polarizing")).json()
    ratings = (await anonymous.get("/insights/ratings")).json()

    assert reply == {"usual_share": 0, "items": []}
    assert ratings["n_ratings"] == 0
    assert {each["count"] for each in ratings["distribution"]} == {0}


async def test_the_summary_is_made_when_ratings_change_and_not_too_often(
    session, alice, anonymous
):
    assert await insights.refresh_summary(session)
    before = (await anonymous.get("/insights/ratings")).json()
    assert not await insights.refresh_summary(session)  # nothing has changed

    await alice.put(f"/ratings/{alice.user_id}/1", json={"value": 0.5})
    assert not await insights.refresh_summary(session)  # that was just now
    unchanged = (await anonymous.get("/insights/ratings")).json()
    earlier = func.now() - insights.LEAST_AGE - timedelta(seconds=1)
    await session.execute(update(RatingSummary).values(computed_at=earlier))
    assert await insights.refresh_summary(session)
    after = (await anonymous.get("/insights/ratings")).json()

    assert unchanged == before
    assert after["n_ratings"] == before["n_ratings"] + 1
    assert after["n_users"] == before["n_users"] + 1
    assert await session.scalar(select(func.count(RatingSummary.id))) == 1


def polarizing_questions() -> list[str]:
    """Ask for few and for many ratings, by both orders."""
    return [
        f"/insights/polarizing?by={by}&min_ratings={n}&limit={limit}"
        for by in ("variance", "excess")
        for n, limit in ((2, 100), (3, 7), (10, 100), (150, 100), (340, 20))
    ]


async def test_the_summary_answers_every_question_as_counting_does(session, anonymous):
    questions = "/insights/popularity", "/insights/genres", *polarizing_questions()
    counted = [(await anonymous.get(question)).json() for question in questions]

    await insights.refresh_summary(session)
    summed_up = [(await anonymous.get(question)).json() for question in questions]

    assert summed_up == counted
    statistics = await session.execute(
        text("SELECT movie_id FROM movie_statistics WHERE n_ratings >= 340")
    )
    assert 0 < len(summed_up[-1]["items"]) == len(statistics.all()[:20])


async def test_what_the_summary_answers_waits_for_the_next_one(session, anonymous):
    await insights.refresh_summary(session)
    before = (await anonymous.get("/insights/genres")).json()

    await session.execute(text("UPDATE movies SET genres = '{}'"))
    await session.commit()

    assert (await anonymous.get("/insights/genres")).json() == before


async def test_the_summary_of_an_older_version_is_made_anew(session, anonymous):
    await insights.refresh_summary(session)
    expected = (await anonymous.get("/insights/genres")).json()
    older = RatingSummary.document.op("-")("genres")
    await session.execute(update(RatingSummary).values(document=older))

    counted = (await anonymous.get("/insights/genres")).json()
    is_made = await insights.refresh_summary(session)

    assert counted == expected
    assert is_made
    assert not await insights.refresh_summary(session)


@given(
    counts=st.lists(st.integers(2, 9), min_size=1, max_size=40),
    steps=st.lists(st.integers(0, 4), min_size=40, max_size=40),
    n=st.integers(1, 5),
)
def test_whoever_leads_among_enough_ratings_is_kept(counts, steps, n):
    """A page of any number of ratings is made of the movies kept."""
    rows = [
        {"movie_id": movie, "n_ratings": count, "variance": step / 4}
        for movie, (count, step) in enumerate(
            zip(sorted(counts, reverse=True), steps, strict=False)
        )
    ]

    kept = set(insights.leading(rows, "variance", n=n))

    for least in range(2, 10):
        enough = [row for row in rows if row["n_ratings"] >= least]
        enough.sort(key=lambda row: (-row["variance"], row["movie_id"]))
        assert {row["movie_id"] for row in enough[:n]} <= kept


async def test_a_summary_that_took_long_is_made_rarely(session, alice):
    await insights.refresh_summary(session)
    await alice.put(f"/ratings/{alice.user_id}/1", json={"value": 0.5})
    earlier = func.now() - insights.LEAST_AGE - timedelta(seconds=1)
    values = {"computed_at": earlier, "seconds": 60.0}
    await session.execute(update(RatingSummary).values(values))

    assert not await insights.refresh_summary(session)


@pytest.mark.parametrize("path", ["ratings", "popularity", "genres", "polarizing"])
async def test_an_insight_is_answered_within_50_ms(session, anonymous, path):
    await insights.refresh_summary(session)

    milliseconds = []
    for _ in range(20):  # others use the processors too: the best time counts
        began = time.perf_counter()
        reply = await anonymous.get(f"/insights/{path}")
        milliseconds.append(1000 * (time.perf_counter() - began))
        assert reply.status_code == 200

    assert min(milliseconds) < MOST_MILLISECONDS


async def test_counting_takes_no_time_limit_of_the_web(session):
    await queries.without_time_limit(session)

    assert await session.scalar(text("SHOW statement_timeout")) == "0"
