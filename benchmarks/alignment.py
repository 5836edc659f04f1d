"""AER of `regard align` on gold alignments, with the seconds and the memory that it takes.

    python benchmarks/alignment.py --gold dev.en dev.fr dev.wa --text train.en train.fr

The sentences with gold links are aligned together with the text, as is usual for aligners that
learn from the text alone; the gold links are not used. Text is normalised as that of WPT-03 is:
lower-cased, without accents, French contractions and elisions taken apart ("du" is "de le").
eflomal runs on the same text if --eflomal says where its program is.
"""

import argparse
import gzip
import json
import lzma
import re
import resource
import subprocess
import sys
import tempfile
import time
import unicodedata
from collections.abc import Iterator
from pathlib import Path

from regard.alignment.gold import AlignmentQuality, measure_links, quality_line, read_gold
from regard.alignment.links import SYMMETRIZATIONS, Indices
from regard.files import write_json
from regard.system import describe_system

HERE = Path(__file__).resolve().parent

ELISIONS = {
    **{"l": "le", "d": "de", "qu": "que", "c": "ce", "j": "je", "m": "me", "n": "ne", "s": "se"},
    **{"t": "te", "jusqu": "jusque", "lorsqu": "lorsque", "puisqu": "puisque"},
    "quoiqu": "quoique",
}
CONTRACTIONS = {"du": "de le", "des": "de les", "au": "a le", "aux": "a les"}
ELISION = re.compile(rf"\b({'|'.join(sorted(ELISIONS, key=len, reverse=True))})'(?=\w)")
TITLE = r"\b(?:mr|mrs|ms|dr|st|m|mm|mme)\.(?=\s)"
NUMBER = r"\d+(?:[.,]\d+)*"
FRENCH_WORD = re.compile(rf"aujourd'|{TITLE}|{NUMBER}|[^\W\d_]+|[^\w\s]|\w+")
ENGLISH_WORD = re.compile(rf"'(?:s|re|ve|ll|d|m)\b|{TITLE}|{NUMBER}|[^\W\d_]+|[^\w\s]|\w+")
MODEL_WORDS = 40


def plain(text: str) -> str:
    """In small letters, without accents and ligatures."""
    decomposed = unicodedata.normalize("NFD", text.lower().replace("’", "'"))
    letters = "".join(letter for letter in decomposed if unicodedata.category(letter) != "Mn")
    return letters.replace("œ", "oe").replace("æ", "ae")


def english(text: str) -> list[str]:
    text = re.sub(r"\bcan't\b|\bcannot\b", "can not", plain(text))
    text = re.sub(r"\bwon't\b", "will not", text)
    return ENGLISH_WORD.findall(re.sub(r"n't\b", " not", text))


def french(text: str) -> list[str]:
    text = re.sub(r"\bs'(ils?)\b", r"si \1", plain(text))
    text = text.replace("aujourd'hui", "aujourd' hui")
    words = FRENCH_WORD.findall(ELISION.sub(lambda match: f"{ELISIONS[match[1]]} ", text))
    return [part for word in words for part in CONTRACTIONS.get(word, word).split()]


def read(file: Path) -> list[str]:
    unpack = {".gz": gzip.decompress, ".xz": lzma.decompress}.get(file.suffix, bytes)
    return unpack(file.read_bytes()).decode("utf-8").split("\n")[:-1]


def normalized_pairs(files: list[Path], longest: int, most: int) -> Iterator[tuple[str, str]]:
    """The distinct pairs of two files with at most so many words; `most` of them, evenly spaced."""
    distinct = list(dict.fromkeys(zip(*map(read, files), strict=True)))
    count = min(most or len(distinct), len(distinct))
    for index in range(count):
        pair = distinct[index * len(distinct) // count]
        source, target = english(pair[0]), french(pair[1])
        if 0 < len(source) <= longest and 0 < len(target) <= longest:
            yield " ".join(source), " ".join(target)


def write_text(pairs: list[tuple[str, str]], folder: Path) -> list[Path]:
    files = [folder / "text.en", folder / "text.fr"]
    for file, side in zip(files, zip(*pairs, strict=True), strict=True):
        file.write_text("".join(f"{line}\n" for line in side), encoding="utf-8")
    return files


def align(files: list[Path], folder: Path) -> dict[str, float]:
    """Write the probabilities of all links; the seconds and the memory that it takes."""
    command = [
        *(sys.executable, "-m", "regard", "align", *map(str, files), "--words", "spaces"),
        *("--format", "pharaoh+prob", "--possible", "0.02", "--out", str(folder / "links")),
        *("--save", str(folder / "aligner")),
    ]
    began = time.monotonic()
    subprocess.run(command, check=True)
    usage = resource.getrusage(resource.RUSAGE_CHILDREN)
    return {
        "seconds": round(time.monotonic() - began, 1),
        "MB of the largest process": round(usage.ru_maxrss / 1e3),
    }


def links_above(lines: list[str], threshold: float) -> dict[int, set[Indices]]:
    links: dict[int, set[Indices]] = {}
    for number, line in enumerate(lines):
        links[number] = set()
        for link in line.split():
            words, _, probability = link.partition(":")
            if float(probability) > threshold:
                source, target = words.split("-")
                links[number].add((int(source), int(target)))
    return links


def links_by(way: str, text: list[Path], folder: Path, last: int) -> dict[int, set[Indices]]:
    """The links of the last sentences, by the saved aligner."""
    for file in text:
        end = file.with_name(f"last{file.suffix}")
        end.write_text("".join(f"{line}\n" for line in read(file)[-last:]), encoding="utf-8")
    out = folder / f"links-{way}"
    command = [
        *(sys.executable, "-m", "regard", "align"),
        *(str(file.with_name(f"last{file.suffix}")) for file in text),
        *("--words", "spaces", "--model", str(folder / "aligner")),
        *("--symmetrize", way, "--out", str(out)),
    ]
    subprocess.run(command, check=True)
    return {
        number: {(int(a), int(b)) for a, b in (link.split("-") for link in line.split())}
        for number, line in enumerate(read(out))
    }


def eflomal(program: str, text: list[Path], folder: Path) -> tuple[dict[int, set[Indices]], float]:
    """The intersection of its two directions, and the seconds that it takes."""
    began = time.monotonic()
    outs = folder / "forward", folder / "backward"
    source, target = map(str, text)
    command = [program, "-s", source, "-t", target, "-f", str(outs[0]), "-r", str(outs[1])]
    subprocess.run([*command, "--overwrite"], check=True)
    seconds = time.monotonic() - began
    both = [[set(line.split()) for line in read(out)] for out in outs]
    links = {
        number: {(int(a), int(b)) for a, b in (link.split("-") for link in one & other)}
        for number, (one, other) in enumerate(zip(*both, strict=True))
    }
    return links, seconds


def as_row(quality: AlignmentQuality) -> dict[str, float]:
    return {name: round(value, 2) for name, value in quality._asdict().items()}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.split("\n\n")[0])
    parser.add_argument("--gold", nargs=3, type=Path, required=True, metavar="FILE")
    parser.add_argument("--text", nargs=2, type=Path, action="append", default=[], metavar="FILE")
    parser.add_argument("--pairs", type=int, default=0, help="of each text at most")
    parser.add_argument("--longest", type=int, default=MODEL_WORDS, help="words of a sentence")
    parser.add_argument("--threshold", type=float, default=0.3)
    parser.add_argument("--name", default="alignment")
    parser.add_argument(
        "--eflomal", default="", metavar="PROGRAM", help="eflomal-align, where it is"
    )
    parser.add_argument("--results", type=Path, default=HERE / "results")
    asked = parser.parse_args()
    pairs = [
        pair for files in asked.text for pair in normalized_pairs(files, asked.longest, asked.pairs)
    ]
    gold_text = [
        (plain(source).strip(), plain(target).strip())
        for source, target in zip(*map(read, asked.gold[:2]), strict=True)
    ]
    lengths = [(len(source.split()), len(target.split())) for source, target in gold_text]
    gold = read_gold(asked.gold[2], lengths)
    with tempfile.TemporaryDirectory() as temporary:
        folder = Path(temporary)
        text = write_text(pairs + gold_text, folder)
        result: dict[str, object] = {
            "pairs": len(pairs),
            "gold sentences": len(gold),
            "threshold": asked.threshold,
            **align(text, folder),
        }
        lines = read(folder / "links")[-len(gold_text) :]
        quality = measure_links(links_above(lines, asked.threshold), gold)
        print(quality_line(quality))
        result["quality"] = as_row(quality)
        result["AER by threshold"] = {
            str(threshold): round(measure_links(links_above(lines, threshold), gold).aer, 2)
            for threshold in (0.2, 0.25, 0.3, 0.4, 0.5)
        }
        result["AER by symmetrization, of the saved aligner"] = {
            way: round(measure_links(links_by(way, text, folder, len(gold_text)), gold).aer, 2)
            for way in ("threshold", *SYMMETRIZATIONS)
        }
        if asked.eflomal:
            links, seconds = eflomal(asked.eflomal, text, folder)
            last = {sentence: links[len(pairs) + sentence] for sentence in range(len(gold_text))}
            result["eflomal, intersection"] = as_row(measure_links(last, gold))
            result["eflomal, seconds"] = round(seconds, 1)
    result["system"] = describe_system()
    asked.results.mkdir(parents=True, exist_ok=True)
    write_json(asked.results / f"{asked.name}.json", result)
    print(json.dumps(result, indent=2))


if __name__ == "__main__":
    main()
