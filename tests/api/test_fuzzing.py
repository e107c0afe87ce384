"""The running service held against its OpenAPI document by schemathesis.

`FUZZ_EXAMPLES` is the number of random examples of an operation and role, beside the
systematic ones that an administrator's key sends at every push.
"""

import os
import subprocess
import sys
from pathlib import Path

import httpx
import pytest

from tests.conftest import PASSWORD
from tests.service import Service, running

N_EXAMPLES = int(os.environ.get("FUZZ_EXAMPLES", "2"))
CONFIGURATION = Path(__file__).parent.parent / "schemathesis.toml"
# A stream does not end; files are no JSON; these two would compute for minutes; a user
# who signs out in between is nobody.
LEFT_OUT = (
    "/events$|/import$|^/bulk/|^/experiments/simulation$|^/training-runs$|^/auth/"
)

pytestmark = pytest.mark.timeout(120 + 300 * N_EXAMPLES)


@pytest.fixture(scope="module")
def service(prepared, tmp_path_factory):
    """A service on a copy of the prepared folder: what is sent here changes it."""
    folder = tmp_path_factory.mktemp("fuzzing")
    subprocess.run(["/bin/cp", "--archive", prepared, folder / "data"], check=True)
    with running(folder / "data", folder / "log") as started:
        yield started


@pytest.fixture(params=["anonymous", "user", "key"])
def headers(request, service) -> dict[str, str]:
    """The headers of each role but an administrator."""
    if request.param == "anonymous":
        return {}
    if request.param == "key":
        return bearer(service, "read", "rate", "serve")
    credentials = {"username": "fuzzed", "password": PASSWORD}
    origin = {"Origin": service.url}
    url = f"{service.url}/auth/register"
    reply = httpx.post(url, json=credentials, headers=origin)
    assert reply.status_code == 201, reply.text
    cookie = "; ".join(f"{name}={value}" for name, value in reply.cookies.items())
    return {**origin, "Cookie": cookie}


def bearer(service: Service, *scopes: str) -> dict[str, str]:
    """Make a key and the header that shows it."""
    return {"Authorization": f"Bearer {service.create_key(*scopes)}"}


def fuzz(service: Service, headers: dict[str, str], *options: str) -> None:
    """Run schemathesis; what it finds is the message of the failure."""
    shown = [
        word for name, value in headers.items() for word in ("-H", f"{name}: {value}")
    ]
    done = subprocess.run(
        [
            *(
                Path(sys.executable).parent / "schemathesis",
                "--config-file",
                CONFIGURATION,
            ),
            *("run", f"{service.url}/openapi.json", "--exclude-path-regex", LEFT_OUT),
            *("--no-shrink", "--continue-on-failure"),
            *(*shown, *options),
        ],
        cwd=service.data_dir.parent,
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stdout


def test_the_service_keeps_to_its_document_in_systematic_cases(service):
    fuzz(
        service,
        bearer(service, "read", "rate", "serve", "admin"),
        *("--phases", "coverage"),
    )


def test_the_service_keeps_to_its_document_in_random_cases(service, headers):
    options = ["--phases", "fuzzing", "--max-examples", str(N_EXAMPLES), "--seed", "1"]

    fuzz(service, headers, *options)
