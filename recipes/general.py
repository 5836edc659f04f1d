"""Run the recipe of the built-in model: prepare its text, train, score, export.

    python recipes/general.py

It is trained in five stages, each from the model of the previous one, and gets its alignment head
at the end. An interrupted run resumes; a finished one is only scored again.
"""

import argparse
import json
import random
import re
import shutil
import time
from collections.abc import Iterable
from pathlib import Path
from typing import Any

from rich.console import Console

import regard
from regard import models
from regard.config import SearchOptions
from regard.data.formats.lines import read_lines
from regard.evaluation import measure
from regard.export.export import export
from regard.files import read_json, write_json
from regard.settings import read_config
from regard.storage import folder as checkpoint
from regard.storage.model_card import add_model_card, read_model_card
from regard.system import describe_system
from regard.training.report import console_report
from regard.translator import Translator
from run import as_command

HERE = Path(__file__).parent
NAME = "general-en-fr"
STAGES = f"{NAME}-first", f"{NAME}-second", f"{NAME}-third", NAME, f"{NAME}-fifth"
SEED = 1
HELD_OUT = 2000
"""Tatoeba pairs whose English side is nowhere in training."""
VALIDATION = {"tatoeba": 700, "europarl": 300, "newstest2013": 300}
"""Pairs of each held-out set that decide which weights are kept."""
REPEAT = 3
"""How often each everyday sentence stands in the text: Europarl has ten times as many words."""
LONGEST = 300
"""Characters of a parliament's sentence; nine in ten are shorter."""

MENDED = {
    r"\buvre": "œuvre",
    r"\boeuvre": "œuvre",
    r"manuvr": "manœuvr",
    r"\bc(?:oe)?ur(s?)\b": r"cœur\1",
    r"\bsoeur": "sœur",
    r"\bn(?:oe)?ud(s?)\b": r"nœud\1",
    r"\bv(?:oe)?ux\b": "vœux",
    r"\b(?:oe)?ufs\b": "œufs",
    r"(?<=\w)([?!;])": r" \1",
    r"(?<=\w):(?=\s|$)": " :",
}
"""What is wrong on the French side of Europarl: a lost œ, a missing space before a mark."""

EVERYDAY = """\
The black cat ate the mouse.
Good morning! How are you today?
I would like a cup of coffee, please.
Where is the nearest train station?
My sister's birthday is on the third of May.
It has been raining since yesterday.
Could you speak a little more slowly?
I forgot my keys at the office.
She doesn't know what to say.
We are going to the beach this weekend.
How much does this red dress cost?
The children are playing in the garden.
He broke his leg while he was skiing.
I have lived in this town for ten years.
Don't forget to close the window before you leave.
The meeting has been moved to Tuesday at 3:30 p.m.
Do you want to eat at my place tonight?
My phone does not work any more.
This book is much better than the film.
If I had known, I would have called you.
There is nobody at home.
The doctor told me to drink more water.
What are you thinking about?
Turn left after the bridge, then go straight on.
Our neighbours have two dogs and a white horse.
I am afraid that we will miss the last bus.
The soup is too hot, wait a minute.
Who left the light on in the kitchen?
He is the best teacher I have ever had.
Let me know when you have arrived.
"""
"""Sentences of our own, to read how they are translated."""
SAMPLES = 70
"""Held-out Tatoeba sentences to read beside them."""

Pairs = list[tuple[str, str]]


def read(file: Path) -> list[str]:
    return [line.decode("utf-8") for line in read_lines(file)]


def read_pairs(first: Path, second: Path) -> Pairs:
    return list(zip(read(first), read(second), strict=True))


def mend(text: str) -> str:
    for wrong, right in MENDED.items():
        text = re.sub(wrong, right, text)
    return text


def bare(text: str) -> str:
    """A sentence as one would recognise it: its letters and digits, in lower case."""
    return "".join(filter(str.isalnum, text.casefold()))


def hold_out(everyday: Pairs, parliament: Pairs) -> tuple[Pairs, Pairs]:
    """Everyday pairs to learn from, and HELD_OUT others that have no English side in common."""
    in_parliament = {bare(english) for english, _ in parliament}
    sides = sorted({bare(english) for english, _ in everyday} - in_parliament)
    held = set(random.Random(SEED).sample(sides, HELD_OUT))
    kept = [pair for pair in everyday if bare(pair[0]) not in held]
    first = {bare(pair[0]): pair for pair in reversed(everyday) if bare(pair[0]) in held}
    return kept, list(first.values())


def write_pairs(stem: Path, pairs: Iterable[tuple[str, str]]) -> tuple[Path, Path]:
    english, french = zip(*pairs, strict=True)
    files = stem.with_name(f"{stem.name}.en"), stem.with_name(f"{stem.name}.fr")
    for file, side in zip(files, (english, french), strict=True):
        file.write_text("".join(f"{line}\n" for line in side), encoding="utf-8")
    return files


def evenly(pairs: Pairs, number: int) -> Pairs:
    return [pairs[index * len(pairs) // number] for index in range(number)]


def make_text(data: Path, out: Path) -> None:
    """Write the files to learn from, those to validate on, and the held-out sets."""
    parliament = [
        (english, mend(french))
        for english, french in read_pairs(
            data / "europarl-v7-enfr-500k/train.en.gz", data / "europarl-v7-enfr-500k/train.fr.gz"
        )
        if max(len(english), len(french)) <= LONGEST
    ]
    everyday, tatoeba = hold_out(
        read_pairs(data / "tatoeba-enfr/tatoeba.en.gz", data / "tatoeba-enfr/tatoeba.fr.gz"),
        parliament,
    )
    held = {
        "tatoeba": tatoeba,
        "europarl": read_pairs(
            data / "europarl-v7-enfr-500k/dev.en", data / "europarl-v7-enfr-500k/dev.fr"
        ),
        "newstest2013": read_pairs(
            data / "newstest-enfr/newstest2013.en", data / "newstest-enfr/newstest2013.fr"
        ),
    }
    learned = parliament + everyday * REPEAT
    random.Random(SEED).shuffle(learned)
    valid = [pair for name, number in VALIDATION.items() for pair in evenly(held[name], number)]
    beside = out.with_name(f"{out.name}.part")
    beside.mkdir(parents=True, exist_ok=True)
    for name, pairs in {**held, "train": learned, "valid": valid}.items():
        write_pairs(beside / name, pairs)
    beside.rename(out)


def sides(text: Path, name: str) -> tuple[Path, Path]:
    return text / f"{name}.en", text / f"{name}.fr"


def score(translator: Translator, text: Path, name: str) -> dict[str, Any]:
    """Quality and speed on one held-out set, its lines cut into sentences as the command does."""
    sources, references = map(read, sides(text, name))
    began = time.monotonic()
    translations = translator.translate(sources)
    seconds = time.monotonic() - began
    qualities = measure([one.text for one in translations], references, "fr", "sacrebleu")
    return {
        **{quality.name: round(quality.value, 2) for quality in qualities},
        "signatures": [quality.signature for quality in qualities],
        "lines": len(sources),
        "lines/s": round(len(sources) / seconds, 1),
        "truncated": sum(one.finish_reason != "eos" for one in translations),
    }


def samples(translator: Translator, text: Path) -> str:
    """Translations to read: of our own sentences, and of held-out ones from all over Tatoeba."""
    own = EVERYDAY.splitlines()
    others = evenly(read_pairs(*sides(text, "tatoeba")), SAMPLES)
    read_too = [english for english, _ in others]
    translations = [one.text for one in translator.translate(own + read_too)]
    blocks = [
        f"{source}\n  regard: {one}\n" for source, one in zip(own, translations, strict=False)
    ]
    blocks += [
        f"{source}\n  regard: {one}\n  Tatoeba: {reference}\n"
        for (source, reference), one in zip(others, translations[len(own) :], strict=True)
    ]
    return (
        "Our own sentences, then held-out sentences of Tatoeba (tatoeba.org, CC BY 2.0 FR) with"
        " the translation that stands there.\n\n" + "\n".join(blocks)
    )


def pack(folder: Path, text: Path, file: Path, results: Path, training: dict[str, Any]) -> None:
    """Export the model, score what was exported, and write its card and quality into it."""
    beside = folder.with_name(file.name)
    export(folder, beside, "int8", [])
    translator = regard.load(beside)
    searches = {
        "beam": translator,
        "greedy": translator.with_options(SearchOptions(beam=1)),
    }
    held_out = {
        name: {search: score(one, text, name) for search, one in searches.items()}
        for name in VALIDATION
    }
    figures = {
        name: {f"{search} BLEU": by_search[search]["BLEU"] for search in searches}
        for name, by_search in held_out.items()
    }
    add_model_card(beside, read_model_card(HERE / f"{NAME}-about.toml"), {"held_out": figures})
    shutil.copyfile(beside, file)
    result = {
        "recipe": NAME,
        "training": training,
        "parameters": sum(t.size for t in checkpoint.load_weights(folder).values()),
        "file MB": round(file.stat().st_size / 1e6, 2),
        "beam": translator.options.beam,
        "workers": translator.workers,
        "held_out": held_out,
        "selection_lines": VALIDATION,
        "system": describe_system(),
    }
    results.mkdir(exist_ok=True)
    write_json(results / f"{NAME}.json", result)
    (results / f"{NAME}-samples.txt").write_text(samples(translator, text), encoding="utf-8")
    print(json.dumps(result, indent=2))


def learn(name: str, text: Path, folder: Path, begun: Path | str) -> dict[str, Any]:
    """One stage of training, from scratch or from a model that has been begun."""
    with console_report(Console(stderr=True)) as report:
        outcome = regard.train(
            sides(text, "train"),
            folder,
            sides(text, "valid"),
            "en-fr",
            read_config(HERE / f"{name}.toml"),
            begun,
            report,
        )
    return {
        "minutes": round(outcome.seconds / 60, 1),
        "updates": outcome.updates,
        "kept": outcome.best_update,
        "validation": outcome.quality,
    }


def learn_alignment(folder: Path) -> dict[str, Any]:
    """The last part of the model, from the text that it was trained on."""
    if not (folder / checkpoint.ALIGNMENT_HEAD).exists():
        with console_report(Console(stderr=True)) as report:
            regard.add_alignment_head(folder, report=report)
    agreement: dict[str, Any] = read_json(folder / checkpoint.QUALITY)["alignment"]
    return agreement


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("--data", type=Path, default=HERE.parents[1] / "shared/data")
    parser.add_argument("--out", type=Path, default=HERE.parent / "runs")
    parser.add_argument("--results", type=Path, default=HERE / "results")
    parser.add_argument("--pack", type=Path, default=models.DEFAULT, help="where the file goes")
    asked = parser.parse_args()
    text = asked.out / "general-text"
    asked.out.mkdir(parents=True, exist_ok=True)
    if not text.exists():
        make_text(asked.data, text)
    training: dict[str, Any] = {}
    begun: Path | str = ""
    for name in STAGES:
        training[name] = learn(name, text, asked.out / name, begun)
        begun = asked.out / name
    training["alignment head"] = learn_alignment(asked.out / STAGES[-1])
    pack(asked.out / STAGES[-1], text, asked.pack, asked.results, training)


if __name__ == "__main__":
    as_command(main)
