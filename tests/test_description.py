"""The server's own description of itself, tried by schemathesis with 10,000 requests."""

import re
import subprocess
import sys

import pytest

import regard
from test_server import running

pytestmark = pytest.mark.registry

TOOL = "schemathesis>=4,<5"
CASES = 10_000
EXAMPLES = 6000
"""For each address; some have few that differ."""
CHECKS = (
    "not_a_server_error", "status_code_conformance", "content_type_conformance",
    "response_schema_conformance",
)  # fmt: skip


def test_ten_thousand_requests_get_answers_that_the_description_allows(tmp_path):
    subprocess.run([sys.executable, "-m", "venv", str(tmp_path / "venv")], check=True)
    programs = tmp_path / "venv" / "bin"
    subprocess.run([programs / "python", "-m", "pip", "install", "-q", TOOL], check=True)
    with running(regard.models.DEFAULT) as (_, address):
        command = [
            programs / "schemathesis", "run", f"{address}/spec", "--url", address,
            "-n", str(EXAMPLES), "--checks", ",".join(CHECKS), "--phases", "coverage,fuzzing",
            "--seed", "1",
        ]  # fmt: skip
        done = subprocess.run(command, cwd=tmp_path, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout[-8000:] + done.stderr[-2000:]
    counted = re.search(r"([\d,]+) generated", done.stdout)
    assert counted and int(counted[1].replace(",", "")) >= CASES, done.stdout[-2000:]
