"""What the README shows is what happens."""

import re
import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).parent.parent


def test_the_example_prints_what_the_readme_says():
    text = (ROOT / "README.md").read_text()
    example = re.search(r"```python\n(.*?)```.*?```text\n(.*?)```", text, re.DOTALL)
    assert example is not None

    ran = subprocess.run(
        [sys.executable, "-c", example[1]],
        cwd=ROOT,
        check=True,
        capture_output=True,
        text=True,
    )

    assert ran.stdout == example[2]


def test_every_file_the_readme_points_to_is_there():
    text = (ROOT / "README.md").read_text()

    linked = re.findall(r"\]\(([^):#]+)\)", text)

    assert linked
    assert [path for path in linked if not (ROOT / path).exists()] == []
