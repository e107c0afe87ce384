"""An administrator trains a model, makes it live and rolls back."""

import re
import subprocess
from collections.abc import Iterator

import pytest
from playwright.sync_api import Page, expect

from tests.e2e.journeys import fits, promote, register
from tests.service import Service, running

pytestmark = [pytest.mark.e2e, pytest.mark.timeout(120)]

IMPOSSIBLE = {
    "name": "Lovers of Toy Story get Toy Story again",
    "ratings": [{"movie_id": 1, "value": 5}],
    "expected": [{"movie_id": 1, "within": 1}],
}


@pytest.fixture(scope="module")
def service(prepared, tmp_path_factory) -> Iterator[Service]:
    """A service of its own: models come and go."""
    folder = tmp_path_factory.mktemp("training")
    data_dir = folder / "data"
    subprocess.run(["/bin/cp", "--archive", prepared, data_dir], check=True)
    with running(data_dir, folder / "log") as started:
        yield started


def start_run(page: Page, **fields: str) -> None:
    """Ask for a small run through the form."""
    presets = page.get_by_role("combobox", name=re.compile("^Preset"))
    presets.select_option(fields.pop("preset"))
    for label, value in fields.items():
        page.get_by_label(label.capitalize(), exact=True).first.fill(value)
    page.get_by_role("button", name="Start training").click()


def is_refused_while_expectations_fail(page: Page, service: Service) -> None:
    """Try to activate a model that does not give a dummy user what it must."""
    path, origin = "/diagnostics/expectations", {"origin": service.url}
    reply = page.request.post(path, data=IMPOSSIBLE, headers=origin)
    expect(reply).to_be_ok()
    page.get_by_role("button", name="Activate").click()
    dialog = page.get_by_role("dialog")
    expect(dialog.get_by_text("movie 1 is not among the first 1")).to_be_visible()
    expect(dialog.get_by_role("button", name="Activate")).to_be_disabled()
    dialog.get_by_role("button", name="Cancel").click()
    path = f"{path}/{reply.json()['id']}"
    expect(page.request.delete(path, headers=origin)).to_be_ok()


def test_a_run_is_watched_and_its_model_is_live_until_it_is_rolled_back(page, service):
    promote(service, register(page))
    page.reload()
    page.get_by_role("link", name="Models").click()
    page.get_by_role("link", name="Training", exact=True).click()
    summary = page.locator("summary", has_text="Ranking head")
    summary.click()
    ranking = page.get_by_role("group").filter(has=summary)
    ranking.get_by_label("Factors", exact=True).fill("4")
    ranking.get_by_label("Sweeps", exact=True).fill("2")
    page.get_by_label("Evaluate before").select_option("always")
    page.get_by_role("checkbox", name="Make the model live").uncheck()

    # What is out of range is said beside the field, before anything is sent.
    start_run(page, preset="latent", factors="300", sweeps="3")
    expect(page.get_by_label("Factors", exact=True).first).to_be_focused()
    start_run(page, preset="latent", factors="4", sweeps="3")

    # The curves grow while one looks; another run waits for it, or is at work by then.
    first = page.get_by_role("region", name="Run 2")
    expect(first.get_by_role("progressbar")).to_be_visible()
    expect(first.get_by_text("Held-out ratings", exact=True)).to_be_visible()
    start_run(page, preset="bias", sweeps="3")
    second = page.get_by_role("region", name="Run 3")
    second.get_by_role("button", name="Stop").click()
    page.get_by_role("dialog").get_by_role("button", name="Stop").click()
    expect(second.get_by_text("Stopped")).to_be_visible()
    page.get_by_role("link", name="Run 2").click()
    expect(first.get_by_text("Done")).to_be_visible()
    page.set_viewport_size({"width": 320, "height": 640})
    assert fits(page)

    # Its card, and the way into service: gated by what a dummy user must get.
    first.get_by_role("link", name="Model 2").click()
    expect(page.get_by_role("row", name=re.compile("Popularity"))).to_be_visible()
    assert fits(page)
    is_refused_while_expectations_fail(page, service)
    page.get_by_role("button", name="Activate").click()
    page.get_by_role("dialog").get_by_role("button", name="Activate").click()
    expect(page.get_by_text("Live", exact=True)).to_be_visible()

    # Side by side, back in one click, and gone.
    page.goto("/#/models")
    for n in (1, 2):
        page.get_by_role("checkbox", name=f"Compare model {n}").check()
    expect(page.get_by_role("heading", name="Model 1 and model 2")).to_be_visible()
    assert fits(page)
    page.get_by_role("button", name="Roll back to model 1").click()
    serving = page.get_by_role("row", name=re.compile("Model 1.*Live"))
    expect(serving).to_contain_text("A live model cannot be deleted")
    page.get_by_role("button", name="Delete model 2").click()
    page.get_by_role("dialog").get_by_role("button", name="Delete").click()
    expect(page.get_by_role("checkbox", name="Compare model 2")).to_have_count(0)
