"""Does a line of any length end in time? Lines of 5,000 and of 50,000 characters of many kinds.

    python benchmarks/long_lines.py [--model MODEL]

Prints the seconds of both, their ratio, and the memory that the process had at most.
"""

import argparse
import json
import resource
import time
from collections.abc import Callable
from functools import partial
from pathlib import Path
from random import Random

import regard
from regard.files import write_json
from regard.models import DEFAULT
from regard.system import describe_system
from regard.translator import Translator

HERE = Path(__file__).resolve().parent
SHORT, LONG = 5_000, 50_000
WORDS = [
    "the",
    "dog",
    "and",
    "a",
    "cat,",
    "who",
    "saw",
    "it",
    "near",
    "our",
    "old",
    "house;",
    "then",
    "they",
    "went",
    "home",
    "with",
    "me",
]


def repeated(template: str, random: Random, length: int) -> str:
    """Copies of a template, each with words of its own: equal sentences would be searched once."""
    words = [word.strip(",;") for word in WORDS]
    copies = (template.format(*random.choices(words, k=2)) for _ in range(length // 8))
    return "".join(copies)[:length]


LINES: dict[str, Callable[[Random, int], str]] = {
    "sentences": partial(
        repeated, "The {} said that it had read the {} and would answer it in the spring. "
    ),
    "words without marks": lambda random, length: " ".join(
        random.choice(WORDS).strip(",;") for _ in range(length // 4)
    )[:length],
    "clauses": lambda random, length: " ".join(random.choice(WORDS) for _ in range(length // 4))[
        :length
    ],
    "one letter": lambda _, length: "x" * length,
    "letters without a space": lambda random, length: "".join(
        random.choices("abcdefghij", k=length)
    ),
    "base64": lambda random, length: "".join(random.choices("ABCDEFabcdef0123456789+/", k=length)),
    "one Chinese sign": lambda _, length: "漢" * length,
    "digits": lambda random, length: "".join(random.choices("0123456789", k=length)),
    "numbers": lambda random, length: " ".join(
        str(random.randint(1, 9999)) for _ in range(length // 4)
    )[:length],
    "full stops": lambda _, length: "." * length,
    "emoji": lambda _, length: "🙂" * length,
    "placeholders": partial(repeated, "{{name}} is {} %s, {} "),
    "tags": partial(repeated, "<b>the {}</b> {} "),
    "combining marks": lambda _, length: "e\u0301" * (length // 2),
    "capitals": lambda random, length: " ".join(
        random.choice(WORDS).upper() for _ in range(length // 4)
    )[:length],
    "tabs": lambda _, length: "cat\t" * (length // 4),
    "opening brackets": lambda _, length: "(" * length,
    "apostrophes": lambda _, length: "l'" * (length // 2),
}


def seconds(translator: Translator, line: str) -> float:
    began = time.monotonic()
    translator.translate([line])
    return time.monotonic() - began


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("--model", type=Path, default=DEFAULT)
    parser.add_argument("--out", type=Path, default=HERE / "results" / "long_lines.json")
    asked = parser.parse_args()
    translator = regard.load(asked.model)
    seconds(translator, LINES["sentences"](Random(0), 320))  # builds the graphs
    results = {}
    for name, make in LINES.items():
        short, long = (seconds(translator, make(Random(1), size)) for size in (SHORT, LONG))
        results[name] = {
            "seconds_5000": round(short, 3),
            "seconds_50000": round(long, 3),
            "ratio": round(long / short, 1),
        }
        print(f"{short:8.3f} s {long:8.3f} s {long / short:6.1f}  {name}", flush=True)
    report = {
        "model": asked.model.name,
        "lines": results,
        "peak_MB": resource.getrusage(resource.RUSAGE_SELF).ru_maxrss // 1024,
        "system": describe_system(),
    }
    write_json(asked.out, report)
    print(json.dumps({"peak_MB": report["peak_MB"]}))


if __name__ == "__main__":
    main()
