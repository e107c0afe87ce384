"""A real browser on a real service."""

import os
import shutil
from collections.abc import Iterator

import pytest
from playwright.sync_api import Browser, Page, expect, sync_playwright

from tests.service import Service, running

ARGUMENTS = (
    "--no-sandbox",  # the tests may run as root
    "--disable-gpu",
    "--disable-background-networking",
    "--disable-component-update",
)


@pytest.fixture(scope="session")
def browser() -> Iterator[Browser]:
    """Debian's Chromium; without one the tests are skipped, but never in CI."""
    path = shutil.which("chromium") or shutil.which("chromium-browser")
    if path is None:
        message = "no Chromium on this machine: browser tests not run"
        if os.environ.get("CI") == "true":
            pytest.fail(message)
        pytest.skip(message)
    with sync_playwright() as playwright:
        launched = playwright.chromium.launch(executable_path=path, args=ARGUMENTS)
        yield launched
        launched.close()


@pytest.fixture(scope="module")
def service(prepared, tmp_path_factory) -> Iterator[Service]:
    """The service on the prepared data folder; tests register users of their own."""
    with running(prepared, tmp_path_factory.mktemp("e2e") / "log") as started:
        yield started


@pytest.fixture
def page(browser, service, request) -> Iterator[Page]:
    """A page in a fresh profile; a console error or a CSP report fails the test.

    But for the statuses that the test is marked to expect.
    """
    with browser.new_context(base_url=service.url, locale="en") as context:
        page = context.new_page()
        page.set_default_timeout(20_000)
        expect.set_options(timeout=20_000)
        faults: list[str] = []
        page.on("pageerror", lambda error: faults.append(str(error)))
        page.on(
            "console",
            lambda message: (
                faults.append(message.text) if message.type == "error" else None
            ),
        )
        yield page
        marker = request.node.get_closest_marker("expects_status")
        # 401: /me, asked before anybody is signed in
        statuses = (401, *(marker.args if marker else ()))
        expected = tuple(f"status of {status}" for status in statuses)
        assert [f for f in faults if not any(text in f for text in expected)] == []
