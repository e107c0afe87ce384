"""What a newcomer does, by mouse and by keyboard, in a real browser."""

import re

import pytest
from playwright.sync_api import expect

from tests.e2e.journeys import (
    PASSWORD,
    fits,
    promote,
    recommended,
    register,
    search,
    stars,
)

pytestmark = [pytest.mark.e2e, pytest.mark.timeout(120)]


def test_a_newcomer_rates_toy_story_and_is_shown_its_sequel(page):
    register(page)
    titles = recommended(page)
    expect(titles).to_have_count(12)
    before = titles.all_inner_texts()

    search(page, "toy stroy")
    rating = stars(page, "Toy Story").get_by_role("radio", name="5 of 5", exact=True)
    with page.expect_response(re.compile("/ratings/")) as saved:
        rating.check(force=True)
    titles = recommended(page)
    sequel = titles.filter(has_text="Toy Story 2")
    expect(sequel).to_be_visible()
    expect(page.get_by_text("Because you rated").first).to_be_visible()
    after = titles.all_inner_texts()

    page.goto("/#/my-ratings")
    with page.expect_response(re.compile("/ratings/.*/1$")) as removed:
        page.get_by_role("button", name="Delete your rating of Toy Story").click()
    titles = recommended(page)

    expect(titles).to_have_text(before)
    assert saved.value.ok
    assert removed.value.ok
    assert "Toy Story 2" not in before
    assert "Toy Story 2" in after[:10]


def test_rating_works_by_keyboard_alone(page):
    register(page)
    search(page, "fargo")
    group = stars(page, "Fargo")
    expect(group).to_be_visible()

    group.get_by_role("radio").first.focus()
    with page.expect_response(re.compile("/ratings/")):
        page.keyboard.press("4")
    with page.expect_response(re.compile("/ratings/")):
        page.keyboard.press("ArrowRight")

    expect(group.get_by_role("radio", name="4 and a half of 5")).to_be_checked()
    page.reload()
    expect(
        stars(page, "Fargo").get_by_role("radio", name="4 and a half of 5")
    ).to_be_checked()


def test_a_session_ends_with_sign_out_and_begins_with_the_password(page):
    username = register(page)
    page.get_by_role("button", name="Sign out").click()
    expect(page.get_by_label("Username")).to_be_visible()

    page.goto("/#/my-ratings")
    page.get_by_label("Username").fill(username)
    page.get_by_label("Password", exact=True).fill(
        "does not match your current password"
    )
    page.get_by_role("button", name="Sign in").click()
    expect(page.get_by_text("The username or the password is wrong.")).to_be_visible()
    page.get_by_label("Password", exact=True).fill(PASSWORD)
    page.get_by_role("button", name="Sign in").click()

    expect(page.get_by_role("heading", name="My ratings")).to_be_visible()


def test_a_vote_is_counted_and_taken_back_by_the_same_key(page):
    register(page)
    title = recommended(page).first.inner_text()
    like = page.get_by_role("button", name=f"Good suggestion: {title}", exact=True)
    dislike = page.get_by_role("button", name=f"Poor suggestion: {title}", exact=True)

    like.focus()
    with page.expect_response(re.compile("/feedback")) as liked:
        page.keyboard.press("Space")
    expect(like).to_have_attribute("aria-pressed", "true")
    with page.expect_response(re.compile("/feedback")) as disliked:
        dislike.click()
    expect(like).to_have_attribute("aria-pressed", "false")
    expect(dislike).to_have_attribute("aria-pressed", "true")
    with page.expect_response(re.compile("/feedback")) as taken_back:
        page.keyboard.press("Enter")
    expect(dislike).to_have_attribute("aria-pressed", "false")

    votes = [reply.value.json()["vote"] for reply in (liked, disliked, taken_back)]
    assert votes == ["like", "dislike", "none"]


def test_a_vote_teaches_the_list_and_its_movie_keeps_its_place(page):
    register(page)
    titles = recommended(page)
    expect(titles).to_have_count(12)
    before = titles.all_inner_texts()
    like = page.get_by_role("button", name=f"Good suggestion: {before[4]}", exact=True)

    with page.expect_response(re.compile(r"/recommendations/\d+\?")) as taught:
        like.click()
    expect(titles).not_to_have_text(before)
    after = titles.all_inner_texts()
    with page.expect_response(re.compile(r"/recommendations/\d+\?")):
        like.click()

    assert taught.value.json()["items"][4]["movie"]["title"] != before[4]
    assert after[4] == before[4]
    expect(titles).to_have_text(before)


def test_a_vote_outlives_a_reload(page):
    register(page)
    title = recommended(page).first.inner_text()
    like = page.get_by_role("button", name=f"Good suggestion: {title}", exact=True)
    with page.expect_response(re.compile("/feedback")):
        like.click()

    page.reload()
    expect(like).to_have_attribute("aria-pressed", "true")
    with page.expect_response(re.compile("/feedback")) as taken_back:
        like.click()

    assert taken_back.value.json()["vote"] == "none"
    expect(like).to_have_attribute("aria-pressed", "false")


def test_the_dial_goes_from_familiar_to_surprising_and_back(page):
    register(page)
    titles = recommended(page)
    expect(titles).to_have_count(12)
    familiar = titles.all_inner_texts()
    dial = page.get_by_role("slider", name="From familiar to surprising")

    dial.focus()
    with page.expect_response(re.compile("exploration=0.6")):
        page.keyboard.press("End")
    expect(dial).to_have_attribute("aria-valuetext", "100% surprising")
    expect(titles).not_to_have_text(familiar)
    expect(page).to_have_url(re.compile("surprise=1"))
    page.keyboard.press("Home")

    expect(titles).to_have_text(familiar)


def test_a_refused_vote_is_shown_taken_back(page):
    register(page)
    title = recommended(page).first.inner_text()
    like = page.get_by_role("button", name=f"Good suggestion: {title}", exact=True)
    page.evaluate(  # a response of 4xx would be a console error
        "() => { const real = fetch; window.fetch = (sent, init) =>"
        " sent.url.endsWith('/feedback')"
        " ? Promise.reject(new TypeError()) : real(sent, init); }"
    )

    like.click()

    expect(page.get_by_text(f"Your vote on {title} was not saved.")).to_be_visible()
    expect(like).to_have_attribute("aria-pressed", "false")


def test_a_hidden_movie_leaves_the_list_until_it_is_shown_again(page):
    register(page)
    titles = recommended(page)
    expect(titles).to_have_count(12)
    first, second = titles.all_inner_texts()[:2]
    messages = page.get_by_role("region", name="Messages")

    page.get_by_role("button", name=f"Not interested in {first}", exact=True).click()
    expect(titles.first).to_have_text(second)
    expect(titles).to_have_count(12)
    following = page.get_by_role("button", name=f"Not interested in {second}")
    expect(following).to_be_focused()
    messages.get_by_role("button", name="Undo").click()
    expect(titles.first).to_have_text(first)

    page.get_by_role("button", name=f"Not interested in {first}", exact=True).click()
    expect(titles.first).to_have_text(second)
    page.get_by_role("link", name="Hidden movies").click()
    page.get_by_role("button", name=f"Show again: {first}").click()
    expect(page.get_by_text("You have hidden no movies.")).to_be_visible()
    expect(recommended(page).first).to_have_text(first)


def test_the_app_speaks_german_and_keeps_to_it(page):
    register(page)
    page.goto("/#/browse")

    page.get_by_role("button", name="Deutsch").click()
    expect(page.get_by_role("heading", name="Stöbern")).to_be_visible()
    page.reload()

    expect(page.get_by_role("link", name="Meine Bewertungen")).to_be_visible()
    expect(page.locator("html")).to_have_attribute("lang", "de")
    page.get_by_role("button", name="English").click()
    expect(page.get_by_role("heading", name="Browse")).to_be_visible()


def test_a_filled_list_fits_a_narrow_screen_in_german(page):
    register(page)
    search(page, "toy story")
    with page.expect_response(re.compile("/ratings/")):
        stars(page, "Toy Story").get_by_role("radio").first.press("5")
    expect(recommended(page)).to_have_count(12)
    page.get_by_role("button", name="Deutsch").click()
    top = page.get_by_role("region", name="Ganz oben für dich")
    expect(top.get_by_role("heading", level=3)).to_have_count(12)

    page.set_viewport_size({"width": 320, "height": 640})
    row = page.get_by_role("region", name="Weil du Toy Story bewertet hast")
    first = row.get_by_role("listitem").first

    expect(first).to_be_visible()
    assert first.evaluate("card => card.clientWidth") > 100
    assert fits(page)


def test_an_administrator_plans_starts_reads_and_stops_an_experiment(page, service):
    username = register(page)
    page.goto("/#/experiments")
    expect(page.get_by_text("Page not found")).to_be_visible()
    promote(service, username)
    page.reload()

    # A plan with a mistake is pointed out; the calculator answers beside it.
    page.get_by_role("link", name="New experiment").click()
    expect(page.get_by_role("status").get_by_text("1,097")).to_be_visible()
    page.get_by_role("button", name="Save as draft").click()
    expect(page.get_by_text("The experiment has no name. Enter one.")).to_be_visible()
    expect(page.get_by_label("Name", exact=True)).to_be_focused()
    page.get_by_label("Name", exact=True).fill("Order by stars")
    page.get_by_label("Hypothesis").fill("People like it more.")
    page.get_by_role("button", name="Save as draft").click()
    expect(page.get_by_role("heading", name="Order by stars")).to_be_visible()

    # Escape leaves the draft as it is.
    page.get_by_role("button", name="Start").press("Enter")
    dialog = page.get_by_role("dialog")
    expect(dialog).to_contain_text("You cannot change the plan after the start.")
    page.keyboard.press("Escape")
    expect(page.get_by_text("Draft", exact=True)).to_be_visible()
    page.get_by_role("button", name="Start").press("Enter")
    dialog.get_by_role("button", name="Start").press("Enter")
    expect(page.get_by_text("Running", exact=True)).to_be_visible()
    expect(page.get_by_text("No user has seen the experiment yet.")).to_be_visible()
    address = page.url

    # The administrator is a user as well: exposed once, voting once.
    title = recommended(page).first.inner_text()
    with page.expect_response(re.compile("/feedback")):
        page.get_by_role("button", name=f"Good suggestion: {title}").click()
    page.goto(address)
    counts = page.get_by_role("region", name="Counts").get_by_role("row")
    expect(counts.filter(has_text="100%")).to_have_count(1)
    expect(page.get_by_role("heading", name="Too early")).to_be_visible()
    with page.expect_download() as download:
        page.get_by_role("link", name="CSV").click()
    page.get_by_role("button", name="Stop").click()
    dialog.get_by_role("button", name="Stop").click()
    expect(page.get_by_text("Stopped", exact=True)).to_be_visible()

    header, line = download.value.path().read_text().splitlines()
    assert header == "user_id,variant,exposed_at,likes,dislikes"
    assert line.endswith(",1,0")
    page.set_viewport_size({"width": 320, "height": 640})
    assert fits(page)
