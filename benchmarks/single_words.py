"""Are single words translated once, and rightly? The most frequent words of a text.

    python benchmarks/single_words.py SOURCE --lexicon SOURCE REFERENCE [--model MODEL]

Each word is translated alone, with and without a final mark. Word links (IBM model 1, learned from
the --lexicon texts) tell which translations are right, for words that have a sure one.
"""

import argparse
import json
import re
from collections import Counter
from collections.abc import Sequence
from itertools import pairwise
from pathlib import Path
from typing import Any

import regard
from coverage import read_pairs
from realtext import words
from regard.data.formats.lines import read_texts
from regard.data.lexicon import Lexicon, learn_lexicon, learned_words, sample_indices
from regard.files import write_json
from regard.models import DEFAULT
from regard.system import describe_system

HERE = Path(__file__).resolve().parent
WORDS = 400
SURE = 0.5
"""The score of the first translation in the lexicon from which on a word is judged."""
FIRST = 3
"""The translations in the lexicon that count as right."""
WORD = re.compile(r"[^\W\d_]{2,}")


def frequent_words(texts: Sequence[str]) -> list[str]:
    counts = Counter(word.lower() for text in texts for word in WORD.findall(text))
    return [word for word, _ in counts.most_common(WORDS)]


def is_said_twice(translation: str) -> bool:
    return any(a == b for a, b in pairwise(words(translation)))


def right_translations(word: str, lexicon: Lexicon) -> list[str]:
    """The first translations of a word; none if its best one is not sure."""
    scores = lexicon.scores.get(word, {})
    best = sorted(scores, key=scores.__getitem__, reverse=True)[:FIRST]
    return best if best and scores[best[0]] > SURE else []


def judge(
    words_alone: Sequence[str], translations: Sequence[str], lexicon: Lexicon
) -> dict[str, Any]:
    both = list(zip(words_alone, translations, strict=True))
    twice = [(word, text) for word, text in both if is_said_twice(text)]
    known = [(word, text, right_translations(word, lexicon)) for word, text in both]
    judged = [each for each in known if each[2]]
    wrong = [each for each in judged if not set(learned_words(each[1])) & set(each[2])]
    return {
        "words": len(both),
        "percent_said_twice": round(100 * len(twice) / len(both), 1),
        "said_twice": twice,
        "judged": len(judged),
        "percent_right": round(100 * (1 - len(wrong) / max(1, len(judged))), 1),
        "wrong": wrong,
    }


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("source", type=Path)
    parser.add_argument("--lexicon", type=Path, nargs=2, required=True)
    parser.add_argument("--model", type=Path, default=DEFAULT)
    parser.add_argument("--out", type=Path, default=HERE / "results" / "single_words.json")
    asked = parser.parse_args()
    learned = read_pairs(asked.lexicon)
    lexicon = learn_lexicon(learned, sample_indices(learned))
    translator = regard.load(asked.model)
    alone = frequent_words(list(read_texts(asked.source)))
    marked = [f"{word.capitalize()}." for word in alone]
    results = {
        name: judge(alone, [one.text for one in translator.translate(texts)], lexicon)
        for name, texts in (("without a mark", alone), ("with a final mark", marked))
    }
    write_json(asked.out, {"model": asked.model.name, **results, "system": describe_system()})
    shown = ("percent_said_twice", "judged", "percent_right")
    print(json.dumps({name: {key: one[key] for key in shown} for name, one in results.items()}))


if __name__ == "__main__":
    main()
