"""Waiting times of a visitor in the app: ``python -m benchmarks.browser``.

Starts the service on the bundled sample in a folder of its own and needs Chromium. The
largest paint is of a first visit, nothing cached, with the processor slowed down four
times; a rating's wait is from the key press to the frame that shows the new order.
"""

import shutil
from collections.abc import Sequence
from pathlib import Path
from statistics import median
from tempfile import TemporaryDirectory

from playwright.sync_api import Browser, Page, expect, sync_playwright

from tests.e2e.conftest import ARGUMENTS
from tests.e2e.journeys import register
from tests.service import running

SLOWER = 4
N_LOADS = 5
KEYS = "545234152453"
PAGES = ("sign-in", "browse", "for-you", "start", "insights")

LARGEST_PAINT = """() => new Promise(done => {
  new PerformanceObserver(list => done(list.getEntries().at(-1).startTime))
    .observe({ type: 'largest-contentful-paint', buffered: true });
})"""
# Waits until what the observed row shows has changed and been painted.
WATCH = """row => {
  const order = () => [...row.querySelectorAll('.poster-link')].map(a => a.hash).join();
  let before = order();
  let pressed = 0;
  window.waits = [];
  addEventListener('keydown', () => { pressed = performance.now(); }, true);
  new MutationObserver(() => {
    if (!pressed || order() === before) return;
    const began = pressed;
    const push = () => waits.push(performance.now() - began);
    [before, pressed] = [order(), 0];
    requestAnimationFrame(() => setTimeout(push));
  }).observe(row, { childList: true, subtree: true });
}"""


def main() -> None:
    """Print one line per page, and one each for ratings with and without an account."""
    with (
        TemporaryDirectory() as folder,
        running(Path(folder) / "data", Path(folder) / "log") as service,
        sync_playwright() as playwright,
    ):
        chromium = playwright.chromium.launch(
            executable_path=shutil.which("chromium"), args=ARGUMENTS
        )
        for name in PAGES:
            paints = [paint(chromium, service.url, name) for _ in range(N_LOADS)]
            report(f"largest paint of {name}, processor {SLOWER} x slower", paints)
        for is_guest in (False, True):
            waits = rate(chromium, service.url, is_guest=is_guest)
            who = "without an account" if is_guest else "with an account"
            report(f"key press to new order, {who}", waits)
        chromium.close()


def report(what: str, milliseconds: Sequence[float]) -> None:
    """Print the middle and the worst."""
    print(
        f"{what}: median {median(milliseconds):.0f} ms, "
        f"worst of {len(milliseconds)} {max(milliseconds):.0f} ms"
    )


def paint(chromium: Browser, url: str, name: str) -> float:
    """Load a page of the app for the first time, without an account."""
    with chromium.new_context(base_url=url, locale="en") as context:
        page = context.new_page()
        if name not in ("sign-in", "insights"):
            page.add_init_script("localStorage['cinefold.kept-ratings'] = '[]'")
        session = context.new_cdp_session(page)
        session.send("Emulation.setCPUThrottlingRate", {"rate": SLOWER})
        page.goto(f"/#/{name}")
        page.wait_for_load_state("networkidle")
        expect(page.locator(".skeleton")).to_have_count(0)
        page.wait_for_timeout(500)
        milliseconds: float = page.evaluate(LARGEST_PAINT)
        return milliseconds


def rate(chromium: Browser, url: str, *, is_guest: bool) -> Sequence[float]:
    """Answer questions by keyboard; return how long the row took each time."""
    with chromium.new_context(base_url=url, locale="en") as context:
        page = context.new_page()
        if is_guest:
            page.goto("/")
            page.get_by_role("link", name="Try it without an account").click()
        else:
            register(page)
        row = page.get_by_role("region", name="For you so far")
        expect(row.get_by_role("listitem")).to_have_count(12)
        page.wait_for_load_state("networkidle")
        row.evaluate(WATCH)
        for n_before, key in enumerate(KEYS):
            answer(page, key)
            page.wait_for_function("n => waits.length > n", arg=n_before)
            page.wait_for_load_state("networkidle")
        waits: list[float] = page.evaluate("waits")
        return waits


def answer(page: Page, key: str) -> None:
    """Rate the next movie that the app asks about."""
    unrated = page.get_by_role("region", name="Movies to rate").locator(
        ".star-input[data-rated=false]"
    )
    if unrated.count() == 0:
        page.get_by_role("button", name="Show other movies").click()
    unrated.first.get_by_role("radio").first.press(key)


if __name__ == "__main__":
    main()
