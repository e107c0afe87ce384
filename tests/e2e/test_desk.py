"""Training code read and edited, and people looked after, in a real browser."""

import re
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import psycopg
import pytest
from playwright.sync_api import Page, expect

from api.storage.embedded_postgres import server_url
from tests.e2e.journeys import fits, promote, register
from tests.service import Service

pytestmark = [pytest.mark.e2e, pytest.mark.timeout(120)]

ENGINE = Path(__file__).parents[2] / "engine"
NARROW = {"width": 320, "height": 640}


def promoted(page: Page, service: Service) -> str:
    """Register an administrator; return their name."""
    username = register(page)
    promote(service, username)
    page.reload()
    return username


def test_an_edit_of_the_training_code_becomes_a_patch(page, service, tmp_path):
    promoted(page, service)
    model_id = page.request.get("/health/ready").json()["model"]["id"]

    # The code that made the model, in colour.
    page.goto("/#/proposals?status=accepted")
    expect(page.get_by_text("There are no such proposals.")).to_be_visible()
    page.get_by_role("link", name=f"Code of model {model_id}").press("Enter")
    page.get_by_role("link", name="engine/training/fit.py").press("Enter")
    page.get_by_role("link", name="engine/training/als.py").press("Enter")
    code = page.get_by_role("region", name="engine/training/als.py")
    expect(code).to_contain_text("def half_step(")
    expect(code.get_by_text("return", exact=True).first).to_have_class(re.compile("."))
    page.set_viewport_size(NARROW)
    assert fits(page)

    # An edit shows its diff while it is made.
    page.get_by_role("link", name="Propose an edit").press("Enter")
    editor = page.get_by_label("Module text")
    expect(editor).to_be_focused()
    page.get_by_role("button", name="Propose the edit").click()
    expect(page.get_by_text("The module is unchanged.")).to_be_visible()
    before = editor.input_value()
    after = before.replace("_INITIAL_SCALE = 0.1", "_INITIAL_SCALE = 0.01")
    editor.fill(after)
    diff = page.get_by_role("region", name="Changes to engine/training/als.py")
    expect(diff.locator("[data-kind=added]")).to_contain_text("_INITIAL_SCALE = 0.01")
    expect(diff.locator("[data-kind=removed]")).to_contain_text("_INITIAL_SCALE = 0.1 ")
    page.get_by_role("button", name="Propose the edit").click()
    expect(
        page.get_by_text("The purpose is empty. Say what the edit is for.")
    ).to_be_visible()
    assert fits(page)
    page.get_by_label("Purpose").fill("Start smaller\n\nIt is safer.")
    page.get_by_role("button", name="Propose the edit").press("Enter")

    # It is discussed, applies, and is accepted.
    expect(page.get_by_role("heading", name="Start smaller", level=1)).to_be_visible()
    page.get_by_label("Your comment").fill("By how much?")
    page.get_by_role("button", name="Add comment").click()
    expect(page.get_by_role("listitem").filter(has_text="By how much?")).to_be_visible()
    assert fits(page)
    with page.expect_download() as download:
        page.get_by_role("link", name="Download the patch").click()
    module = tmp_path / "engine" / "training" / "als.py"
    module.parent.mkdir(parents=True)
    module.write_text(before)
    command = ["/usr/bin/env", "git", "apply", str(download.value.path())]
    subprocess.run(command, cwd=tmp_path, check=True)
    assert module.read_text() == after != (ENGINE / "training" / "als.py").read_text()

    page.get_by_role("button", name="Accept").click()
    page.get_by_role("dialog").get_by_role("button", name="Accept").press("Enter")
    expect(page.get_by_role("button", name="Accept")).to_have_count(0)
    page.get_by_role("link", name="Code", exact=True).click()
    page.get_by_role("link", name="Open", exact=True).click()
    expect(page.get_by_text("There are no such proposals.")).to_be_visible()
    page.get_by_role("link", name="Accepted", exact=True).click()
    expect(page.get_by_role("link", name="Start smaller")).to_be_visible()
    assert fits(page)


def test_anybody_reads_the_code_and_proposes_but_does_not_decide(page):
    register(page)
    page.goto("/#/for-you")
    page.get_by_role("link", name=re.compile("^Code of model")).click()
    page.get_by_role("link", name="Propose an edit").click()
    page.get_by_label("Module text").fill("pass\n")
    page.get_by_label("Purpose").fill("Less is more")
    page.get_by_role("button", name="Propose the edit").click()

    expect(page.get_by_role("heading", name="Less is more", level=1)).to_be_visible()
    page.get_by_label("Your comment").fill("By how much?")
    page.get_by_role("button", name="Add comment").click()
    expect(page.get_by_role("listitem").filter(has_text="By how much?")).to_be_visible()
    expect(page.get_by_role("button", name="Accept")).to_have_count(0)
    page.get_by_role("link", name="Code", exact=True).click()
    expect(page.get_by_role("link", name="Less is more").first).to_be_visible()
    expect(page.get_by_role("link", name="Administration")).to_have_count(0)
    page.goto("/#/models")
    expect(page.get_by_role("heading", name="Page not found")).to_be_visible()


@contextmanager
def alone(service: Service, username: str) -> Iterator[None]:
    """Lock the other administrators meanwhile."""
    with (
        server_url(service.data_dir) as url,
        psycopg.connect(url.replace("+psycopg", "", 1), autocommit=True) as connection,
    ):
        locked = connection.execute(
            "UPDATE users SET is_disabled = true"
            " WHERE is_admin AND NOT is_disabled AND username <> %s RETURNING id",
            (username,),
        ).fetchall()
        try:
            yield
        finally:
            connection.execute(
                "UPDATE users SET is_disabled = false WHERE id = ANY(%s)",
                ([user_id for (user_id,) in locked],),
            )


@pytest.mark.expects_status(409)
def test_people_are_locked_and_the_last_administrator_never(page, service):
    username = promoted(page, service)
    page.goto("/#/admin")
    page.get_by_text("Add a user", exact=True).first.click()
    page.get_by_label("Username").fill(f"new-{username}")
    page.get_by_role("button", name="Add a user").click()
    expect(page.get_by_role("status").locator("code")).to_have_text(re.compile(".{20}"))

    # Found by a part of the name, made an administrator, and locked.
    page.get_by_label("Search users").fill(f"new-{username}")
    page.wait_for_url("**/*search=*")
    row = page.get_by_role("row").filter(has_text=f"new-{username}")
    row.get_by_role("button", name=f"Disable: new-{username}").press("Enter")
    page.get_by_role("dialog").get_by_role("button", name="Disable").press("Enter")
    expect(row.get_by_role("button", name=f"Enable: new-{username}")).to_be_visible()
    page.reload()
    expect(row).to_contain_text("Disabled")
    row.get_by_role("button", name=f"Enable: new-{username}").press("Enter")
    expect(row).to_contain_text("Allowed")

    # What is refused is taken back, and says why.
    page.get_by_label("Search users").fill(username)
    own = page.get_by_role("row", name=re.compile(f"^{username}"))
    with alone(service, username):
        own.get_by_role("button", name=f"Make user: {username}").click()
        page.get_by_role("dialog").get_by_role("button", name="Make user").click()
        told = page.get_by_role("region", name="Messages")
        expect(told).to_contain_text("Make someone else an administrator first.")
        expect(own).to_contain_text("Administrator")
    page.set_viewport_size(NARROW)
    assert fits(page)


def test_jobs_storage_and_keys_are_seen_and_a_key_is_revoked(page, service):
    username = promoted(page, service)
    key = {"name": f"key of {username}", "scopes": ["read"]}
    headers = {"origin": service.url}
    expect(page.request.post("/api-keys", data=key, headers=headers)).to_be_ok()
    user_id = page.request.get("/me").json()["id"]
    expect(
        page.request.post(
            f"/ratings/{user_id}/import",
            data="movie_id,rating\n1,4\n",
            headers={**headers, "content-type": "text/csv"},
        )
    ).to_be_ok()
    page.goto("/#/admin?tab=jobs")
    page.set_viewport_size(NARROW)
    expect(page.get_by_role("row").filter(has_text="Run 1")).to_contain_text("Model 1")
    imported = page.get_by_role("row").filter(has_text="1 new, 0 changed")
    expect(imported.filter(has_text=username)).to_have_count(1)
    assert fits(page)

    page.get_by_role("link", name="Storage and keys").click()
    expect(page.get_by_role("row").filter(has_text="movie_statistics")).to_be_visible()
    assert fits(page)
    row = page.get_by_role("row").filter(has_text=f"key of {username}")
    expect(row).to_contain_text(username)
    row.get_by_role("button", name=re.compile("^Revoke")).click()
    page.get_by_role("dialog").get_by_role("button", name="Revoke").click()

    expect(row).to_have_count(0)
    assert page.request.get("/api-keys").json()["items"] == []
