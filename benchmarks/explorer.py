"""The response time of the explorer, and of `regard explain` in a new process.

    python benchmarks/explorer.py

Times requests to a running `regard explore`, and the command `regard explain --out`.
"""

import argparse
import json
import re
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from functools import partial
from pathlib import Path
from statistics import median
from typing import Any
from urllib.request import Request, urlopen

from regard import models
from regard.files import write_json
from regard.system import describe_system

HERE = Path(__file__).resolve().parent
SENTENCE = "The old man in the red house did not want to sell his two white horses to us."
REQUESTS, PICTURES = 30, 7
"""Measurements of each request, and of the picture."""


@contextmanager
def exploring(model: Path) -> Iterator[str]:
    """The address of a running explorer."""
    command = [sys.executable, "-m", "regard", "explore", "--no-browser", "--port", "0"]
    with subprocess.Popen(
        [*command, "--model", str(model)], stderr=subprocess.PIPE, text=True
    ) as server:
        assert server.stderr is not None
        matches = (re.search(r"http://[\d.:]+/", line) for line in server.stderr)
        try:
            yield next(match[0] for match in matches if match)
        finally:
            server.send_signal(signal.SIGINT)


def post(address: str, path: str, content: dict[str, Any]) -> Any:
    body = json.dumps(content).encode()
    request = Request(address + path, body, {"content-type": "application/json"})
    with urlopen(request, timeout=60) as answer:
        return json.load(answer)


def milliseconds(times: int, work: Callable[[], object]) -> dict[str, float]:
    taken = []
    for _ in range(times):
        began = time.perf_counter()
        work()
        taken.append(1000 * (time.perf_counter() - began))
    return {"median ms": round(median(taken), 1), "worst ms": round(max(taken), 1)}


def measure_answers(model: Path) -> dict[str, Any]:
    with exploring(model) as address:
        plain = {"model": model_name(address), "text": SENTENCE}
        first = post(address, "api/explain", plain)["explanation"]
        other = [*first["target"]["ids"][:3], first["next"][3][1]["id"]]
        requests: dict[str, tuple[str, dict[str, Any]]] = {
            "a translation, beam 5": ("api/explain", {"beam": 5}),
            "another word": ("api/explain", {"prefix": other}),
            "a forbidden word": ("api/explain", {"score_changes": [[-1, 3, None]]}),
            "a dragged weight": ("api/set-weight", {"step": 2, "source_token": 3, "weight": 0.9}),
        }
        return {
            name: milliseconds(REQUESTS, partial(post, address, path, plain | change))
            for name, (path, change) in requests.items()
        }


def model_name(address: str) -> str:
    with urlopen(f"{address}api/models", timeout=60) as answer:
        return str(json.load(answer)["models"][0]["name"])


def measure_picture(model: Path) -> dict[str, float]:
    with tempfile.TemporaryDirectory() as folder:
        files = iter(Path(folder) / f"{number}.png" for number in range(PICTURES + 1))

        def draw() -> None:
            command = [sys.executable, "-m", "regard", "explain", SENTENCE, "--model", str(model)]
            subprocess.run([*command, "--out", str(next(files))], check=True, capture_output=True)

        draw()  # the first one finds matplotlib's fonts, once on a machine
        return milliseconds(PICTURES, draw)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("--model", type=Path, default=models.DEFAULT)
    parser.add_argument("--out", type=Path, default=HERE / "results" / "explorer.json")
    arguments = parser.parse_args()
    result = {
        "model": arguments.model.stem,
        "words": len(SENTENCE.split()),
        "answers of the page": measure_answers(arguments.model),
        "explain to PNG in a new process": measure_picture(arguments.model),
        "system": describe_system(),
    }
    write_json(arguments.out, result)
    print(json.dumps(result, indent=2))


if __name__ == "__main__":
    main()
