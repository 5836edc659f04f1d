"""GNU gettext catalogs (.po, .pot): entries without a translation are filled; all else stays."""

import re
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from html import unescape
from typing import NamedTuple

from regard.documents.coded import CodedText, decode_pieces, encode_pieces
from regard.documents.file_document import (
    TRANSLATABLE,
    DocumentSegment,
    FileDocument,
    decode_utf8,
    is_unchanged,
)
from regard.errors import RegardError
from regard.markup.elements import BLOCKS
from regard.markup.pieces import Piece, parse_html
from regard.markup.segments import with_atoms
from regard.text.languages import Languages, canonical, without_region

FIELD = re.compile(
    r'(?:(msgctxt|msgid_plural|msgid|msgstr(?:\[(\d{1,2})\])?)[ \t]*)?"((?:[^"\\]|\\.)*+)"[ \t]*'
)
ESCAPE = re.compile(r"\\([0-7]{1,3}|x[0-9a-fA-F]{2}|.)")
MEANINGS = {"n": "\n", "t": "\t", "r": "\r", "a": "\a", "b": "\b", "f": "\f", "v": "\v"}
ESCAPED_CHARACTERS = {'"': '\\"', "\\": "\\\\"} | {
    meaning: f"\\{letter}" for letter, meaning in MEANINGS.items()
}
MESSAGE_TAG = re.compile(r"</?[A-Za-z][\w:-]*(?:\s[^<>]*)?/?>")
FORMAT_MARK = re.compile(
    r"%%|%\([\w.]+\)[-+0#]*\d*(?:\.\d+)?[a-zA-Z]|%\d*\$?[-+0#]*\d*(?:\.\d+)?(?:hh?|ll?|[Lqjzt])?"
    r"[diouxXeEfFgGaAcspn@](?![a-zà-ÿ]{2})|\{\{?\s?[\w.:!,]*\s?\}?\}"
)
"""What programs replace: %s, %(name)d, {0}, {{name}}."""
ACCELERATOR = re.compile(r"(?<!\w)([_&])(?=[^\W\d_](?!\w*;))")
"""A sign before the letter that is a key: _File, &File; not the beginning of &amp;."""
ACCELERATOR_IN_WORD = re.compile(r"([A-Z][a-z]*)[_&]([a-z]+(?:\.\.\.|…)?)")
"""A menu entry of one word: E_xit."""

PLURAL_RULES = {
    "nplurals=1; plural=0;": "ja ko zh vi th id",
    "nplurals=2; plural=(n != 1);": "en de nl sv da no nb nn fi it es pt el hu bg et tr he hi",
    "nplurals=2; plural=(n > 1);": "fr pt-BR fa",
    "nplurals=3; plural=(n%10==1 && n%100!=11 ? 0 : n%10>=2 && n%10<=4 && (n%100<10 ||"
    " n%100>=20) ? 1 : 2);": "ru uk sr hr",
    "nplurals=3; plural=(n==1 ? 0 : n%10>=2 && n%10<=4 && (n%100<10 || n%100>=20) ? 1 : 2);": "pl",
    "nplurals=3; plural=(n==1 ? 0 : n>=2 && n<=4 ? 1 : 2);": "cs sk",
    "nplurals=3; plural=(n==1 ? 0 : (n==0 || (n%100>0 && n%100<20)) ? 1 : 2);": "ro",
    "nplurals=3; plural=(n%10==1 && n%100!=11 ? 0 : n%10>=2 && (n%100<10 || n%100>=20) ? 1 : 2);": (
        "lt"
    ),
    "nplurals=3; plural=(n%10==1 && n%100!=11 ? 0 : n != 0 ? 1 : 2);": "lv",
    "nplurals=4; plural=(n%100==1 ? 0 : n%100==2 ? 1 : n%100==3 || n%100==4 ? 2 : 3);": "sl",
    "nplurals=6; plural=(n==0 ? 0 : n==1 ? 1 : n==2 ? 2 : n%100>=3 && n%100<=10 ? 3 : n%100>=11"
    " ? 4 : 5);": "ar",
}
"""The languages with each rule, as the manual of gettext writes it."""
USUAL_RULE = "nplurals=2; plural=(n != 1);"


class Field(NamedTuple):
    """A keyword of an entry with its text."""

    begin: int
    """Its first line, and the line after its last."""
    end: int
    text: str


class Entry(NamedTuple):
    begin: int
    """The line of its first keyword."""
    fields: dict[str, Field]
    flags: int
    """The line of its flags; -1 for none."""

    @property
    def translations(self) -> list[Field]:
        return [field for name, field in self.fields.items() if name.startswith("msgstr")]


class Message(NamedTuple):
    """A text of an entry that is translated."""

    source: str
    coded: CodedText
    accelerator: str
    """The sign that was taken out; empty for none."""


class Header(NamedTuple):
    """What the header says of plurals."""

    forms: int
    rule: str
    """What is written; empty if it is there."""


Edits = dict[int, str]
"""New text for lines, by their indices: instead of a line, all of its text."""


def read_po(name: str, content: bytes, languages: Languages) -> FileDocument:
    """Raises RegardError if a line cannot be read, or if the file is translated to another
    language."""
    lines = re.findall(r"[^\n]*\n|[^\n]+", decode_utf8(content, name))
    entries = list(read_entries(name, lines))
    if entries and "msgid" not in entries[0].fields:
        raise no_entry(name, entries[0].begin)
    if not entries and any(line.strip("\ufeff \t\r\n") and line[0] != "#" for line in lines):
        raise no_entry(name, 0)
    header_entry = next((entry for entry in entries if not entry.fields["msgid"].text), None)
    refuse_other_target(name, header_entry, entries, languages)
    header = read_header(header_entry, languages)
    open_entries = [entry for entry in entries if is_open(entry)]
    sources = [
        (entry, read_message(text)) for entry in open_entries for text in source_texts(entry)
    ]
    messages = [message for _, message in sources if TRANSLATABLE.search(message.source)]

    def write(translations: Sequence[str]) -> bytes:
        if all(map(is_unchanged, (each.coded.text for each in messages), translations)):
            return content
        known = iter(zip(messages, translations, strict=True))
        edits: Edits = edit_header(lines, header_entry, header, languages)
        for entry in open_entries:
            texts = [message_text(known, text) for text in source_texts(entry)]
            edits |= filled_entry(lines, entry, texts, header.forms)
        return "".join(edits.get(index, line) for index, line in enumerate(lines)).encode()

    return FileDocument([DocumentSegment(each.coded.text, "inline") for each in messages], write)


def no_entry(name: str, line: int) -> RegardError:
    return RegardError(
        "this is not an entry of a gettext catalog",
        f"{name}, line {line + 1}",
        'write msgid "..." and msgstr "...", as msgfmt demands',
    )


def read_entries(name: str, lines: Sequence[str]) -> Iterator[Entry]:
    """Raises RegardError if a line is neither a comment nor a part of an entry."""
    fields: dict[str, Field] = {}
    flags, keyword = -1, ""
    for number, line in enumerate(lines):
        text = line.removeprefix("\ufeff").strip()
        if not text or text.startswith("#"):
            if fields and any(each.startswith("msgstr") for each in fields):
                yield Entry(min(field.begin for field in fields.values()), fields, flags)
                fields, flags, keyword = {}, -1, ""
            if text.startswith("#,"):
                flags = number
            continue
        match = FIELD.fullmatch(text)
        if match is None or not (match[1] or keyword):
            raise no_entry(name, number)
        if match[1]:
            if match[1] in ("msgctxt", "msgid") and any(f.startswith("msgstr") for f in fields):
                yield Entry(min(field.begin for field in fields.values()), fields, flags)
                fields, flags = {}, -1
            if match[1] in fields or (match[1] == "msgctxt" and "msgid" in fields):
                raise no_entry(name, number)
            keyword = match[1]
            fields[keyword] = Field(number, number + 1, meaning_of(match[3]))
            if keyword.startswith("msgstr") and "msgid" not in fields:
                raise no_entry(name, number)
        else:
            begin, _, before = fields[keyword]
            fields[keyword] = Field(begin, number + 1, before + meaning_of(match[3]))
    if fields:
        if not any(each.startswith("msgstr") for each in fields):
            raise no_entry(name, len(lines) - 1)
        yield Entry(min(field.begin for field in fields.values()), fields, flags)


def meaning_of(written: str) -> str:
    def character(match: re.Match[str]) -> str:
        sign = match[1]
        if sign[0] in "01234567":
            return chr(int(sign, 8))
        return chr(int(sign[1:], 16)) if len(sign) > 1 else MEANINGS.get(sign, sign)

    return ESCAPE.sub(character, written) if "\\" in written else written


def is_open(entry: Entry) -> bool:
    """Whether an entry is to be translated: no form of its translation has text."""
    return bool(entry.fields["msgid"].text) and not any(field.text for field in entry.translations)


def source_texts(entry: Entry) -> list[str]:
    """The singular and, where there is one, the plural."""
    names = [name for name in ("msgid", "msgid_plural") if name in entry.fields]
    return [entry.fields[name].text for name in names]


def read_message(text: str) -> Message:
    """A text of a program; tags are codes if it has any."""
    plain, sign = text, ""
    if match := ACCELERATOR_IN_WORD.fullmatch(text):
        plain, sign = match[1] + match[2], text[match.end(1)]
    elif len(marks := ACCELERATOR.findall(text)) == 1 and not MESSAGE_TAG.search(text):
        plain, sign = ACCELERATOR.sub("", text), marks[0]
    if not MESSAGE_TAG.search(plain):
        return Message(text, encode_pieces(with_lines_apart([Piece("text", plain)], str)), sign)
    pieces = [
        piece._replace(kind="other") if piece.name in BLOCKS and piece.kind != "atom" else piece
        for piece in with_atoms(parse_html(plain), "html")
    ]
    return Message(text, encode_pieces(with_lines_apart(pieces, unescape)), sign)


def with_lines_apart(pieces: Sequence[Piece], meaning: Callable[[str], str]) -> list[Piece]:
    """The pieces, in which line ends divide text; texts as what they mean."""
    divided: list[Piece] = []
    for piece in pieces:
        if piece.kind == "text":
            parts = enumerate(re.split(r"(\n)", piece.raw))
            divided += [
                Piece("other", part) if number % 2 else Piece("text", meaning(part))
                for number, part in parts
                if part
            ]
        else:
            divided.append(piece)
    return divided


def message_text(known: Iterator[tuple[Message, str]], source: str) -> str:
    """The translation of a text of an entry; what has no letters is copied."""
    if not TRANSLATABLE.search(source):
        return source
    message, translation = next(known)
    has_tags = MESSAGE_TAG.search(message.source) is not None
    forms = {
        meaning: form
        for form, meaning in (("&amp;", "&"), ("&lt;", "<"), ("&gt;", ">"), ("&nbsp;", "\u00a0"))
        if has_tags and form in message.source
    }
    text = "".join(
        "".join(forms.get(each, each) for each in piece.raw) if piece.kind == "text" else piece.raw
        for piece in decode_pieces(message.coded, translation)
    )
    if message.accelerator and (letter := TRANSLATABLE.search(text)):
        text = text[: letter.start()] + message.accelerator + text[letter.start() :]
    start, end = source.startswith("\n"), source.endswith("\n")
    return "\n" * start + text.strip("\n") + "\n" * end if start or end else text


def filled_entry(lines: Sequence[str], entry: Entry, texts: Sequence[str], forms: int) -> Edits:
    """The lines of an entry with its translations; marked fuzzy if a format mark is not as it
    was."""
    sources = source_texts(entry)
    end = "\r\n" if lines[entry.begin].endswith("\r\n") else "\n"
    if len(texts) == 1:
        new = written("msgstr", texts[0], end)
    else:
        first = 1 if forms == 1 else 0
        chosen = [texts[first], *[texts[1]] * (forms - 1)]
        new = "".join(written(f"msgstr[{n}]", text, end) for n, text in enumerate(chosen))
    fields = sorted(entry.translations)
    begin, stop = fields[0].begin, fields[-1].end
    if not lines[stop - 1].endswith("\n"):
        new = new.removesuffix(end)
    edits: Edits = dict.fromkeys(range(begin, stop), "") | {begin: new}
    if any(marks_differ(source, text) for source, text in zip(sources, texts, strict=True)):
        edits |= with_fuzzy(lines, entry, end)
    return edits


def marks_differ(source: str, text: str) -> bool:
    """Whether a translation lacks format marks, has others, or has those without a name in another
    order."""
    own, new = FORMAT_MARK.findall(source), FORMAT_MARK.findall(text)
    in_order = [
        [mark for mark in marks if re.match(r"%[^(%]", mark) and "$" not in mark]
        for marks in (own, new)
    ]
    return Counter(own) != Counter(new) or in_order[0] != in_order[1]


def with_fuzzy(lines: Sequence[str], entry: Entry, end: str) -> Edits:
    if entry.flags < 0:
        return {entry.begin: f"#, fuzzy{end}{lines[entry.begin]}"}
    line = lines[entry.flags]
    if re.search(r"\bfuzzy\b", line):
        return {}
    return {entry.flags: line.replace("#,", "#, fuzzy,", 1)}


def written(keyword: str, text: str, end: str) -> str:
    """A field as msgcat writes it: a text of several lines has one string for each."""
    strings = re.findall(r"[^\n]*\n|[^\n]+", text) or [""]
    if len(strings) > 1:
        strings = ["", *strings]
    escaped = ("".join(ESCAPED_CHARACTERS.get(each, each) for each in part) for part in strings)
    return f"{keyword} " + "".join(f'"{part}"{end}' for part in escaped)


def header_value(entry: Entry | None, key: str) -> str:
    if entry is None:
        return ""
    text = "".join(field.text for field in entry.translations)
    match = re.search(rf"^{key}:[ \t]*(.*)$", text, re.MULTILINE)
    return match[1].strip() if match else ""


def refuse_other_target(
    name: str, header: Entry | None, entries: Sequence[Entry], languages: Languages
) -> None:
    """Raises RegardError if entries are translated to another language than the model's."""
    language = header_value(header, "Language")
    is_begun = any(
        entry.fields["msgid"].text and any(field.text for field in entry.translations)
        for entry in entries
    )
    code = re.split(r"[@.]", language)[0]
    if not (is_begun and re.fullmatch(r"[A-Za-z]{2,3}(?:[_-]\w+)*", code) and languages[1]):
        return
    if without_region(canonical(code)) != without_region(languages[1]):
        raise RegardError(
            f"this catalog has translations to '{language}', and the model translates to"
            f" '{languages[1]}'",
            f"{name}, its header",
            "choose another model, or correct the line Language: of the header",
        )


def read_header(entry: Entry | None, languages: Languages) -> Header:
    value = header_value(entry, "Plural-Forms")
    if match := re.search(r"nplurals\s*=\s*(\d{1,2})", value):
        return Header(max(1, int(match[1])), "")
    rules = {code: rule for rule, codes in PLURAL_RULES.items() for code in codes.split()}
    target = languages[1]
    rule = rules.get(target) or rules.get(without_region(target) if target else "", USUAL_RULE)
    return Header(int(re.findall(r"\d", rule)[0]), rule)


def edit_header(
    lines: Sequence[str], entry: Entry | None, header: Header, languages: Languages
) -> Edits:
    """The lines of the header: the target language, UTF-8, and the rule for plurals."""
    if entry is None:
        return {}
    wanted = {"Language": languages[1].replace("-", "_")} if languages[1] else {}
    if header.rule:
        wanted["Plural-Forms"] = header.rule
    edits: Edits = {}
    field = entry.translations[0]
    for index in range(field.begin, field.end):
        line = re.sub(r"(charset=)(?!utf-?8)[^\\\"]*", r"\g<1>UTF-8", lines[index], flags=re.I)
        for key in list(wanted):
            pattern = rf'(^[^"]*"(?:[^"]*\\n)?{key}:)[^"\\]*'
            line, count = re.subn(pattern, rf"\g<1> {wanted[key]}", line)
            if count:
                del wanted[key]
        edits[index] = line
    end = "\r\n" if lines[field.begin].endswith("\r\n") else "\n"
    missing = "".join(f'"{key}: {value}\\n"{end}' for key, value in wanted.items())
    last = field.end - 1
    if missing and field.text.endswith("\n") and edits[last].endswith("\n"):
        edits[last] += missing
    return edits
