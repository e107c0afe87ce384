"""The examples of the how-to for programs run against a real service."""

import os
import re
import subprocess
import sys
from pathlib import Path

import pytest

from tests.service import running

PAGE = Path(__file__).parents[3] / "docs" / "how-to" / "client.md"

pytestmark = pytest.mark.timeout(240)


def test_the_examples_do_what_the_page_says(copy_of_prepared, tmp_path):
    examples = re.findall(r"```python\n(.*?)```", PAGE.read_text(), re.DOTALL)

    with running(copy_of_prepared(), tmp_path / "log") as service:
        environment = {
            **os.environ,
            "CINEFOLD_URL": service.url,
            "CINEFOLD_KEY": service.create_key("serve", "admin"),
        }
        printed = [
            subprocess.run(
                [sys.executable, "-c", example],
                env=environment,
                check=True,
                stdout=subprocess.PIPE,
                text=True,
            ).stdout.splitlines()
            for example in examples
        ]

    rated, found, trained = printed
    assert "Star Wars: Episode IV - A New Hope 4.5" in rated
    assert [line.split()[0] for line in rated[-4:-1]] == ["1", "2", "3"]
    assert rated[-1] == "422 invalid-request Value error, must be a multiple of 0.5"
    assert found == ["Toy Story Star Wars: Episode IV - A New Hope", "Toy Story"]
    assert trained[0].startswith("succeeded")
    assert "rating head" in trained[0]
    assert "id=2" in trained[1]
