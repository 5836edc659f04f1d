"""Run a Multi30k recipe again: train, score the test set as papers do, write the result.

    python recipes/run.py multi30k-en-fr
    python recipes/run.py multi30k-en-fr --name none model.attention=none
    python recipes/run.py multi30k-en-fr-tuned --start-from en-fr

An interrupted run resumes; a finished one is only scored again.
"""

import argparse
import json
import sys
import time
from collections.abc import Callable
from pathlib import Path

from rich.console import Console

import regard
from regard.config import SearchOptions
from regard.errors import RegardError
from regard.evaluation import by_length, measure
from regard.files import write_json
from regard.settings import override, read_config
from regard.storage import folder as checkpoint
from regard.system import describe_system
from regard.training.loop import Outcome
from regard.training.report import console_report

HERE = Path(__file__).parent
LENGTHS = (8, 11, 14, 18)
"""Edges of the buckets of source words, each with enough of the 1,000 test sentences."""


def read(data: Path, part: str, code: str) -> list[str]:
    return (data / f"{part}.{code}").read_text("utf-8").split("\n")[:-1]


def score(model: Path | str, data: Path, part: str, code: str) -> dict[str, object]:
    """Quality on one set by beam search, in both conventions."""
    translator = regard.load(model)
    sources, references = read(data, part, "en"), read(data, part, code)
    began = time.monotonic()
    translations = translator.translate_sentences(sources)
    seconds = time.monotonic() - began
    texts = [one.text for one in translations]
    quick = translator.with_options(SearchOptions(beam=1))
    greedy = [one.text for one in quick.translate_sentences(sources)]
    return {
        "sentences": len(sources),
        "beam": translator.options.beam,
        "seconds": round(seconds, 1),
        "truncated": sum(one.finish_reason != "eos" for one in translations),
        "multi30k": [q._asdict() for q in measure(texts, references, code, "multi30k")],
        "sacrebleu": [q._asdict() for q in measure(texts, references, code, "sacrebleu")],
        "greedy": [q._asdict() for q in measure(greedy, references, code, "multi30k")],
        "bleu_by_source_words": [
            bucket._asdict() for bucket in by_length(sources, texts, references, code, LENGTHS)
        ],
    }


def train(
    recipe: str,
    options: list[str],
    text: tuple[Path, Path],
    data: Path,
    folder: Path,
    begun: Path | str = "",
) -> Outcome:
    """Train as the recipe says, from scratch or from the model `begun`; a finished run is only
    read."""
    code = recipe.split("-")[2]
    settings = override(read_config(HERE / f"{recipe}.toml"), options)
    valid = [data / f"val.{side}" for side in ("en", code)]
    with console_report(Console(stderr=True)) as report:
        return regard.train(text, folder, valid, f"en-{code}", settings, begun, report)


def result(
    recipe: str, options: list[str], outcome: Outcome, data: Path, folder: Path
) -> dict[str, object]:
    """The quality of the best weights."""
    code = recipe.split("-")[2]
    return {
        "recipe": recipe,
        "options": options,
        "minutes": round(outcome.seconds / 60, 1),
        "updates": outcome.updates,
        "kept": outcome.best_update,
        "parameters": sum(t.size for t in checkpoint.load_weights(folder).values()),
        "validation": outcome.quality,
        "test_2016_flickr": score(folder, data, "test_2016_flickr", code),
        "val": score(folder, data, "val", code),
        "system": describe_system(),
    }


def write_result(content: dict[str, object], name: str) -> None:
    write_json(HERE / "results" / f"{name}.json", content)
    print(json.dumps(content, indent=2))


def as_command(main: Callable[[], None]) -> None:
    """A mistake is reported in three lines; Ctrl-C says that the same command resumes."""
    try:
        main()
    except RegardError as error:
        sys.exit(str(error))
    except KeyboardInterrupt:
        sys.exit("stopped; run the same command again to resume")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("recipe", help="like multi30k-en-fr")
    parser.add_argument("options", nargs="*", help="section.option=value on top of the recipe")
    parser.add_argument("--name", default="", help="added to the result's name")
    parser.add_argument(
        "--start-from", default="", help="a model to fine-tune: folder, file or name"
    )
    parser.add_argument("--data", type=Path, default=HERE.parents[1] / "shared/data/multi30k")
    parser.add_argument("--out", type=Path, default=HERE.parent / "runs")
    asked = parser.parse_intermixed_args()
    name = "-".join(part for part in (asked.recipe, asked.name) if part)
    code = asked.recipe.split("-")[2]
    text = asked.data / "train.en", asked.data / f"train.{code}"
    asked.out.mkdir(parents=True, exist_ok=True)
    folder = asked.out / name
    outcome = train(asked.recipe, asked.options, text, asked.data, folder, asked.start_from)
    content = result(asked.recipe, asked.options, outcome, asked.data, folder)
    if asked.start_from:
        before = score(asked.start_from, asked.data, "test_2016_flickr", code)
        content["before"] = {"model": asked.start_from, "test_2016_flickr": before}
    write_result(content, name)


if __name__ == "__main__":
    as_command(main)
