"""TMDB's client costs nothing where nobody asks TMDB."""

import subprocess
import sys

IS_LOADED = """
import sys
import api.main
import api.commands.main

sys.exit("httpx" in sys.modules)
"""


def test_a_web_process_does_not_load_httpx():
    done = subprocess.run([sys.executable, "-c", IS_LOADED], check=False)

    assert done.returncode == 0
