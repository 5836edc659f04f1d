"""Make the text that built-in models learn from: sets whose licences allow it, both directions.

    python recipes/licensed_text.py --data DATA --out runs/licensed-text

Pairs whose English side is in a held-out set are left out. The folder gets two files for each set,
the held-out sets, and `corpora.toml`, which names the sets with their weights. A model in each
direction learns from it, in the folder in which the command runs:

    regard train --config runs/licensed-text/corpora.toml --valid runs/licensed-text/valid.en ...
"""

import argparse
import random
from collections.abc import Collection, Iterator
from pathlib import Path
from typing import NamedTuple

from general import (
    LONGEST,
    SEED,
    VALIDATION,
    Pairs,
    bare,
    evenly,
    hold_out,
    mend,
    read_pairs,
    write_pairs,
)
from run import as_command

HERE = Path(__file__).parent
EVERYDAY, PARLIAMENT = "tatoeba-enfr", "europarl-v7-enfr-500k"


class TextSet(NamedTuple):
    """Of pairs."""

    weight: float
    """How often a pair is read, compared with one of weight 1."""
    stem: str = "train"
    ending: str = "xz"
    has_markup: bool = False
    """Whether there are pairs with placeholders and tags, which are read, too."""


SETS = {
    EVERYDAY: TextSet(3.0, "tatoeba", "gz"),
    PARLIAMENT: TextSet(1.0, "train", "gz"),
    "europarl-v7-enfr-more": TextSet(0.5),
    "canada-gov-blogs-enfr": TextSet(2.0, has_markup=True),
    "mozilla-enfr": TextSet(2.0, has_markup=True),
    "debian-news-enfr": TextSet(1.0, has_markup=True),
    "pawsx-wiki-enfr": TextSet(2.0),
    "books-pd-enfr": TextSet(0.5),
    "php-docs-enfr": TextSet(0.5, has_markup=True),
    "httpd-docs-enfr": TextSet(0.5, has_markup=True),
    "python-docs-enfr": TextSet(0.5, has_markup=True),
    "webdev-docs-enfr": TextSet(0.5, has_markup=True),
    "open-guides-enfr": TextSet(2.0, has_markup=True),
    "libreoffice-enfr": TextSet(0.5, has_markup=True),
    "ui-permissive-enfr": TextSet(1.0, has_markup=True),
    "esco-terms-enfr": TextSet(0.3),
}
"""By the name of the folder. Free translations, manuals and lists of terms have small weights."""


def read_set(data: Path, name: str) -> Pairs:
    """Raises RegardError if a file is missing."""
    own = SETS[name]
    pairs: Pairs = []
    for stem in [own.stem, f"{own.stem}.markup"][: 1 + own.has_markup]:
        files = (data / name / f"{stem}.{code}.{own.ending}" for code in ("en", "fr"))
        pairs += read_pairs(*files)
    if name.startswith("europarl"):
        return [(a, mend(b)) for a, b in pairs if max(len(a), len(b)) <= LONGEST]
    return pairs


def held_out_sets(data: Path) -> dict[str, Pairs]:
    """Those of the built-in model before, so that both can be compared."""
    _, tatoeba = hold_out(read_set(data, EVERYDAY), read_set(data, PARLIAMENT))
    parliament, news = data / PARLIAMENT, data / "newstest-enfr"
    return {
        "tatoeba": tatoeba,
        "europarl": read_pairs(parliament / "dev.en", parliament / "dev.fr"),
        "newstest2013": read_pairs(news / "newstest2013.en", news / "newstest2013.fr"),
    }


def without(pairs: Pairs, held: Collection[str]) -> Iterator[tuple[str, str]]:
    """The pairs whose English side is not held out."""
    return (pair for pair in pairs if bare(pair[0]) not in held)


def corpora(out: Path) -> str:
    """The sets as options of `regard train`."""
    tables = (
        f'[[data.corpora]]\nfiles = ["{out}/{name}.en", "{out}/{name}.fr"]\nweight = {own.weight}\n'
        for name, own in SETS.items()
    )
    return "\n".join(tables)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("--data", type=Path, default=HERE.parents[1] / "shared/data")
    parser.add_argument("--out", type=Path, default=HERE.parent / "runs" / "licensed-text")
    asked = parser.parse_args()
    asked.out.mkdir(parents=True, exist_ok=True)
    sets = held_out_sets(asked.data)
    held = {bare(english) for pairs in sets.values() for english, _ in pairs}
    sets["valid"] = [
        pair for name, number in VALIDATION.items() for pair in evenly(sets[name], number)
    ]
    for name, pairs in sets.items():
        write_pairs(asked.out / name, pairs)
    for name in SETS:
        pairs = read_set(asked.data, name)
        kept = [*without(pairs, held)]
        random.Random(SEED).shuffle(kept)
        write_pairs(asked.out / name, kept)
        print(f"{name}: {len(kept):,} pairs, {len(pairs) - len(kept):,} held out", flush=True)
    (asked.out / "corpora.toml").write_text(corpora(asked.out), encoding="utf-8")


if __name__ == "__main__":
    as_command(main)
