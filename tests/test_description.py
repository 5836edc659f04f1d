"""The server's own description of itself, tried by schemathesis with random requests."""

import re
import subprocess
import sys

import pytest

import regard
from test_server import running

TOOL = "schemathesis>=4,<5"
CHECKS = (
    "not_a_server_error", "status_code_conformance", "content_type_conformance",
    "response_schema_conformance",
)  # fmt: skip


@pytest.mark.parametrize(
    ("examples", "least"),
    [
        pytest.param(400, 1000, marks=pytest.mark.registry),
        pytest.param(6000, 10_000, marks=pytest.mark.proof),
    ],
)
def test_random_requests_get_answers_that_the_description_allows(examples, least, tmp_path):
    """`examples` are for each address; some have few that differ."""
    subprocess.run([sys.executable, "-m", "venv", str(tmp_path / "venv")], check=True)
    programs = tmp_path / "venv" / "bin"
    subprocess.run([programs / "python", "-m", "pip", "install", "-q", TOOL], check=True)
    with running(regard.models.DEFAULT) as (_, address):
        command = [
            programs / "schemathesis", "run", f"{address}/spec", "--url", address,
            "-n", str(examples), "--checks", ",".join(CHECKS), "--phases", "coverage,fuzzing",
            "--seed", "1",
        ]  # fmt: skip
        done = subprocess.run(command, cwd=tmp_path, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout[-8000:] + done.stderr[-2000:]
    counted = re.search(r"([\d,]+) generated", done.stdout)
    assert counted and int(counted[1].replace(",", "")) >= least, done.stdout[-2000:]
