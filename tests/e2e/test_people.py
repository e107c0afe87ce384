"""What a list of recommendations offers its reader, in a real browser."""

import re

import pytest
from playwright.sync_api import expect

from tests.e2e.journeys import recommended, register, search, stars

pytestmark = [pytest.mark.e2e, pytest.mark.timeout(120)]


def rate_five(page, title):
    """Rate a movie that is on the page by keyboard."""
    group = stars(page, title)
    group.get_by_role("radio").first.focus()
    with page.expect_response(re.compile("/ratings/")) as saved:
        page.keyboard.press("5")
    assert saved.value.ok


def test_more_never_repeats(page):
    register(page)
    titles = recommended(page)
    expect(titles).to_have_count(12)

    page.get_by_role("button", name="Show more").press("Enter")
    expect(titles).to_have_count(24)
    page.get_by_role("button", name="Show more").press("Enter")
    expect(titles).to_have_count(36)

    links = titles.get_by_role("link")
    addresses = [link.get_attribute("href") for link in links.all()]
    assert len(set(addresses)) == 36


def test_a_loved_movie_brings_a_row_of_its_own_and_its_share(page):
    register(page)
    search(page, "toy story")
    rate_five(page, "Toy Story")
    recommended(page)

    for name in ("Because you rated Toy Story", "Adventurous", "Hidden gems"):
        row = page.get_by_role("region", name=name, exact=True)
        expect(row.get_by_role("listitem").first).to_be_visible()
    bar = page.locator(".pick .reasons i").first
    expect(bar).to_be_visible()


def test_a_list_that_cannot_be_reached_is_tried_again(page):
    register(page)
    page.evaluate(  # a response of 4xx or none would be a console error
        "() => { const real = fetch; window.fetch = (sent, init) =>"
        " new URL(sent.url).pathname.startsWith('/recommendations/')"
        " ? Promise.reject(new TypeError()) : real(sent, init);"
        " window.heal = () => { window.fetch = real; }; }"
    )
    page.evaluate("location.hash = '#/for-you'")
    alert = page.get_by_role("alert")
    expect(alert).to_contain_text("The app cannot reach the service.")

    page.evaluate("heal()")
    alert.get_by_role("button", name="Try again").press("Enter")

    top = page.get_by_role("region", name="Top picks for you")
    expect(top.get_by_role("heading", level=3)).to_have_count(12)


def test_a_newcomer_answers_questions_and_the_list_follows(page):
    register(page)
    page.wait_for_url("**/#/start")
    meter = page.get_by_role("meter")
    row = page.get_by_role("region", name="For you so far").get_by_role("link")
    questions = page.get_by_role("region", name="Movies to rate").get_by_role(
        "listitem"
    )
    expect(questions).to_have_count(5)
    expect(row).to_have_count(12)
    before = [link.get_attribute("href") for link in row.all()]
    known = meter.evaluate("meter => meter.value")

    questions.nth(0).get_by_role("radio").first.focus()
    page.keyboard.press("5")
    expect(meter).not_to_have_js_property("value", known)
    assert meter.evaluate("meter => meter.value") > known
    moved = "before => JSON.stringify([...document.querySelectorAll("
    moved += "'section:last-of-type .poster-link')].map(a => a.getAttribute('href')))"
    moved += " !== JSON.stringify(before)"
    page.wait_for_function(moved, arg=before)

    two = questions.all()[:2]
    first, second = (question.get_by_role("link").inner_text() for question in two)
    unseen = questions.nth(1).get_by_role("button", name=re.compile("seen it"))
    unseen.press("Enter")
    expect(questions.nth(1).get_by_role("link")).not_to_have_text(second)
    expect(unseen).to_be_focused()
    expect(questions).to_have_count(5)
    assert questions.nth(0).get_by_role("link").inner_text() == first

    # The next movie in a place does not inherit the stars of the one before.
    page.get_by_role("button", name="Show other movies").press("Enter")
    expect(questions.nth(0).get_by_role("link")).not_to_have_text(first)
    expect(questions.get_by_role("radio", checked=True)).to_have_count(0)


def test_a_double_click_has_one_effect_and_back_leads_back(page):
    register(page)
    page.goto("/#/browse?sort=title")
    with page.expect_response(re.compile("/movies/")):
        page.locator("main .poster-link").first.click()
    page.go_back()
    expect(page).to_have_url(re.compile("sort=title"))

    page.goto("/#/movie/1")
    group, sent = stars(page, "Toy Story"), []
    page.on("request", lambda asked: sent.append(asked.method))
    group.get_by_role("radio").nth(7).dblclick()
    expect(group.get_by_role("radio").nth(7)).to_be_checked()
    page.get_by_role("link", name=re.compile("^My ratings")).click()
    expect(page.locator(".own-row")).to_have_count(1)
    assert sent.count("PUT") == 1


def test_a_tab_left_open_after_signing_out_is_signed_out_at_its_next_action(page):
    register(page)
    stale = page.context.new_page()
    stale.goto("/#/for-you")
    expect(stale.get_by_role("button", name="Sign out")).to_be_visible()

    page.get_by_role("button", name="Sign out").click()
    expect(page.get_by_label("Username")).to_be_visible()
    stale.goto("/#/settings")

    expect(stale.get_by_label("Username")).to_be_visible()
    expect(stale.get_by_role("button", name="Sign out")).to_have_count(0)
