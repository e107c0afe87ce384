"""Plans of experiments: changed as drafts, by one administrator or by two."""

import re

import pytest
from playwright.sync_api import Page, expect

from tests.e2e.journeys import fits, planned, promote, recommended, register

pytestmark = [pytest.mark.e2e, pytest.mark.timeout(120)]

INTERLEAVED = "Interleaved: each list mixes two variants"


@pytest.fixture
def admin(page: Page, service) -> Page:
    """A page of a signed-in administrator."""
    promote(service, register(page))
    page.reload()
    return page


@pytest.mark.expects_status(412)
def test_a_draft_is_edited_and_nobody_overwrites_another_unseen(admin, service):
    page, path = admin, planned(admin, service)
    page.goto(f"/#{path.replace('experiments', 'experiment')}")
    page.get_by_role("link", name="Edit the draft").click()
    name = page.get_by_label("Name", exact=True)
    expect(name).to_have_value("Stars")
    name.fill("Diverse stars")
    page.get_by_label("Diversity").nth(1).fill("25")
    theirs = {"hypothesis": "Nobody knows.", "alpha": 0.01}
    headers = {"origin": service.url, "if-match": '"1"'}
    expect(page.request.patch(path, data=theirs, headers=headers)).to_be_ok()

    # The other change is told, by its fields; what was typed stays.
    save = page.get_by_role("button", name="Save as draft")
    save.click()
    told = page.get_by_role("alert").filter(has_text="Someone else")
    expect(told).to_contain_text("Hypothesis, False-positive rate")
    expect(name).to_have_value("Diverse stars")
    page.get_by_role("button", name="Use their version").click()
    expect(name).to_have_value("Stars")
    expect(page.get_by_label("Hypothesis")).to_have_value("Nobody knows.")

    # The second time one goes on with one's own.
    page.get_by_label("Diversity").nth(1).fill("25")
    headers["if-match"] = '"2"'
    mine = {"name": "Their name"}
    expect(page.request.patch(path, data=mine, headers=headers)).to_be_ok()
    save.click()
    page.set_viewport_size({"width": 320, "height": 640})
    page.get_by_role("button", name="Keep mine").press("Enter")
    expect(told).to_have_count(0)
    assert fits(page)
    save.click()
    expect(page.get_by_role("heading", name="Stars")).to_be_visible()
    expect(page.get_by_text("rating head, diversity 25%")).to_be_visible()
    assert page.request.get(path).json()["version"] == 4


def test_votes_on_an_interleaved_list_are_credited_to_who_put_them_there(admin):
    page = admin
    page.goto("/#/new-experiment")
    page.get_by_label("Name", exact=True).fill("Stars beside ranks")
    page.get_by_label("Hypothesis").fill("People like what the stars put there.")
    page.get_by_label("Comparison").select_option(label=INTERLEAVED)
    expect(page.get_by_label("Share", exact=True)).to_have_count(0)
    needed = page.get_by_role("status").filter(has_text="users")
    expect(needed).to_contain_text("602")
    page.get_by_role("button", name="Save as draft").click()
    page.get_by_role("button", name="Start").press("Enter")
    page.get_by_role("dialog").get_by_role("button", name="Start").press("Enter")
    expect(page.get_by_text("No user has seen the experiment yet.")).to_be_visible()
    address = page.url

    # The first two of a list come from one variant each, whatever the coin says.
    titles = recommended(page)
    for title in [titles.nth(place).inner_text() for place in (0, 1)]:
        with page.expect_response(re.compile("/feedback")):
            page.get_by_role(
                "button", name=f"Good suggestion: {title}", exact=True
            ).click()
    page.goto(address)

    counts = page.get_by_role("region", name="Counts").get_by_role("row")
    for variant in ("A", "B"):
        row = counts.filter(has=page.get_by_role("rowheader", name=variant))
        expect(row.get_by_role("cell").nth(0)).to_have_text("1")
        expect(row.get_by_role("cell").nth(1)).to_have_text("1")
    expect(page.get_by_text("Interleaved.")).to_be_visible()
    expect(
        page.get_by_role("heading", name="Too early: 1 of the 50 voters it needs")
    ).to_be_visible()
    page.get_by_role("button", name="Stop").click()
    page.get_by_role("dialog").get_by_role("button", name="Stop").click()
    expect(page.get_by_text("Stopped", exact=True)).to_be_visible()
    page.set_viewport_size({"width": 320, "height": 640})
    assert fits(page)
