"""Whether anything makes a model loop or crash: thousands of random strings, through both engines.

    python benchmarks/robust.py runs/multi30k-en-fr

Ends with 1 if a translation is longer than its limit, or the engines differ but for ties.
"""

import argparse
import json
import sys
import tempfile
import time
from collections.abc import Callable, Sequence
from pathlib import Path
from random import Random
from typing import Any

from msgspec import structs

import regard
from parity import differences
from regard.export.export import export
from regard.files import write_json
from regard.system import describe_system
from regard.translation import Translation
from regard.translator import Translator

HERE = Path(__file__).resolve().parent
STRINGS = 10_000
SEED = 1
SAMPLE_EVERY = 20
"""Every so many-th string is translated in both engines and compared."""
BOTH = "the same tokens from both, greedily"
"""Greedily, because beams over meaningless strings meet ties at every step."""
STRINGS_AT_A_TIME = 1000
"""Strings translated at a time."""

TEXT = (
    "the black cat ate a mouse because it was hungry and nobody in parliament knew why not"
    " don't 3:30 p.m. e-mail U.S. naïve café £5 50% http://example.org/?q=1 <b> </s> &amp; Ã©"
)
WORDS = TEXT.split()
BLOCKS = {
    "Latin": (0x20, 0x24F),
    "Greek and Cyrillic": (0x370, 0x52F),
    "right to left": (0x590, 0x8FF),
    "India": (0x900, 0xDFF),
    "China": (0x4E00, 0x9FFF),
    "Korea": (0xAC00, 0xD7A3),
    "private": (0xE000, 0xF8FF),
    "mathematics": (0x1D400, 0x1D7FF),
    "pictures": (0x1F300, 0x1FAFF),
    "rare Chinese": (0x20000, 0x2FFFF),
}


def characters(random: Random, first: int, last: int, most: int) -> str:
    """Random characters from `first` to `last`, without halves of surrogate pairs."""
    codes = (random.randint(first, last) for _ in range(random.randint(1, most)))
    return "".join(chr(code) for code in codes if not 0xD800 <= code <= 0xDFFF)


def one_script(random: Random) -> str:
    return characters(random, *random.choice(list(BLOCKS.values())), 60)


def combined(random: Random) -> str:
    letters = [chr(random.randint(0x61, 0x7A)) for _ in range(random.randint(1, 6))]
    return "".join(letter + characters(random, 0x300, 0x36F, 12) for letter in letters)


def words(random: Random, most: int = 40) -> str:
    return " ".join(random.choices(WORDS, k=random.randint(1, most)))


def unseen(random: Random) -> str:
    """Words with an invisible character between them."""
    between = ["\u200b", "\u200d", "\u2060", "\ufeff", "\u00ad", "\u202e", "\u00a0", "\u3000"]
    return "".join(word + random.choice(between) for word in words(random).split())


def family(random: Random) -> str:
    """Joined emoji with skin tones, and flags."""
    people = [chr(random.choice([0x1F468, 0x1F469, 0x1F467, 0x1F3F3])) for _ in range(4)]
    colours = chr(random.randint(0x1F3FB, 0x1F3FF))
    flag = "".join(chr(random.randint(0x1F1E6, 0x1F1FF)) for _ in range(2))
    return "\u200d".join(people) + colours + flag * random.randint(0, 9)


KINDS: dict[str, Callable[[Random], str]] = {
    "anything": lambda random: characters(random, 0, 0x10FFFF, 60),
    "one script": one_script,
    "many scripts": lambda random: "".join(one_script(random)[:9] for _ in range(6)),
    "control characters": lambda random: characters(random, 0, 0x9F, 60),
    "combining": combined,
    "pictures joined": family,
    "words": words,
    "words with nothing visible between": unseen,
    "one long word": lambda random: characters(random, 0x61, 0x7A, 500),
    "punctuation": lambda random: characters(random, 0x21, 0x2F, 60),
    "numbers": lambda random: " ".join(str(random.uniform(-1e9, 1e9)) for _ in range(9)),
    "one word again and again": lambda random: f"{random.choice(WORDS)} " * random.randint(2, 200),
    "one letter again and again": lambda random: random.choice("aé?.0 猫") * random.randint(1, 300),
    "nothing": lambda random: random.choice(["", " ", "\t \r", "\u2028", "\ufeff", "\x00"]),
}
LONG: tuple[Callable[[Random], str], ...] = (
    lambda random: (words(random, 2000) * 9)[:5000],
    lambda random: random.choice(WORDS).ljust(9) * 550,
    lambda random: characters(random, 0x61, 0x7A, 1) * 5000,
)
"""Lines of 5,000 characters; one in `LONG_EVERY` strings is one."""
LONG_EVERY = 1000


def strings(count: int, seed: int) -> list[str]:
    """`count` strings of all kinds; the same for the same seed."""
    random = Random(seed)
    kinds = list(KINDS.values())
    return [
        (
            LONG[number // LONG_EVERY % len(LONG)]
            if number % LONG_EVERY == 99
            else random.choice(kinds)
        )(random)
        for number in range(count)
    ]


def too_long(translator: Translator, translations: Sequence[Translation]) -> list[Translation]:
    """The translations with more tokens than their sources allow."""
    limit = translator.options.max_length
    return [
        one
        for one in translations
        if any(
            len(part.ids) > limit(len(part.source_ids)) + 3 * len(part.source.protected)
            for part in one.sentences
        )
    ]


def translate_all(translator: Translator, texts: Sequence[str]) -> list[Translation]:
    translations: list[Translation] = []
    for begin in range(0, len(texts), STRINGS_AT_A_TIME):
        translations += translator.translate_sentences(texts[begin : begin + STRINGS_AT_A_TIME])
        print(f"{len(translations):,} of {len(texts):,}", file=sys.stderr)
    return translations


def judge(translators: dict[str, Translator], texts: Sequence[str], beam: int) -> dict[str, Any]:
    """Translate all texts with every engine; counts broken limits and differences."""
    result = {}
    for name, translator in translators.items():
        options = structs.replace(translator.options, beam=beam)
        began = time.monotonic()
        translations = translate_all(translator.with_options(options), texts)
        result[name] = {
            "strings": len(texts),
            "seconds": round(time.monotonic() - began, 1),
            "longer than their limit": len(too_long(translator, translations)),
            "stopped at the limit": sum(one.finish_reason == "length" for one in translations),
            "stopped for repetition": sum(
                one.finish_reason == "repetition" for one in translations
            ),
            "longest, tokens": max(len(part.ids) for one in translations for part in one.sentences),
        }
    quick = structs.replace(translator.options, beam=1)
    exact = translators["PyTorch"].with_options(quick)
    sample = texts[::SAMPLE_EVERY]
    some = exact.translate_sentences(sample)
    others = translators["ONNX Runtime, fp32"].with_options(quick).translate_sentences(sample)
    differing = differences(exact, some, others)
    result[BOTH] = {
        "strings": len(some),
        "differing": len(differing),
        "of them ties": sum(one.is_tie for one in differing),
    }
    return result


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("model", type=Path, help="a model folder, its training text beside it")
    parser.add_argument("--strings", type=int, default=STRINGS)
    parser.add_argument("--beam", type=int, default=0, help="0 is the model's own")
    parser.add_argument("--out", type=Path, default=HERE / "results" / "robust.json")
    asked = parser.parse_args()
    texts = strings(asked.strings, SEED)
    translators = {"PyTorch": regard.load(asked.model, device="cpu")}
    with tempfile.TemporaryDirectory(prefix="regard-robust-") as scratch:
        for precision in ("fp32", "int8"):
            file = Path(scratch) / f"{precision}.regard"
            export(asked.model, file, precision, [])
            translators[f"ONNX Runtime, {precision}"] = regard.load(file)
        beam = asked.beam or translators["PyTorch"].options.beam
        results = judge(translators, texts, beam)
    result = {"model": asked.model.name, "beam": beam, **results, "system": describe_system()}
    write_json(asked.out, result)
    print(json.dumps(result, indent=2))
    both = results.pop(BOTH)
    sys.exit(
        both["differing"] > both["of them ties"]
        or any(each["longer than their limit"] for each in results.values())
    )


if __name__ == "__main__":
    main()
