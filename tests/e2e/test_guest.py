"""Trying the app without an account, and taking the ratings along."""

import re

import pytest
from playwright.sync_api import Locator, expect

from tests.e2e.journeys import (
    recommended,
    register,
    search,
    stars,
)

pytestmark = [pytest.mark.e2e, pytest.mark.timeout(120)]


def order(row: Locator) -> list[str]:
    """Read the titles of a row, those that are scrolled out of sight as well."""
    titles: list[str] = row.get_by_role("link").evaluate_all(
        "links => links.map(link => link.title)"
    )
    return titles


@pytest.mark.expects_status(503)
def test_a_visitor_tries_it_and_takes_the_ratings_along(page):
    page.goto("/")
    page.get_by_role("link", name="Try it without an account").click()

    # The questions, and a row that follows each answer.
    questions = page.get_by_role("region", name="Movies to rate")
    row = page.get_by_role("region", name="For you so far")
    expect(row.get_by_role("listitem")).to_have_count(12)
    before = order(row)
    expect(page.get_by_text("How well we know your taste: 0%")).to_be_visible()
    with page.expect_response(re.compile("/recommendations$")) as listed:
        questions.get_by_role("radio", name="5 of 5", exact=True).first.check(
            force=True
        )
    assert listed.value.request.post_data_json["ratings"]
    expect(
        page.get_by_text("Your 1 rating is stored in this browser only")
    ).to_be_visible()
    expect(page.get_by_text("How well we know your taste: 0%")).to_have_count(0)
    expect(row).to_have_attribute("aria-busy", "false")
    assert order(row) != before

    # Browse shows what it guesses, and rates in place.
    search(page, "toy stroy")
    expect(page.locator(".guess").first).to_be_visible()
    rating = stars(page, "Toy Story")
    with page.expect_response(re.compile("/predictions$")):
        rating.get_by_role("radio", name="4 and a half of 5").check(force=True)
    expect(page.get_by_role("link", name="My ratings")).to_contain_text("2")

    # My ratings are those of this browser; the list has reasons, also after a reload.
    page.get_by_role("link", name="My ratings").click()
    expect(page.get_by_role("checkbox", name="Select Toy Story")).to_be_visible()
    titles = recommended(page)
    page.reload()
    expect(titles).to_have_count(12)
    reasons = page.locator(".reasons").get_by_role("link", name="Toy Story", exact=True)
    expect(reasons.first).to_be_visible()
    expect(page.get_by_role("button", name="Not interested")).to_have_count(0)
    assert page.request.get("/me").status == 401

    # What cannot be stored on signing up stays here, and is added once it can.
    page.route("**/ratings/*/import*", lambda route: route.fulfill(status=503))
    page.get_by_role("link", name="Create an account to keep them").click()
    expect(page.get_by_text("Your 2 ratings from this browser")).to_be_visible()
    register(page)
    expect(page.get_by_text("Your 2 ratings could not be saved.")).to_be_visible()
    page.unroute_all()
    page.reload()
    expect(page.get_by_text("2 ratings from before you signed in")).to_be_visible()
    page.get_by_role("button", name="Add to my ratings").press("Enter")
    expect(page.get_by_role("link", name="My ratings")).to_contain_text("2")
    expect(page.get_by_text("from before you signed in")).to_have_count(0)
    user = page.request.get("/me").json()["id"]
    stored = page.request.get(f"/ratings/{user}").json()["items"]

    assert [(each["movie"]["id"] == 1, each["value"]) for each in stored] == [
        (True, 4.5),
        (False, 5),
    ]
