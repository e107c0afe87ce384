"""The built app: compressed once, cached for as long as its names allow."""

from pathlib import Path

import pytest

from api.main import FRONTEND

pytestmark = pytest.mark.anyio


@pytest.fixture
def script() -> Path:
    """The largest script of the app."""
    return max((FRONTEND / "assets").glob("*.js"), key=lambda path: path.stat().st_size)


@pytest.mark.parametrize(
    ("accepted", "encoding"),
    [("gzip, deflate, br", "br"), ("gzip", "gzip"), ("identity", None), ("", None)],
)
async def test_a_script_is_sent_as_the_browser_takes_it(
    anonymous, script, accepted, encoding
):
    headers = {"Accept-Encoding": accepted}

    reply = await anonymous.get(f"/assets/{script.name}", headers=headers)

    assert reply.headers.get("content-encoding") == encoding
    assert reply.headers["content-type"].startswith("text/javascript")
    assert reply.headers["vary"] == "Accept-Encoding"
    assert reply.headers["cache-control"] == "public, max-age=31536000, immutable"
    sent = int(reply.headers["content-length"])
    assert (
        sent < script.stat().st_size / 2 if encoding else sent == script.stat().st_size
    )
    if encoding != "br":
        assert reply.content == script.read_bytes()


async def test_the_page_is_compressed_and_revalidated(anonymous):
    reply = await anonymous.get("/", headers={"Accept-Encoding": "gzip"})

    assert reply.status_code == 200
    assert reply.headers["content-type"].startswith("text/html")
    assert reply.headers["cache-control"] == "no-cache"
    assert "<html" in reply.text
