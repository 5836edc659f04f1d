"""The laws of documents: all but the text comes out as it went in, whatever the translation is."""

import io
import re
import time
import zipfile
from collections import Counter
from xml.etree import ElementTree

import polib
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import regard
from commands import typed
from regard.cli.translate import Format
from regard.documents import zipped
from regard.documents.coded import decode_pieces, encode_pieces
from regard.documents.readers import FILE_READERS, SUFFIXES, read_file_document
from regard.errors import RegardError
from regard.markup.document import translate_markup
from regard.markup.pieces import Piece
from regard.markup.segments import read_document
from test_markup import XML, FakeModel

LANGUAGES = "en", "fr"
few = settings(max_examples=15)
WORDS = [
    "cat",
    "Dog",
    "3",
    "été",
    "l'",
    "mouse.",
    ",",
    "Mr.",
    "H2O",
    "日本",
    "🙂",
    "a_b",
    "5 < 6",
    "&",
]


class CarelessModel(FakeModel):
    """Leaves words out, repeats others, and links some wrongly."""

    def order(self, count):
        if not count:
            return []
        return self.random.integers(0, count, int(self.random.integers(0, 2 * count)) + 1)


def translated(document, model):
    return [
        translate_markup(model, [segment.text], segment.form)[0].text
        for segment in document.segments
    ]


def check_identity(name, content):
    document = read_file_document(name, content, LANGUAGES)
    assert document.write([segment.text for segment in document.segments]) == content
    return document


def outcomes(name, content, seed):
    """What two models make of a file."""
    document = check_identity(name, content)
    for model in (FakeModel(seed), CarelessModel(seed)):
        yield document.write(translated(document, model))


WORD_LINES = st.lists(st.sampled_from(WORDS), min_size=1, max_size=6).map(" ".join)


# Codes


@few
@given(st.lists(st.sampled_from(["a < b", " ", "&amp;", "\x01x", "\ufffe", "é"])), st.booleans())
def test_any_text_and_its_codes_come_back_from_inline_xml(texts, has_codes):
    pieces = [Piece("text", text) for text in texts]
    if has_codes:
        pieces = [
            Piece("open", "<b>", "b"),
            *pieces,
            Piece("close", "</b>", "b"),
            Piece("empty", "!"),
        ]
        pieces += [Piece("open", "<i>", "i"), Piece("other", "\n"), Piece("close", "</u>", "u")]
    coded = encode_pieces(pieces)
    assert "".join(piece.raw for piece in decode_pieces(coded, coded.text)) == "".join(
        piece.raw for piece in pieces
    )


# White space and codes of XLIFF in markup


SPACED_XML = st.lists(
    st.sampled_from(
        ["cat", " ", "  ", "\n", "\n  * ", "\t", "<b>dog</b>", "<c>a  b\n</c>", "mouse"]
    ),
    max_size=12,
).map("".join)


@few
@given(SPACED_XML, st.sampled_from(["xml", "inline"]), st.integers(0, 10**6))
def test_white_space_that_is_to_be_preserved_is(text, form, seed):
    source = f'<p xml:space="preserve">{text}</p>'
    [result] = translate_markup(FakeModel(seed), [source], form)
    runs = re.compile(r"\s*[\n\t]\s*|  +")
    assert runs.findall(result.text) == runs.findall(source)
    [default] = translate_markup(FakeModel(seed), [source.replace("preserve", "default")], form)
    assert len(read_document(default.text, form).segments) <= len(
        read_document(result.text, form).segments
    )


@few
@given(XML, st.integers(0, 10**6))
def test_elements_of_inline_text_never_divide_it(text, seed):
    segments = read_document(text, "inline").segments
    assert len(segments) <= 1
    [result] = translate_markup(FakeModel(seed), [text], "inline")
    tags = re.compile(r"<[^>]*>")
    assert Counter(tags.findall(result.text)) == Counter(tags.findall(text))


def test_a_text_that_is_all_in_elements_is_one_sentence():
    source = '<g id="1">The cat</g> <g id="2">sleeps</g> <g id="3">here.</g>'
    [segment] = read_document(source, "inline").segments
    assert segment.plain == "The cat sleeps here."
    assert len(read_document(source, "xml").segments) == 3


def test_codes_of_a_pair_are_around_the_words_that_they_had():
    source = 'The <bpt id="1">[b]</bpt>black<ept id="1">[/b]</ept> cat'
    [segment] = read_document(source, "inline").segments
    assert segment.plain == "The black cat" and len(segment.marks) == 1
    crossing = '<sc id="1"/>a <sc id="2"/>b <ec startRef="1"/>c <ec startRef="2"/>d'
    [segment] = read_document(crossing, "inline").segments
    assert sum(mark.is_single for mark in segment.marks) + len(segment.marks) >= 3


# Subtitles


TAGGED = st.sampled_from(
    [
        "<i>cat</i>",
        "<b>the dog",
        "</b>",
        "{\\an8}",
        '<font color="red">x</font>',
        "<3",
        "- a",
        "<i>",
    ]
)
CUE_LINE = st.lists(st.sampled_from(WORDS) | TAGGED, min_size=1, max_size=5).map(" ".join)
CUES = st.lists(st.lists(CUE_LINE, max_size=3), max_size=5)
ENDS = st.sampled_from(["\n", "\r\n"])


def srt(cues, end):
    blocks = [
        "".join(f"{line}{end}" for line in (str(n), f"00:00:{n:02},000 --> 00:00:{n:02},900", *cue))
        for n, cue in enumerate(cues, 1)
    ]
    return ("\ufeff" + end.join(blocks)).encode()


def vtt(cues, end):
    body = srt(cues, end).decode().removeprefix("\ufeff").replace(",000 ", ".000 ")
    body = body.replace(",900", ".900 line:0").replace("<3", "&lt;3").replace("&\n", "&amp;\n")
    return f"WEBVTT{end}{end}NOTE a cat{end}{end}{body}".encode()


SKELETON = re.compile(r"[^\n]*-->[^\n]*|^\d+\r?\n(?=[^\n]*-->)|NOTE[^\n]*|WEBVTT", re.MULTILINE)
CODES = re.compile(r"</?(?:i|b|font)[^<>]*>|\{\\an8\}")


@pytest.mark.parametrize(("name", "written"), [("a.srt", srt), ("a.vtt", vtt)])
@few
@given(CUES, ENDS, st.integers(0, 10**6))
def test_times_numbers_and_tags_of_subtitles_are_kept(name, written, cues, end, seed):
    content = written(cues, end)
    if not cues:
        return
    for result in outcomes(name, content, seed):
        source, text = content.decode(), result.decode()
        assert SKELETON.findall(text) == SKELETON.findall(source)
        assert Counter(CODES.findall(text)) == Counter(CODES.findall(source))
        assert text.count("\n") <= source.count("\n"), "no cue has more lines than it had"
        assert text.count(end) == text.count("\n")


ODD_SUBTITLES = [
    b"",
    b"\xef\xbb\xbf1\r\n00:00:01,000 --> 00:00:02,000\r\nThe cat\r\n\r\nsleeps.\r\n",
    b"1\n00:00:01,000 --> 00:00:02,000 X1:1 X2:2\nThe cat\n2\n00:00:03,000 --> 00:00:04,000\nA dog",
    b"00:01.5 --> 00:02.5\n<i>The cat\n</i>\n \n\n\n",
    b"1\n00:00:01,000 --> 00:00:02,000\n\n\n2\n00:00:02,000 --> 00:00:03,000\n{\\an8}\n",
]


@pytest.mark.parametrize("content", ODD_SUBTITLES)
def test_odd_subtitles_come_back(content):
    check_identity("a.srt", content)


def subtitles(*texts):
    return "".join(
        f"{n}\n00:00:{n:02},000 --> 00:00:{n:02},999\n{text}\n\n" for n, text in enumerate(texts, 1)
    ).encode()


def test_a_sentence_of_several_cues_is_translated_as_one():
    def count(*texts):
        return len(read_file_document("a.srt", subtitles(*texts), LANGUAGES).segments)

    assert count("The cat that", "ate the mouse,", "and slept.") == 1
    assert count("The cat sleeps.", "The dog eats.") == 2
    assert count("The cat", "The dog") == 2, "without a sign that the sentence goes on"
    assert count("- The cat, and", "- the dog.") == 2
    assert count("- Where is the cat?\n- In the house.") == 2


@few
@given(st.lists(st.integers(1, 5), min_size=2, max_size=6), st.integers(0, 10**6))
def test_every_cue_of_a_sentence_keeps_some_text(lengths, seed):
    content = subtitles(*(" ".join(["word"] * length) for length in lengths))
    document = read_file_document("a.srt", content, LANGUAGES)
    assert len(document.segments) == 1
    texts = translated(document, FakeModel(seed))
    cues = document.write(texts).decode().strip().split("\n\n")
    if len(re.sub(r"<[^>]*>", " ", texts[0]).split()) >= len(lengths):
        assert all(cue.count("\n") == 2 for cue in cues)


def test_lines_of_a_cue_are_of_balanced_length():
    document = read_file_document("a.srt", subtitles("The cat\nsleeps."), LANGUAGES)
    text = document.write(["aaaa bbbb cccc dddd eeee ffff"]).decode()
    assert "aaaa bbbb cccc\ndddd eeee ffff\n" in text


def test_times_inside_of_a_cue_stay_in_order():
    content = b"WEBVTT\n\n00:01.000 --> 00:05.000\nThe <00:02.000>cat <00:03.000>sleeps\n"
    document = check_identity("a.vtt", content)
    one, two = re.findall(r"<c[^>]*>", document.segments[0].text)
    text = document.write([f"dort {two}le {one}chat"]).decode()
    assert text.endswith("dort <00:02.000>le <00:03.000>chat\n")


def test_text_of_web_subtitles_never_becomes_a_tag():
    content = b"WEBVTT\n\n00:01.000 --> 00:02.000\nR&amp;D is &lt;i&gt; here\n"
    document = check_identity("a.vtt", content)
    assert document.segments[0].text == "R&amp;D is &lt;i&gt; here"
    assert b"here R&amp;D is &lt;i>" in document.write(["here R&amp;D is &lt;i&gt;"])


# Markdown


INLINE = st.sampled_from(
    [
        *WORDS, "**bold cat**", "*it*", "__the dog__", "`code x`", "[a link](http://x.y 'the t')",
        "[ref]", "[the ref][ref]", "![image](x.png)", "<http://a.b>", "<b>tag</b>", "\\*", "&amp;",
        "~~no~~", "[^1]", "***both***", "a*b*c", "*", "[", "]", "`", "_", "<br>", "1.", "#", "|",
        "-",
    ]
)  # fmt: skip
INLINES = st.lists(INLINE, min_size=1, max_size=7).map(" ".join)
BLOCK = (
    st.builds("{} {}\n".format, st.sampled_from(["#", "##", "-", "1.", ">", "* [ ]"]), INLINES)
    | st.lists(INLINES, min_size=1, max_size=3).map("\n".join).map("{}\n".format)
    | st.lists(INLINES, min_size=2, max_size=2).map("  \n> ".join).map("> {}\n".format)
    | st.builds("- {}\n\n  {}\n  {}\n".format, INLINES, INLINES, INLINES)
    | INLINES.map("| {} | b |\n|---|:-:|\n| cat | `x \\| y` the dog |\n".format)
    | st.sampled_from(
        [
            "```\ncode *x*\n```\n",
            "<div>\n<b>cat\n</div>\n",
            "---\n",
            "    code the cat\n",
            "a\n===\n",
        ]
    )
)
MARKDOWN = st.lists(BLOCK, max_size=5).map(
    lambda blocks: "---\na: b\n---\n" + "\n".join(blocks) + "\n[ref]: http://r.z\n"
)


def read_by_markdown_it(text):
    """The types of blocks, and what is shown in them."""
    from markdown_it import MarkdownIt

    tokens = MarkdownIt("commonmark").enable(["table", "strikethrough"]).parse(text)
    inline = [child for token in tokens for child in token.children or ()]
    return [token.type for token in tokens], inline


def shown(inline):
    """Codes, links, images and HTML, which must be there once."""
    return Counter(
        (token.type, token.content, str(token.attrs))
        for token in inline
        if token.type in ("code_inline", "link_open", "image", "html_inline")
    )


@few
@given(MARKDOWN, ENDS, st.integers(0, 10**6))
def test_markdown_reads_as_it_did_whatever_the_translation_is(text, end, seed):
    content = text.replace("\n", end).encode()
    blocks, inline = read_by_markdown_it(text)
    for result in outcomes("a.md", content, seed):
        new_blocks, new_inline = read_by_markdown_it(result.decode())
        assert new_blocks == blocks
        assert shown(new_inline) == shown(inline)
        for fixed in ("code *x*", "    code the cat", "---\na: b\n---\n", "[ref]: http://r.z"):
            written = fixed.replace("\n", end).encode()
            assert result.count(written) == content.count(written)


@pytest.mark.parametrize(
    "text",
    ["\ufeff# cat\r\n\r\nthe dog\r\n", "a\tcat\n\t- dog\n", "> > the cat\n> lazy\nline\n",
     "\0 cat\n", "- - the cat\n", "# the # cat ###\n", "the cat  \ndog\\\nmouse\n", "---\n",
     "| a |\n|---|\n",
     "a | cat\n--|--\n1 | a \\| cat\n", "1. cat\n   dog\n\n2) mouse", "* * *\ncat\n***",
     "[a]: b\ncat\r"],
)  # fmt: skip
def test_odd_markdown_comes_back(text):
    check_identity("a.md", text.encode())


def markdown(text, *translations):
    document = check_identity("a.md", text.encode())
    return document.write(translations).decode()


def test_text_never_becomes_markdown():
    assert markdown("the cat\n", "# the *cat*") == "\\# the \\*cat\\*\n"
    assert markdown("the cat\n", "1. the cat") == "1\\. the cat\n"
    assert markdown("the cat\n", "- the [cat](x)") == "\\- the \\[cat\\](x)\n"
    assert markdown("| cat |\n|-----|\n", "a | b") == "| a \\| b |\n|-----|\n"
    assert markdown("the snake_case cat\n", "snake_case 5 * 3") == "snake_case 5 * 3\n"


def test_long_lines_of_markdown_are_divided_like_those_of_the_source():
    text = "> the black cat ate\n> the mouse and\n> the dog\n"
    assert markdown(text, "le chat noir a mangé la souris et le chien") == (
        "> le chat noir a\n> mangé la souris\n> et le chien\n"
    )


def test_a_first_line_that_is_all_emphasis_stays_a_line():
    text = "> **Note**\n> The cat sleeps\n> here.\n"
    [segment] = read_file_document("a.md", text.encode(), LANGUAGES).segments
    changed = segment.text.replace("Note", "Attention")
    assert markdown(text, changed).startswith("> **Attention**\n> The cat")


def test_a_link_keeps_its_label():
    text = "see [the cat] and [it][]\n\n[the cat]: x\n[it]: y\n"
    [segment] = read_file_document("a.md", text.encode(), LANGUAGES).segments
    changed = segment.text.replace("the cat", "le chat").replace(">it<", ">lui<")
    result = markdown(text, changed)
    assert result.startswith("see [le chat][the cat] and [lui][it]\n")


# Gettext catalogs


PO_TEXT = st.lists(
    st.sampled_from(
        [*WORDS, "%s", "%(n)d", "{0}", "<b>cat</b>", "&amp;", "\n", '"', "\\", "_File", "\t"]
    ),
    min_size=1,
    max_size=6,
).map(" ".join)
PO_ENTRY = st.tuples(
    PO_TEXT,
    st.sampled_from(["", "", "Fini"]),
    st.none() | PO_TEXT,
    st.sampled_from([[], ["fuzzy"], ["c-format"]]),
)


def catalog(entries):
    po = polib.POFile()
    po.metadata = {"Language": "", "Content-Type": "text/plain; charset=UTF-8"}
    for number, (text, translation, plural, flags) in enumerate(entries):
        entry = polib.POEntry(msgid=f"{text} {number}", msgstr=translation, flags=list(flags))
        entry.msgctxt = "menu" if number % 2 else None
        if plural:
            entry.msgid_plural = plural
            entry.msgstr, entry.msgstr_plural = "", {0: translation, 1: translation}
        po.append(entry)
    po.append(polib.POEntry(msgid="old", msgstr="vieux", obsolete=True))
    return po


@few
@given(st.lists(PO_ENTRY, max_size=5), st.integers(0, 10**6))
def test_catalogs_keep_what_is_translated_and_get_the_rest(entries, seed):
    source = catalog(entries)
    for result in outcomes("a.po", str(source).encode(), seed):
        new = polib.pofile(result.decode())
        assert len(new) == len(source)
        for before, after in zip(source, new, strict=True):
            assert (before.msgid, before.msgid_plural, before.msgctxt, before.obsolete) == (
                after.msgid, after.msgid_plural, after.msgctxt, after.obsolete
            )  # fmt: skip
            assert set(before.flags) <= set(after.flags)
            if before.msgstr or any(before.msgstr_plural.values()):
                assert (before.msgstr, before.msgstr_plural) == (after.msgstr, after.msgstr_plural)
                assert before.flags == after.flags
            elif text := after.msgstr:
                assert text.startswith("\n") == after.msgid.startswith("\n")
                assert text.endswith("\n") == after.msgid.endswith("\n")


PO = """\
# a comment
msgid ""
msgstr ""
"Project-Id-Version: x\\n"
"Language: \\n"
"Content-Type: text/plain; charset=CHARSET\\n"
"X-Generator: me\\n"
{header}
#, c-format
msgid "%d mouse"
msgid_plural "%d mice"
msgstr[0] ""
msgstr[1] ""

#, c-format
msgid "the %s of %d"
msgstr ""
"""


@pytest.mark.parametrize(
    ("target", "header", "forms"),
    [
        ("fr", "", 2), ("ja", "", 1), ("pl", "", 3), ("xx", "", 2), ("", "", 2),
        ("fr", '"Plural-Forms: nplurals=4; plural=0;\\n"\n', 4),
        ("fr", '"Plural-Forms: nplurals=INTEGER; plural=EXPRESSION;\\n"\n', 2),
    ],
)  # fmt: skip
def test_there_are_as_many_plural_forms_as_the_header_or_the_language_has(target, header, forms):
    content = PO.format(header=header).encode()
    document = read_file_document("a.po", content, ("en", target))
    assert [segment.text for segment in document.segments] == [
        "%d mouse",
        "%d mice",
        "the %s of %d",
    ]
    new = polib.pofile(document.write(["%d souris", "%d SOURIS", "le %s de %d"]).decode())
    one = "%d souris" if forms > 1 else "%d SOURIS"
    assert new[0].msgstr_plural == {0: one, **dict.fromkeys(range(1, forms), "%d SOURIS")}
    assert new.metadata["Language"] == target
    assert new.metadata["X-Generator"] == "me"
    assert new.metadata["Content-Type"].endswith("UTF-8")
    assert f"nplurals={forms};" in new.metadata["Plural-Forms"]
    assert not new[1].fuzzy


@pytest.mark.parametrize("text", ["le de %d", "le %d de %s", "le %s de %d %d", "le % s de d"])
def test_an_entry_with_other_format_marks_is_fuzzy(text):
    document = read_file_document("a.po", PO.format(header="").encode(), LANGUAGES)
    new = polib.pofile(document.write(["%d souris", "%d souris", text]).decode())
    assert new[1].flags == ["fuzzy", "c-format"] and not new[0].fuzzy


def po_text(source, translation):
    content = f'msgid ""\nmsgstr "Language: \\n"\n\nmsgid "{source}"\nmsgstr ""\n'
    document = read_file_document("a.po", content.encode(), LANGUAGES)
    assert len(document.segments) == 1
    return polib.pofile(document.write([translation]).decode())[0].msgstr


def test_entities_and_accelerators_of_messages_are_as_they_were():
    assert po_text("R&D &lt; x", "x &amp;lt; R&amp;D") == "x &lt; R&D"
    source = "R&amp;D <b>x</b> \u00a0"
    assert po_text(source, '<g id="1">x</g> R&amp;D') == "<b>x</b> R&amp;D"
    assert po_text("_File name", "nom du fichier") == "_nom du fichier"
    assert po_text("E_xit", "quitter") == "_quitter"
    assert po_text("a file_name", "un file_name") == "un file_name"
    assert po_text("The cat\\n", "Le chat") == "Le chat\n"


# XLIFF


UNIT = st.tuples(XML, st.sampled_from(["", "<target/>", "<target>fini</target>"]), st.booleans())


def xliff(units, version):
    if version == "1.2":
        body = "".join(
            f'<trans-unit id="{n}"{" translate=" + chr(34) + "no" + chr(34) if fixed else ""}>\n  '
            f"<source>{source}</source>{target}</trans-unit>\n"
            for n, (source, target, fixed) in enumerate(units)
        )
        head = '<?xml version="1.0"?>\n<xliff version="1.2"><file source-language="en"><body>'
        return f"{head}{body}</body></file></xliff>"
    body = "".join(
        f'<unit id="{n}" translate="{"no" if fixed else "yes"}"><segment><source>{source}</source>'
        f"{target}</segment></unit>\n"
        for n, (source, target, fixed) in enumerate(units)
    )
    return f'<xliff version="2.0" srcLang="en"><file id="1">{body}</file></xliff>'


def inline_tags(element):
    return Counter(
        (each.tag, str(sorted(each.attrib.items()))) for each in element.iter()
    ) - Counter({(element.tag, str(sorted(element.attrib.items()))): 1})


@pytest.mark.parametrize("version", ["1.2", "2.0"])
@few
@given(st.lists(UNIT, max_size=4), st.integers(0, 10**6))
def test_units_get_a_target_with_the_elements_of_their_source(version, units, seed):
    content = xliff(units, version).encode()
    name = "trans-unit" if version == "1.2" else "segment"
    for result in outcomes("a.xliff", content, seed):
        before = ElementTree.fromstring(content).iter(name)
        after = ElementTree.fromstring(result).iter(name)
        for (_, target, fixed), old, new in zip(units, before, after, strict=True):
            sources = old.find("source"), new.find("source")
            one, two = (ElementTree.tostring(each).rpartition(b">")[0] for each in sources)
            assert one == two
            if "fini" in target:
                assert new.find("target").text == "fini"
            elif (
                not fixed
                and result != content
                and re.search(r"[A-Za-z]", "".join(sources[0].itertext()))
            ):
                if new.find("target") is not None and len(new.find("target")):
                    assert inline_tags(new.find("target")) == inline_tags(sources[0])
            elif fixed:
                assert (new.find("target") is None) == (old.find("target") is None)


def test_states_and_languages_of_xliff_are_set():
    content = xliff([("The cat", "", False), ("A dog", "<target></target>", False)], "1.2")
    document = check_identity("a.xlf", content.encode())
    text = document.write(["Le chat", "Un chien"]).decode()
    assert text.count('state="needs-review-translation"') == 2
    assert 'target-language="fr"' in text
    assert text.count("<target") == 2
    text = (
        check_identity("a.xlf", xliff([("The cat", "", False)], "2.0").encode())
        .write(["Le chat"]).decode()
    )  # fmt: skip
    assert 'trgLang="fr"' in text and '<segment state="translated">' in text


def test_white_space_of_a_unit_is_kept_where_it_says_so():
    content = xliff([("The cat\n  * the dog", "", False)], "1.2").replace(
        "<body>", '<body xml:space="preserve">'
    )
    document = check_identity("a.xlf", content.encode())
    [text] = translated(document, FakeModel(3))
    assert re.search(
        r"<target[^>]*>\S+ \S+\n  \S+ \S+ \S+</target>", document.write([text]).decode()
    )


# Refusals


BILLION_LAUGHS = (
    '<?xml version="1.0"?><!DOCTYPE x [<!ENTITY a "ha"><!ENTITY b "&a;&a;">]>'
    '<xliff version="1.2"><file source-language="en"><body>&b;</body></file></xliff>'
)
EXTERNAL = BILLION_LAUGHS.replace('<!ENTITY a "ha">', '<!ENTITY a SYSTEM "file:///etc/passwd">')
ONLY_DOCTYPE = '<!DOCTYPE x SYSTEM "http://x.example/a.dtd"><xliff version="1.2"/>'


@pytest.mark.parametrize(
    ("name", "content", "what", "where"),
    [
        ("a.srt", b"The cat\n", "no times", "a.srt"),
        ("a.srt", b"1\n00:00:01 --> 2\ncat\n", "no times", "a.srt"),
        ("a.srt", b"1\n00:00:01,0 --> 00:00:02,0\ncat\n00:05 --> x\n", "no time of", "line 4"),
        ("a.vtt", b"cat", "no times", "a.vtt"),
        ("a.srt", "été".encode("latin-1"), "not UTF-8", "line 1"),
        ("a.md", b"cat\n\xff\xfe", "not UTF-8", "line 2"),
        ("a.po", b'msgid "a"\nmsgstr "b\n', "not an entry", "line 2"),
        ("a.po", b"The cat\n", "not an entry", "line 1"),
        ("a.po", b'msgid "a"\n', "not an entry", "line 1"),
        ("a.po", b'msgstr "a"\n', "not an entry", "line 1"),
        ("a.po", b'msgid ""\nmsgstr "Language: de\\n"\nmsgid "a"\nmsgstr "b"', "'de'", "header"),
        ("a.xlf", BILLION_LAUGHS.encode(), "entity", "doctype"),
        ("a.xlf", EXTERNAL.encode(), "entity", "doctype"),
        ("a.xlf", ONLY_DOCTYPE.encode(), "DOCTYPE", "a.xlf"),
        ("a.xlf", b"<xliff version='1.2'><file>", "well-formed", "line 1"),
        ("a.xlf", b"<tmx/>", "not 'xliff'", "a.xlf"),
        ("a.xlf", b"", "no element", "a.xlf"),
        ("a.xlf", b"<xliff version='3'/>", "version '3'", "a.xlf"),
        ("a.xlf", b"<xliff version='2.0' srcLang='de'><file/></xliff>", "srcLang='de'", "xliff"),
        ("a.xml", b"<a>", "well-formed", "a.xml"),
        ("a.docx", b"The cat", "not an office document", "a.docx"),
        ("a.docx", b"PK\x03\x04 nonsense", "damaged", "a.docx"),
        ("a.docx", b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1", "password", "a.docx"),
        ("a.odt", b"", "'.odt'", "a.odt"),
        ("README", b"", "no suffix", "README"),
    ],
)  # fmt: skip
def test_what_is_not_of_its_format_is_refused(name, content, what, where):
    with pytest.raises(RegardError) as refused:
        read_file_document(name, content, LANGUAGES)
    assert what in refused.value.what
    assert where in refused.value.where
    assert refused.value.to_do


NESTED = 20_000


@pytest.mark.parametrize(
    ("name", "content"),
    [
        ("a.xlf", f"<xliff version='1.2'>{'<g>' * NESTED}cat{'</g>' * NESTED}</xliff>"),
        ("a.xlf", "<xliff version='1.2'><trans-unit><source>" + "<g>" * 3000 + "cat" + "</g>" * 3000
         + "</source></trans-unit></xliff>"),
        ("a.md", "> " * 3000 + "cat\n" + "[" * 9000 + "cat\n\n" + "*a " * 3000),
        ("a.md", "- " * 3000 + "cat\n\n" + "![" * 5000 + "cat\n\n" + "<a " * 3000),
        ("a.md", "a|" * 2000 + "\n" + "-|" * 2000 + "\n" + "cat|" * 2000),
        ("a.srt", "1\n00:00:01,000 --> 00:00:02,000\n" + "<i>cat " * 20000),
        ("a.srt", "1\n00:00:01,000 --> 00:00:02,000\n" + "cat <" * 50000 + "{\\" * 50000),
        ("a.po", 'msgid "' + "<a " * 30000 + '%(" \nmsgstr ""\n'),
        ("a.po", 'msgid "' + "_a%{" * 30000 + '"\nmsgstr ""\n'),
    ],
)  # fmt: skip
def test_no_file_takes_time_by_the_square_of_its_size(name, content):
    began = time.process_time()
    check_identity(name, content.encode())
    assert time.process_time() - began < 5


# Names, and the command line


def test_the_command_offers_the_formats_that_are_read():
    assert [form.value for form in Format] == ["auto", *FILE_READERS]
    assert set(SUFFIXES.values()) == set(FILE_READERS)


@pytest.mark.parametrize("name", ["a.txt", "a.html", "a.XML"])
def test_text_and_markup_are_one_segment(name):
    content = "\ufeff<p>The cat</p>\r\n".encode()
    document = check_identity(name, content)
    assert len(document.segments) == 1


@pytest.fixture(scope="module")
def translator():
    return regard.load()


def test_the_built_in_model_translates_a_sentence_of_two_cues(translator):
    content = subtitles("The black cat, which\nslept on the table,", "ate <i>the mouse</i>.")
    document = read_file_document("a.srt", content, LANGUAGES)
    text = document.write(translated(document, translator)).decode()
    first, second = text.strip().split("\n\n")
    assert "chat noir" in first and first.count("\n") == 3
    assert "souris" in second and second.count("<i>") == second.count("</i>") == 1


def test_the_command_translates_documents_by_their_names(tmp_path):
    (tmp_path / "a.md").write_bytes(b"# The *black* cat\r\n\r\n```\r\nthe cat\r\n```\r\n")
    done = typed("translate", "a.md", "--out", "b.md", cwd=tmp_path)
    assert done.returncode == 0, done.stderr
    text = (tmp_path / "b.md").read_bytes()
    assert text == b"# Le chat *noir*\r\n\r\n```\r\nthe cat\r\n```\r\n"
    assert b"exists already" in typed("translate", "a.md", "--out", "b.md", cwd=tmp_path).stderr
    (tmp_path / "a.srt").write_bytes(subtitles("The cat."))
    for words, message in (
        (("a.md", "a.srt"), b"different formats"),
        (("a.md", "b.md"), b"cannot be one output"),
        (("a.md", "--json"), b"--lines and --json"),
        (("a.md", "--n-best", "2"), b"lines of text alone"),
    ):
        done = typed("translate", *words, cwd=tmp_path)
        assert done.returncode == 2 and message in done.stderr, done.stderr
    done = typed("translate", "a.srt", "--format", "text", cwd=tmp_path)
    assert b"--format srt" in done.stderr


def small_zip(**parts):
    written = io.BytesIO()
    with zipfile.ZipFile(written, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, content in parts.items():
            archive.writestr(name, content)
    return written.getvalue()


def test_a_zip_file_is_never_unpacked_beyond_its_bound(monkeypatch):
    monkeypatch.setattr(zipped, "MAX_SIZE", 10_000)
    bomb = small_zip(a=b"\0" * 20_000)
    with pytest.raises(RegardError, match="too large"):
        read_file_document("a.docx", bomb, LANGUAGES)
    size = (20_000).to_bytes(4, "little")
    lying = bomb.replace(size, (5).to_bytes(4, "little"))
    with pytest.raises(RegardError, match="damaged"):
        read_file_document("a.docx", lying, LANGUAGES)
    for content in (bomb[:40], bomb[:-30]):
        with pytest.raises(RegardError, match="damaged"):
            read_file_document("a.docx", content, LANGUAGES)
