"""SubRip (.srt) and WebVTT (.vtt): the texts of cues; times, numbers and settings stay."""

import re
from bisect import bisect_left
from collections.abc import Callable, Iterator, Sequence
from html import unescape
from typing import NamedTuple

from regard.documents.coded import CodedText, decode_pieces, encode_pieces, visible_text
from regard.documents.file_document import (
    TRANSLATABLE,
    DocumentSegment,
    FileDocument,
    decode_utf8,
    is_unchanged,
)
from regard.errors import RegardError
from regard.markup.pieces import Piece
from regard.markup.segments import tree
from regard.text.languages import Languages

LINE = re.compile(r"([^\r\n]*)(\r\n|\r|\n|$)")
TIME = r"(?:(\d{1,9}):)?(\d{1,2}):(\d{1,2})[,.](\d{1,3})"
TIMES = re.compile(rf"[ \t\ufeff]*{TIME}[ \t]*-->[ \t]*{TIME}(?:[ \t].*)?")
CUE_NUMBER = re.compile(r"[ \t\ufeff]*\d+[ \t]*")
TIMESTAMP = r"<\d[\d:.]*>"
OVERRIDE = r"\{\\[^{}\r\n]*\}"
"""Such as {\\an8}, which says where on the screen a text stands."""
DASH = re.compile(r"\s*[-\u2010-\u2015\u2212](?!-)[ \t]*(?=\S)")
"""Begins what another speaker says."""
LEAD = re.compile(rf"(?:{DASH.pattern})?\s*")
LINE_BREAKS = re.compile(r"\r\n|\r|\n")
DASH_BEFORE = re.compile(r"[-\u2010-\u2015\u2212][ \t]*\Z")
CONTINUATION = re.compile(r"\s*[a-zß-öø-ÿ\u0101-\u024f\u03ac-\u03ce\u0430-\u045f]")
"""Begins with a small letter, as the rest of a sentence does."""
SENTENCE_PART = re.compile(r"[\w,;][\"'»”)]?\s*\Z")
"""Ends as the first part of a sentence may."""
MAX_PAUSE = 1500
"""Milliseconds between two cues of one sentence."""
MAX_JOINED_CUES = 8
CUE_END = Piece("empty", "", "end of cue")


class SubtitleFormat(NamedTuple):
    """How two formats that are nearly the same differ."""

    tag: re.Pattern[str]
    meaning: Callable[[str], str]
    """Of a text in the file."""
    writing: Callable[[str], str]
    """Of a text that is put into the file."""
    has_blank_lines: bool
    """Whether a cue's text goes on after a blank line."""


def vtt_text(text: str) -> str:
    text = text.replace("&", "&amp;").replace("<", "&lt;")
    return text.replace("-->", "--&gt;")


def srt_text(text: str) -> str:
    return text.replace("-->", "->")


SRT = SubtitleFormat(
    re.compile(
        rf"{OVERRIDE}|{TIMESTAMP}|</?(?:b|i|u|s|font|c|v|lang|ruby|rt)(?:[ .\t\r\n][^<>]*)?>",
        re.IGNORECASE,
    ),
    str,
    srt_text,
    True,
)
VTT = SubtitleFormat(
    re.compile(rf"{OVERRIDE}|{TIMESTAMP}|</?[A-Za-z][^<>]*>"), unescape, vtt_text, False
)


class SubtitleUnit(NamedTuple):
    """What one speaker says in one cue."""

    before: str
    """Codes and a dash that stay where they are."""
    pieces: list[Piece]
    after: str
    lines: int
    line_end: str
    raw: str
    """As it is written."""
    times: tuple[int, int]
    """Of its cue: begin and end, in milliseconds."""
    is_alone: bool


class Sentence(NamedTuple):
    """Units that are translated together."""

    units: list[SubtitleUnit]
    coded: CodedText


def read_srt(name: str, content: bytes, _: Languages) -> FileDocument:
    return read_subtitles(name, content, SRT)


def read_vtt(name: str, content: bytes, _: Languages) -> FileDocument:
    return read_subtitles(name, content, VTT)


def read_subtitles(name: str, content: bytes, form: SubtitleFormat) -> FileDocument:
    """Raises RegardError if a file has no times, or a time that cannot be read."""
    parts = list(read_parts(name, decode_utf8(content, name), form))
    units = [part for part in parts if isinstance(part, SubtitleUnit)]
    sentences = [
        sentence_of(group)
        for group in joined_units(units)
        if any(TRANSLATABLE.search(visible_text(unit.pieces)) for unit in group)
    ]

    def write(translations: Sequence[str]) -> bytes:
        written: dict[int, str] = {}
        for sentence, translation in zip(sentences, translations, strict=True):
            texts = write_sentence(sentence, translation, form)
            written |= {id(unit): text for unit, text in zip(sentence.units, texts, strict=True)}
        return "".join(
            part if isinstance(part, str) else written.get(id(part), part.raw) for part in parts
        ).encode()

    return FileDocument([DocumentSegment(each.coded.text, "inline") for each in sentences], write)


def read_parts(name: str, text: str, form: SubtitleFormat) -> Iterator[str | SubtitleUnit]:
    """Units, and what is between them."""
    lines = [match.groups() for match in LINE.finditer(text)]
    matches = [TIMES.fullmatch(line) for line, _ in lines]
    if text.strip("\ufeff \t\r\n") and not any(matches) and not is_empty_vtt(text, form):
        raise RegardError(
            "this file has no times of subtitles",
            name,
            "give a file with lines like 00:00:01,000 --> 00:00:02,500, or add --format text",
        )
    block: list[tuple[str, str]] = []
    times: tuple[int, int] | None = None
    for number, (line, end) in enumerate(lines):
        is_blank = not (line.strip(" \t") if form.has_blank_lines else line)
        starts_cue = number + 1 < len(lines) and matches[number + 1] is not None
        follows_blank = number == 0 or not lines[number - 1][0].strip()
        is_label = starts_cue and (follows_blank or CUE_NUMBER.fullmatch(line) is not None)
        match = matches[number]
        if match is None and "-->" in line:
            raise RegardError(
                "this is no time of a subtitle",
                f"{name}, line {number + 1}",
                "write it like 00:00:01,000 --> 00:00:02,500",
            )
        if times and not (match or is_blank or is_label):
            block.append((line, end))
            continue
        if times and block:
            yield from units_of(block, times, form)
            block = []
        yield line + end
        if match:
            numbers = [int(each or 0) for each in match.groups()]
            times = milliseconds(numbers[:4]), milliseconds(numbers[4:])
        elif is_blank and not form.has_blank_lines:
            times = None
    if times and block:
        yield from units_of(block, times, form)


def is_empty_vtt(text: str, form: SubtitleFormat) -> bool:
    return form is VTT and text.lstrip("\ufeff").startswith("WEBVTT")


def milliseconds(time: Sequence[int]) -> int:
    hours, minutes, seconds, fraction = time
    return ((hours * 60 + minutes) * 60 + seconds) * 1000 + fraction


def units_of(
    block: Sequence[tuple[str, str]], times: tuple[int, int], form: SubtitleFormat
) -> Iterator[str | SubtitleUnit]:
    """The units of the lines of a cue, and the line ends behind them: a dialogue is one unit for
    each line that begins with a dash."""
    starts = [n for n, (line, _) in enumerate(block) if DASH.match(form.tag.sub("", line))]
    starts = sorted({0, *starts}) if len(starts) > 1 else [0]
    for begin, stop in zip(starts, [*starts[1:], len(block)], strict=True):
        lines = block[begin:stop]
        raw = "".join(line + end for line, end in lines)
        last_end = lines[-1][1]
        raw = raw.removesuffix(last_end)
        yield read_unit(raw, lines[0][1], times, len(starts) == 1, form)
        yield last_end


def read_unit(
    raw: str,
    line_end: str,
    times: tuple[int, int],
    is_alone: bool,
    form: SubtitleFormat,
) -> SubtitleUnit:
    nodes = tree(pieces_of(raw, form))
    first, last = 0, len(nodes) - 1
    while first <= last:
        kind, partner = nodes[first].piece.kind, nodes[first].partner
        if kind != "text" and partner == first:
            first += 1
        elif kind != "text" and partner == last:
            first, last = first + 1, last - 1
        elif nodes[last].piece.kind != "text" and nodes[last].partner == last:
            last -= 1
        else:
            break
    pieces = [node.piece for node in nodes[first : last + 1]]
    before = "".join(node.piece.raw for node in nodes[:first])
    after = "".join(node.piece.raw for node in nodes[last + 1 :])
    if pieces and pieces[0].kind == "text":
        lead = LEAD.match(pieces[0].raw)
        assert lead is not None
        before += lead[0]
        pieces[0] = Piece("text", pieces[0].raw[lead.end() :])
    if pieces and pieces[-1].kind == "text":
        text = pieces[-1].raw.rstrip()
        after = pieces[-1].raw[len(text) :] + after
        pieces[-1] = Piece("text", text)
    breaks = LINE_BREAKS.findall("".join(piece.raw for piece in pieces if piece.kind == "text"))
    return SubtitleUnit(before, pieces, after, len(breaks) + 1, line_end, raw, times, is_alone)


def pieces_of(raw: str, form: SubtitleFormat) -> list[Piece]:
    pieces, end = list[Piece](), 0
    for match in form.tag.finditer(raw):
        if match.start() > end:
            pieces.append(Piece("text", form.meaning(raw[end : match.start()])))
        tag, end = match[0], match.end()
        if re.fullmatch(rf"{OVERRIDE}|{TIMESTAMP}", tag):
            pieces.append(Piece("empty", tag, "code"))
        else:
            name = re.split(r"[\s.>]", tag.lstrip("</"), maxsplit=1)[0].lower()
            pieces.append(Piece("close" if tag.startswith("</") else "open", tag, name))
    if end < len(raw):
        pieces.append(Piece("text", form.meaning(raw[end:])))
    return pieces


def joined_units(units: Sequence[SubtitleUnit]) -> Iterator[list[SubtitleUnit]]:
    """Units in groups: a sentence that goes on in the next cue is translated as one."""
    group: list[SubtitleUnit] = []
    for unit in units:
        if group and not (len(group) < MAX_JOINED_CUES and continues(group[-1], unit)):
            yield group
            group = []
        group.append(unit)
    if group:
        yield group


def continues(unit: SubtitleUnit, following: SubtitleUnit) -> bool:
    """Whether a sentence goes on in the next cue."""
    return (
        unit.is_alone
        and following.is_alone
        and following.times[0] - unit.times[1] <= MAX_PAUSE
        and not DASH_BEFORE.search(unit.before)
        and not DASH_BEFORE.search(following.before)
        and SENTENCE_PART.search(visible_text(unit.pieces)) is not None
        and CONTINUATION.match(visible_text(following.pieces)) is not None
    )


def sentence_of(units: list[SubtitleUnit]) -> Sentence:
    pieces = list(units[0].pieces)
    for unit in units[1:]:
        pieces += [Piece("text", " "), CUE_END, Piece("text", " "), *unit.pieces]
    return Sentence(units, encode_pieces(pieces))


def write_sentence(sentence: Sentence, translation: str, form: SubtitleFormat) -> list[str]:
    """The texts of its units."""
    units = sentence.units
    if is_unchanged(sentence.coded.text, translation):
        return [unit.raw for unit in units]
    pieces = in_order_of_time(decode_pieces(sentence.coded, translation), sentence.coded)
    parts = divided_at_cues(pieces)
    if not all(visible_text(part).strip() for part in parts):
        parts = divided_by_length(pieces, [len(visible_text(unit.pieces)) for unit in units])
    return [
        unit.before + cue_lines(trimmed(part), unit, form) + unit.after
        for unit, part in zip(units, parts, strict=True)
    ]


def in_order_of_time(pieces: Sequence[Piece], coded: CodedText) -> list[Piece]:
    """The pieces, with the times inside of a text in the order of the source."""
    times = iter([piece for piece in coded.pieces if piece.name == "code"])
    return [next(times) if piece.name == "code" else piece for piece in pieces]


def divided_at_cues(pieces: Sequence[Piece]) -> list[list[Piece]]:
    parts: list[list[Piece]] = [[]]
    for piece in pieces:
        if piece == CUE_END:
            parts.append([])
        else:
            parts[-1].append(piece)
    return parts


def divided_by_length(pieces: Sequence[Piece], lengths: Sequence[int]) -> list[list[Piece]]:
    """The pieces in as many parts as there are lengths, cut at spaces outside of all elements,
    each nearly as long as its share; the last ones are empty if there are too few words."""
    rest = [piece for piece in pieces if piece != CUE_END]
    words: list[list[Piece]] = [[]]
    for piece, parent, _ in tree(rest):
        if piece.kind == "text" and parent < 0:
            first, *others = re.split(r"\s+", piece.raw)
            words[-1].append(Piece("text", first))
            words += [[Piece("text", other)] for other in others]
        else:
            words[-1].append(piece)
    words = [word for word in words if any(piece.raw for piece in word)]
    parts: list[list[Piece]] = [[] for _ in lengths]
    total = sum(len(visible_text(word)) for word in words)
    bounds = [sum(lengths[: n + 1]) / max(1, sum(lengths)) * total for n in range(len(lengths))]
    done, number = 0, 0
    for left, word in zip(range(len(words), 0, -1), words, strict=True):
        size = len(visible_text(word))
        is_due = done + size / 2 > bounds[number] or left <= len(lengths) - number - 1
        if parts[number] and number + 1 < len(lengths) and is_due:
            number += 1
        parts[number] += [Piece("text", " "), *word] if parts[number] else word
        done += size
    return parts


def trimmed(pieces: Sequence[Piece]) -> list[Piece]:
    """The pieces without white space at both ends."""
    kept = list(pieces)
    for index, strip in ((0, str.lstrip), (-1, str.rstrip)):
        while kept and kept[index].kind == "text":
            kept[index] = Piece("text", strip(kept[index].raw))
            if kept[index].raw:
                break
            del kept[index]
    return kept


def cue_lines(pieces: Sequence[Piece], unit: SubtitleUnit, form: SubtitleFormat) -> str:
    """The pieces in as many lines as the unit had, of balanced length, if they have the words."""
    texts = [re.sub(r"\s+", " ", piece.raw) if piece.kind == "text" else "" for piece in pieces]
    shown = "".join(texts)
    cuts = set(balanced_cuts(shown, unit.lines))
    parts, position = [], 0
    for piece, text in zip(pieces, texts, strict=True):
        if piece.kind != "text":
            parts.append(piece.raw)
            continue
        begin = 0
        for index in range(len(text)):
            if position + index in cuts:
                parts += [form.writing(text[begin:index]), unit.line_end]
                begin = index + 1
        parts.append(form.writing(text[begin:]))
        position += len(text)
    return "".join(parts)


def balanced_cuts(text: str, lines: int) -> list[int]:
    """The indices of the spaces that divide a text into lines of nearly equal length."""
    spaces = [match.start() for match in re.finditer(r"(?<=\S) (?=\S)", text)]
    cuts: list[int] = []
    for number in range(1, lines):
        if not spaces:
            break
        ideal = number * len(text) / lines
        after = bisect_left(spaces, ideal)
        near = spaces[max(0, after - 1) : after + 1]
        cut = min(near, key=lambda space: abs(space - ideal))
        cuts.append(cut)
        spaces = spaces[spaces.index(cut) + 1 :]
    return cuts
