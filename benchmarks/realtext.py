"""Is the text that people really type translated rightly? Lines of many kinds, made from real ones.

    python benchmarks/realtext.py SOURCE [--model MODEL] [--lines 1000] [--final]

SOURCE holds sentences that the model was not trained on, one a line. Each kind changes a sentence
(a span inserted, capitals, soft hyphens, a list mark, no final mark ...) and checks a property of
the translation, most often against the translation of the plain sentence. Kinds are `guaranteed`
by the program, or up to the `model`. --final uses other rules, for a last judgement.
"""

import argparse
import json
import re
import string
from collections.abc import Callable, Sequence
from itertools import pairwise
from pathlib import Path
from random import Random
from typing import Any, NamedTuple

import regard
from regard.data.formats.lines import read_texts
from regard.files import write_json
from regard.models import DEFAULT
from regard.system import describe_system
from regard.translator import Translator

HERE = Path(__file__).resolve().parent
SEED = 1
LINES = 1000
WORD = re.compile(r"\w+(?:['’-]\w+)*")
FINAL_MARKS = ".!?"


class Case(NamedTuple):
    source: str
    plain: str
    """The sentence that it was made from."""
    kept: tuple[str, ...] = ()
    """What the translation must contain exactly once."""


Check = Callable[[Case, str, str], bool]
"""Whether a translation is right, given that of the plain sentence."""


class Kind(NamedTuple):
    make: Callable[[Random, str], Case]
    check: Check
    by: str
    """Who must get it right: the program (guaranteed), or the model."""


def words(text: str) -> list[str]:
    return WORD.findall(text.casefold())


def between_words(random: Random, text: str, inserted: Sequence[str]) -> str:
    """The text with each of these at a position of its own, between two words or at the end."""
    parts = text.split(" ")
    positions = random.sample(range(1, len(parts) + 1), min(len(parts), len(inserted)))
    for position, span in sorted(zip(positions, inserted, strict=False), reverse=True):
        parts.insert(position, span)
    return " ".join(parts)


def name(random: Random, letters: str = string.ascii_lowercase) -> str:
    return "".join(random.choices(letters, k=random.randint(3, 9)))


def number(random: Random, digits: int) -> str:
    return str(random.randint(10 ** (digits - 1), 10**digits - 1))


def url(random: Random) -> str:
    path = "/".join(name(random) for _ in range(random.randint(0, 3)))
    query = f"?{name(random)}={number(random, 2)}" if path and random.random() < 0.3 else ""
    host = f"{random.choice(['www.', ''])}{name(random)}.example"
    return f"https://{host}.{random.choice(['org', 'com', 'net'])}/{path}{query}"


def mail(random: Random) -> str:
    return f"{name(random)}.{name(random)}@{name(random)}.example.com"


def file_path(random: Random) -> str:
    return f"/{name(random)}/{name(random)}/{name(random)}.{random.choice(['txt', 'py', 'html'])}"


def version(random: Random) -> str:
    return ".".join(number(random, 1) for _ in range(3))


def date(random: Random) -> str:
    return f"20{number(random, 2)}-{random.randint(1, 12):02}-{random.randint(1, 28):02}"


def amount(random: Random) -> str:
    return f"{random.choice('$£€')}{number(random, 3)}"


def emoji(random: Random) -> str:
    return random.choice(["🙂", "🐶", "👍🏽", "🎉", "❤️", "👩‍👩‍👧", "🇫🇷", "🚀"])


def foreign_word(random: Random) -> str:
    return name(random, random.choice(["абвгдежзиклмнопрст", "αβγδεζηθικλμνξ", "漢字東京大学語"]))


PLACEHOLDERS = (
    "{name}",
    "{0}",
    "{{ user }}",
    "%s",
    "%1$s",
    "%(count)d",
    "${path}",
    "$NAME$",
    "__total__",
    "%d",
)
TAGS = ("<b>", "</b>"), ("<a href='x.html'>", "</a>"), ('<span class="x">', "</span>")

SPANS: dict[str, Callable[[Random], str]] = {
    "address": url,
    "mail": mail,
    "path": file_path,
    "version": version,
    "date": date,
    "amount": amount,
    "placeholder": lambda random: random.choice(PLACEHOLDERS),
    "emoji": emoji,
    "other script": foreign_word,
}

OTHER_SPANS: dict[str, Callable[[Random], str]] = {
    "bare address": lambda random: f"www.{name(random)}.org/{name(random)}",
    "mail with a tag": lambda random: f"{name(random)}+{number(random, 2)}@{name(random)}.co.uk",
    "home folder": lambda random: f"~/{name(random)}/.{name(random)}",
    "release": lambda random: f"v{version(random)}-rc{number(random, 1)}",
    "slashed date": lambda random: (
        f"{random.randint(1, 28):02}/{random.randint(1, 12):02}/20{number(random, 2)}"
    ),
    "price": lambda random: f"{number(random, 2)},{number(random, 2)} €",
    "format mark": lambda random: random.choice(
        ["%-5.2f", "%2$d", "{user.name}", "{count:>3}", "%%", ":item_id"]
    ),
    "code": lambda random: f"`{name(random)} --{name(random)}`",
    "identifier": lambda random: f"{name(random)}_{name(random)}",
    "telephone": lambda random: " ".join(["+33 1", *(number(random, 2) for _ in range(4))]),
    "hash": lambda random: "".join(random.choices("0123456789abcdef", k=12)) + "0a1",
    "other emoji": lambda random: random.choice(["😀", "🤷🏿‍♀️", "🏳️‍🌈", "1️⃣", "⭐", "🇯🇵"]),
    "other alphabet": lambda random: name(
        random, random.choice(["אבגדהוזחט", "กขคงจฉชซ", "ابتثجحخد"])
    ),
}


def holds_spans(case: Case, translation: str, plain: str) -> bool:
    """Each span once, and other words too."""
    rest = translation
    for span in case.kept:
        if rest.count(span) != 1:
            return False
        rest = rest.replace(span, " ")
    return bool(words(rest)) or not words(plain)


def is_like_plain(case: Case, translation: str, plain: str) -> bool:
    return " ".join(translation.split()) == " ".join(plain.split())


def has_words_of_plain(case: Case, translation: str, plain: str) -> bool:
    return words(translation) == words(plain)


def is_capitals(case: Case, translation: str, plain: str) -> bool:
    return translation == translation.upper() and has_words_of_plain(case, translation, plain)


def keeps_layout(case: Case, translation: str, plain: str) -> bool:
    return translation == case.source.replace(case.plain, plain)


def is_copied(case: Case, translation: str, plain: str) -> bool:
    return translation == case.source


def is_said_once(case: Case, translation: str, plain: str) -> bool:
    """No word twice in a row, and about as many words as the plain sentence has."""
    said, expected = words(translation), words(plain)
    is_repeated = any(a == b for a, b in pairwise(said))
    repeats = any(a == b for a, b in pairwise(expected))
    return bool(said) and (not is_repeated or repeats) and len(said) <= 1.5 * len(expected) + 1


def with_span(random: Random, text: str, span: str) -> Case:
    return Case(between_words(random, text, [span]), text, (span,))


def span_kind(make: Callable[[Random], str]) -> Kind:
    """One span that `make` invents, between two words."""
    return Kind(
        lambda random, text: with_span(random, text, make(random)), holds_spans, "guaranteed"
    )


def word_alone(word: str) -> Case:
    return Case(word, word)


def with_several_spans(
    random: Random,
    text: str,
    families: Sequence[Callable[[Random], str]],
    count: tuple[int, int] = (2, 6),
) -> Case:
    """Spans between words, at least and at most `count`; those are kept that stand there once."""
    spans = {random.choice(families)(random) for _ in range(random.randint(*count))}
    line = between_words(random, text, sorted(spans))
    return Case(line, text, tuple(span for span in sorted(spans) if line.count(span) == 1))


def with_tags(random: Random, text: str) -> Case:
    before, after = random.choice(TAGS)
    parts = text.split(" ")
    at = random.randrange(len(parts))
    parts[at] = f"{before}{parts[at]}{after}"
    return Case(" ".join(parts), text, (before, after))


def hyphenated(random: Random, text: str, sign: str) -> Case:
    """An invisible sign inside some words."""
    parts = [
        f"{part[:2]}{sign}{part[2:]}" if len(part) > 4 and random.random() < 0.5 else part
        for part in text.split(" ")
    ]
    return Case(" ".join(parts), text)


def typographic(text: str) -> str:
    return text.replace("'", "’").replace(" ", "\u00a0", 1).replace("...", "…")


def listed(random: Random, text: str, marks: Sequence[str]) -> Case:
    return Case(f"{random.choice(marks)}{text}", text)


def without_final_mark(text: str) -> Case:
    return Case(text.rstrip(FINAL_MARKS), text)


KINDS: dict[str, Kind] = {
    **{f"span: {family}": span_kind(make) for family, make in SPANS.items()},
    "several spans": Kind(
        lambda random, text: with_several_spans(random, text, list(SPANS.values())),
        holds_spans,
        "guaranteed",
    ),
    "tags": Kind(with_tags, holds_spans, "guaranteed"),
    "nothing to translate": Kind(
        lambda random, _: Case(
            " ".join(
                random.choice(list(SPANS.values()))(random) for _ in range(random.randint(1, 3))
            ),
            "",
        ),
        is_copied,
        "guaranteed",
    ),
    "soft hyphens": Kind(
        lambda random, text: hyphenated(random, text, "\u00ad"), is_like_plain, "guaranteed"
    ),
    "typographic signs": Kind(
        lambda _, text: Case(typographic(text), text), is_like_plain, "guaranteed"
    ),
    "entities": Kind(
        lambda _, text: Case(text.replace("'", "&#39;").replace('"', "&quot;"), text),
        is_like_plain,
        "guaranteed",
    ),
    "list marks": Kind(
        lambda random, text: listed(random, text, ["- ", "  * ", "2) ", "## ", "\t", "• "]),
        keeps_layout,
        "guaranteed",
    ),
    "columns": Kind(lambda _, text: Case(f"7\t{text}\t", text), keeps_layout, "guaranteed"),
    "no space between sentences": Kind(
        lambda _, text: Case(f"{text}We saw it.", f"{text} We saw it."),
        has_words_of_plain,
        "guaranteed",
    ),
    "capitals": Kind(lambda _, text: Case(text.upper(), text), is_capitals, "model"),
    "title case": Kind(
        lambda _, text: Case(string.capwords(text), text), has_words_of_plain, "model"
    ),
    "no final mark": Kind(lambda _, text: without_final_mark(text), is_said_once, "model"),
    "single words": Kind(
        lambda random, text: word_alone(random.choice(words(text) or ["yes"])),
        is_said_once,
        "model",
    ),
    "two sentences in one": Kind(
        lambda _, text: Case(f"{text.rstrip(FINAL_MARKS)}, and {text[0].lower()}{text[1:]}", text),
        lambda case, translation, plain: len(words(translation)) >= 1.5 * len(words(plain)),
        "model",
    ),
}

OTHER_KINDS: dict[str, Kind] = {
    **{f"span: {family}": span_kind(make) for family, make in OTHER_SPANS.items()},
    "several other spans": Kind(
        lambda random, text: with_several_spans(random, text, list(OTHER_SPANS.values())),
        holds_spans,
        "guaranteed",
    ),
    "zero-width spaces": Kind(
        lambda random, text: hyphenated(random, text, random.choice("\u200b\u2060\ufeff")),
        is_like_plain,
        "guaranteed",
    ),
    "direction marks": Kind(
        lambda _, text: Case(f"\u200e{text}\u200f", text), is_like_plain, "guaranteed"
    ),
    "thin and double spaces": Kind(
        lambda random, text: Case(
            text.replace(" ", random.choice(["\u2009", "  ", "\u3000"])), text
        ),
        is_like_plain,
        "guaranteed",
    ),
    "other list marks": Kind(
        lambda random, text: listed(random, text, ["> ", "10. ", "a) ", "    ", "– ", "### "]),
        keeps_layout,
        "guaranteed",
    ),
    "capitals after a mark": Kind(
        lambda _, text: Case(f"- {text.upper()}", text),
        lambda case, translation, plain: is_capitals(case, translation.removeprefix("- "), plain),
        "model",
    ),
    "capitalised word": Kind(
        lambda random, text: word_alone(random.choice(words(text) or ["yes"]).capitalize()),
        is_said_once,
        "model",
    ),
    "first half": Kind(
        lambda _, text: Case(" ".join(text.split()[: len(text.split()) // 2 + 1]), text),
        is_said_once,
        "model",
    ),
}


def make_cases(kind: Kind, sentences: Sequence[str], lines: int, seed: str) -> list[Case]:
    random = Random(seed)
    chosen = [sentences[index % len(sentences)] for index in range(lines)]
    return [kind.make(random, sentence) for sentence in chosen]


def score_kinds(
    translator: Translator, sentences: Sequence[str], lines: int, kinds: dict[str, Kind]
) -> dict[str, dict[str, Any]]:
    """Of each kind the percentage of right lines, and the first wrong ones."""
    results = {}
    for title, kind in kinds.items():
        cases = make_cases(kind, sentences, lines, f"{SEED} {title}")
        translations = translator.translate([case.source for case in cases])
        plain = translator.translate([case.plain for case in cases])
        wrong = [
            (case.source, one.text)
            for case, one, other in zip(cases, translations, plain, strict=True)
            if not kind.check(case, one.text, other.text)
        ]
        results[title] = {
            "by": kind.by,
            "percent_right": round(100 * (1 - len(wrong) / len(cases)), 1),
            "first_wrong": wrong[:3],
        }
        print(f"{results[title]['percent_right']:6} %  {title} ({kind.by})", flush=True)
    return results


def mean(results: dict[str, dict[str, Any]], by: str) -> float:
    shares = [kind["percent_right"] for kind in results.values() if kind["by"] == by]
    return round(sum(shares) / len(shares), 1)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("source", type=Path, help="sentences that were not in the training text")
    parser.add_argument("--model", type=Path, default=DEFAULT)
    parser.add_argument("--lines", type=int, default=LINES, help="of each kind")
    parser.add_argument("--final", action="store_true", help="other rules, for a last judgement")
    parser.add_argument("--out", type=Path, default=HERE / "results" / "realtext.json")
    asked = parser.parse_args()
    sentences = list(dict.fromkeys(text for text in read_texts(asked.source) if text))
    kinds = OTHER_KINDS if asked.final else KINDS
    results = score_kinds(regard.load(asked.model), sentences, asked.lines, kinds)
    report = {
        "model": asked.model.name,
        "lines": asked.lines,
        "guaranteed": mean(results, "guaranteed"),
        "model_kinds": mean(results, "model"),
        "kinds": results,
        "system": describe_system(),
    }
    write_json(asked.out, report)
    print(json.dumps({name: report[name] for name in ("guaranteed", "model_kinds")}))


if __name__ == "__main__":
    main()
