"""Lines of text translated and written, wherever that is computed."""

import json
from collections.abc import Sequence
from typing import NamedTuple

from msgspec import structs

from regard.alignment.links import SURE_PROBABILITY, Alignment
from regard.data.formats.lines import is_too_long, is_utf8
from regard.translation import WARNINGS, Translation
from regard.translation_json import alignment_as_json, translation_as_json
from regard.translator import Translator

REPLACEMENT = "\ufffd"
"""Replaces bytes that are not UTF-8."""
BARS = " ||| "
"""Between a translation and its links, as Marian writes them."""

LINE_WARNINGS: dict[str, str] = {
    "not utf-8": "bytes that are not UTF-8; iconv converts a file",
    "truncated": "longer than a megabyte; the rest of the line was not translated",
    **{str(kind): message for kind, message in WARNINGS.items()},
}
"""What may be wrong with a line or with its translation."""


class OutputOptions(NamedTuple):
    """How lines are translated and written."""

    n_best: int
    prefix: str
    as_json: bool
    align: bool
    no_sentence_splitting: bool
    paragraphs: bool
    without: tuple[str, ...]
    protect: str
    tag: str = ""


class Request(NamedTuple):
    """All that decides what the translation of a line is, apart from the model."""

    output: OutputOptions
    beam: int
    """The size of the beam; 0 is the model's own."""
    shortlist: bool

    def prepare(self, translator: Translator) -> Translator:
        """The same model, which translates as asked. Raises RegardError if it cannot."""
        if self.shortlist:
            translator = translator.with_shortlist()
        if self.beam:
            translator = translator.with_beam(self.beam)
        return with_stages(translator, self.output)


class WrittenLine(NamedTuple):
    """The translation of a line."""

    text: str
    """As it is written, without the last line feed; with n_best it has several lines."""
    warnings: tuple[str, ...]
    """Keys of `LINE_WARNINGS`."""


def translate_lines(
    translator: Translator, output: OutputOptions, lines: Sequence[bytes], first: int
) -> list[WrittenLine]:
    """Translate lines of text, of which the number of the first one is `first`."""
    texts = [line.decode("utf-8", errors="replace") for line in lines]
    n_best = translate_chunk(translator, texts, output)
    return [
        WrittenLine(
            write_line(best, output, number).removesuffix("\n"), tuple(warning_kinds(line, best[0]))
        )
        for number, (line, best) in enumerate(zip(lines, n_best, strict=True), first)
    ]


def with_stages(translator: Translator, output: OutputOptions) -> Translator:
    """The translator with the stages of text that were asked for."""
    switched_off = dict.fromkeys(output.without, False)
    options = structs.replace(translator.pipeline.options, **switched_off)
    translator = translator.with_text_options(options).with_tag(output.tag)
    return translator.protecting(output.protect) if output.protect else translator


def translate_chunk(
    translator: Translator, lines: list[str], output: OutputOptions
) -> list[list[Translation]]:
    """The best translations of each line."""
    if not output.no_sentence_splitting:
        n_best = [[translation] for translation in translator.translate(lines)]
    elif output.prefix:
        n_best = translator.translate_with_prefix(lines, output.prefix)
    else:
        n_best = translator.n_best(lines)
    n_best = [best[: output.n_best] for best in n_best]
    if output.align:
        translator.align([each for best in n_best for each in best])
    return n_best


def warning_kinds(line: bytes, best: Translation) -> list[str]:
    """What is wrong with a line or with its translation: keys of `LINE_WARNINGS`."""
    kinds = []
    if REPLACEMENT in best.source and not is_utf8(line):
        kinds.append("not utf-8")
    if is_too_long(line):
        kinds.append("truncated")
    return [*kinds, *dict.fromkeys(warning.kind for warning in best.warnings)]


def write_line(best: list[Translation], output: OutputOptions, number: int) -> str:
    """The translations of line `number` as they are written, with a line feed at the end."""
    return json_line(best, output.align) if output.as_json else text_lines(best, output, number)


def text_lines(best: list[Translation], output: OutputOptions, number: int) -> str:
    texts = [
        f"{it.text}{BARS}{sure_links(it.alignment)}" if output.align else it.text for it in best
    ]
    if output.n_best == 1:
        return f"{texts[0]}\n"
    scored = zip(best, texts, strict=True)
    return "".join(f"{number}\t{it.log_prob:.4f}\t{text}\n" for it, text in scored)


def sure_links(alignment: Alignment) -> str:
    links = (link for link in alignment.links if link.probability > SURE_PROBABILITY)
    return " ".join(f"{link.source}-{link.target}" for link in links)


def json_line(best: list[Translation], align: bool) -> str:
    written = [
        {**translation_as_json(each), **(alignment_as_json(each) if align else {})} for each in best
    ]
    content = {"source": best[0].source, "translations": written}
    return json.dumps(content, ensure_ascii=False) + "\n"
