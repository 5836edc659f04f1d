"""The laws of Word documents: they open again, with the structure and all codes that they had."""

import io
import re
import zipfile
from collections import Counter

import docx
import pytest
from docx.opc.constants import RELATIONSHIP_TYPE
from docx.oxml import OxmlElement
from docx.oxml.ns import qn
from hypothesis import given
from hypothesis import strategies as st

import regard
from regard.documents.readers import read_file_document
from regard.errors import RegardError
from regard.markup.document import translate_markup
from test_documents import LANGUAGES, CarelessModel, FakeModel, check_identity, few, small_zip

W = 'xmlns:w="http://schemas.openxmlformats.org/wordprocessingml/2006/main"'
TYPE = "application/vnd.openxmlformats-officedocument.wordprocessingml"
TYPES = (
    '<?xml version="1.0"?><Types xmlns="http://schemas.openxmlformats.org/package/2006/content-types">'
    f'<Override PartName="/word/document.xml" ContentType="{TYPE}.document.main+xml"/>'
    f'<Override PartName="/word/footnotes.xml" ContentType="{TYPE}.footnotes+xml"/>'
    f'<Override PartName="/word/styles.xml" ContentType="{TYPE}.styles+xml"/></Types>'
)
STYLES = f'<w:styles {W}><w:docDefaults><w:lang w:val="en-US"/></w:docDefaults></w:styles>'


def run(content, properties=""):
    return f"<w:r>{properties and f'<w:rPr>{properties}</w:rPr>'}{content}</w:r>"


def text(words, properties=""):
    return run(f'<w:t xml:space="preserve">{words}</w:t>', properties)


def field(kind):
    return run(f'<w:fldChar w:fldCharType="{kind}"/>')


def complex_field(instruction, result):
    instruction = run(f"<w:instrText>{instruction}</w:instrText>")
    return field("begin") + instruction + field("separate") + result + field("end")


PROPERTIES = st.sampled_from(["", "", "<w:b/>", "<w:i/>", '<w:lang w:val="en-US"/>'])
TEXT = st.builds(
    text, st.sampled_from(["cat ", " the dog", " ", "3", "été, ", "&lt;x>"]), PROPERTIES
)
CODE = st.sampled_from(
    [
        run("<w:tab/>"), run("<w:br/>"), run("<w:t>A</w:t><w:tab/><w:t>dog</w:t>", "<w:b/>"),
        run('<w:footnoteReference w:id="2"/>'), run("<w:noBreakHyphen/>"), "<!-- x -->",
        run("<w:drawing><x>cat</x></w:drawing>"), "<w:proofErr/>", run("<w:sym/>"),
        '<w:bookmarkStart w:id="1"/>', '<w:bookmarkEnd w:id="1"/>', field("begin"), field("end"),
        field("separate"), complex_field(" PAGE ", text("3")),
        complex_field(" REF x ", text("the cat")),
        f'<w:del w:id="4">{run("<w:delText>cat</w:delText>")}</w:del>', "\n  ",
        f"<w:r><w:pict><w:txbxContent><w:p>{text('the box')}</w:p></w:txbxContent></w:pict></w:r>",
    ]
)  # fmt: skip
INLINE = st.recursive(
    TEXT | CODE,
    lambda inner: st.builds(
        lambda parts, around: around.format("".join(parts)),
        st.lists(inner, max_size=3),
        st.sampled_from(
            [
                '<w:hyperlink r:id="h">{}</w:hyperlink>',
                '<w:ins w:id="9">{}</w:ins>',
                "<w:sdt><w:sdtPr><w:id/></w:sdtPr><w:sdtContent>{}</w:sdtContent></w:sdt>",
                '<w:fldSimple w:instr=" DATE ">{}</w:fldSimple>',
                "<w:smartTag><w:smartTagPr/>{}</w:smartTag>",
            ]
        ),
    ),
    max_leaves=6,
)
PARAGRAPH = st.builds(
    "<w:p>{}{}</w:p>".format,
    st.sampled_from(["", '<w:pPr><w:pStyle w:val="x"/></w:pPr>']),
    st.lists(INLINE, max_size=6).map("".join),
)


def packed(*paragraphs, notes=""):
    head = '<?xml version="1.0" encoding="UTF-8"?>\n'
    names = f'{W} xmlns:r="r"'
    return small_zip(
        **{
            "[Content_Types].xml": TYPES,
            "word/document.xml": f"{head}<w:document {names}><w:body>{''.join(paragraphs)}"
            "</w:body></w:document>",
            "word/footnotes.xml": f"<w:footnotes {names}><w:footnote>{notes}</w:footnote>"
            "</w:footnotes>",
            "word/styles.xml": STYLES,
            "word/media/image1.png": b"\x89PNG cat",
        }
    )


def parts_of(content):
    with zipfile.ZipFile(io.BytesIO(content)) as archive:
        return {name: archive.read(name) for name in archive.namelist()}


KEPT = re.compile(
    r"<w:(?:hyperlink|ins|del|sdt|sdtPr|fldSimple|fldChar|smartTag|tab|br|footnoteReference|pStyle"
    r"|drawing|sym|bookmarkStart|bookmarkEnd|instrText|pict|p|txbxContent)(?:\s[^>]*)?/?>|<!--"
)


def written(content, model):
    document = read_file_document("a.docx", content, LANGUAGES)
    texts = [translate_markup(model, [each.text], each.form)[0].text for each in document.segments]
    return document.write(texts)


@few
@given(st.lists(PARAGRAPH, max_size=3), PARAGRAPH, st.integers(0, 10**6))
def test_every_code_of_a_paragraph_is_kept_once(paragraphs, note, seed):
    content = packed(*paragraphs, notes=note)
    check_identity("a.docx", content)
    source = parts_of(content)
    for model in (FakeModel(seed), CarelessModel(seed)):
        parts = parts_of(written(content, model))
        assert list(parts) == list(source)
        assert parts["word/media/image1.png"] == source["word/media/image1.png"]
        for name in ("word/document.xml", "word/footnotes.xml"):
            new = parts[name].decode()
            docx.oxml.parse_xml(parts[name])
            assert Counter(KEPT.findall(new)) == Counter(KEPT.findall(source[name].decode()))


@few
@given(st.lists(PARAGRAPH, min_size=1, max_size=2), st.integers(0, 10**6))
def test_fields_and_bookmarks_begin_before_they_end(paragraphs, seed):
    kinds = re.compile(r'fldCharType="(\w+)"|w:(bookmark\w+)')
    paragraphs = [one for one in paragraphs if not kinds.search(one)]
    marked = '<w:bookmarkStart w:id="5"/>' + text("mouse") + '<w:bookmarkEnd w:id="5"/>'
    more = text("a dog ") + complex_field(" REF ", text("the cat", "<w:b/>")) + marked
    count = sum(one.count("</w:p>") for one in paragraphs)
    content = packed(*(one.replace("</w:p>", f"{more}</w:p>") for one in paragraphs))
    parts = parts_of(written(content, FakeModel(seed)))
    names = kinds.findall(parts["word/document.xml"].decode())
    assert [field for field, _ in names if field] == ["begin", "separate", "end"] * count
    ranges = [mark for _, mark in names if mark]
    assert ranges == ["bookmarkStart", "bookmarkEnd"] * count


def segments(*paragraphs):
    return [
        one.text for one in read_file_document("a.docx", packed(*paragraphs), LANGUAGES).segments
    ]


def paragraph(*parts):
    return f"<w:p>{''.join(parts)}</w:p>"


def test_a_paragraph_is_one_text_whatever_its_runs_are():
    halves = text("The bl"), text("ack ", '<w:lang w:val="en-GB"/>'), "<w:proofErr/>", text("cat")
    assert segments(paragraph(*halves)) == ["The black cat"]
    mixed = text("The "), text("bla", "<w:b/>"), text("ck", "<w:b/>"), text(" cat sleeps")
    assert segments(paragraph(*mixed)) == ['The <g id="1">black</g> cat sleeps']
    bold = text("The black cat ", "<w:b/>"), text("sleeps")
    assert segments(paragraph(*bold)) == ['The black cat <g id="1">sleeps</g>']
    link = f'<w:hyperlink r:id="x">{text("the cat", "<w:u/>")}</w:hyperlink>'
    assert segments(paragraph(text("See "), link)) == ['See <g id="1">the cat</g>']
    assert segments(paragraph(text("12, 13"))) == []
    marks = '<w:bookmarkStart w:id="1"/>', '<w:bookmarkEnd w:id="1"/>'
    marked = text("the "), marks[0], text("cat"), marks[1]
    assert segments(paragraph(*marked)) == ['the <g id="1">cat</g>']


def test_the_formatting_of_runs_follows_their_words():
    content = packed(paragraph(text("The "), text("black", "<w:b/>"), text(" cat")))
    document = read_file_document("a.docx", content, LANGUAGES)
    changed = parts_of(document.write(['Le chat <g id="1">noir</g>']))
    assert (
        '<w:t xml:space="preserve">Le chat </w:t></w:r><w:r><w:rPr><w:b/></w:rPr>'
        '<w:t xml:space="preserve">noir</w:t></w:r></w:p>'
    ) in changed["word/document.xml"].decode()
    assert b'w:val="fr"' in changed["word/styles.xml"]


@pytest.mark.parametrize("depth", [25, 20_000])
def test_paragraphs_in_each_other_are_bounded(depth):
    content = packed("<w:p>" * depth + text("cat") + "</w:p>" * depth)
    with pytest.raises(RegardError, match="in each other"):
        read_file_document("a.docx", content, LANGUAGES)


def test_elements_in_each_other_take_no_time_by_the_square():
    content = packed(paragraph("<w:ins>" * 2000, text("cat"), "</w:ins>" * 2000))
    check_identity("a.docx", content)


def test_what_is_no_word_document_is_refused():
    good = parts_of(packed(paragraph(text("cat"))))
    doctype = '<!DOCTYPE x [<!ENTITY a SYSTEM "file:///etc/passwd">]>'
    for changes, what in (
        ({"[Content_Types].xml": TYPES.replace("wordprocessingml.document", "sheet")}, "no Word"),
        ({"[Content_Types].xml": "nonsense"}, "well-formed|no Word"),
        ({"word/document.xml": f"{doctype}<w:document {W}/>"}, "entity"),
        ({"word/document.xml": f"<!DOCTYPE x><w:document {W}/>"}, "DOCTYPE"),
        ({"word/document.xml": "<w:document>"}, "well-formed"),
        ({"word/document.xml": b"\xff\xfe"}, "not UTF-8"),
    ):
        with pytest.raises(RegardError, match=what) as refused:
            read_file_document("a.docx", small_zip(**{**good, **changes}), LANGUAGES)
        assert "a.docx" in refused.value.where
    with pytest.raises(RegardError, match="no Word"):
        read_file_document("a.docx", small_zip(cat="a"), LANGUAGES)
    encrypted = bytearray(packed())
    for begin, offset in ((b"PK\x03\x04", 6), (b"PK\x01\x02", 8)):
        encrypted[encrypted.index(begin) + offset] |= 1
    with pytest.raises(RegardError, match="encrypted"):
        read_file_document("a.docx", bytes(encrypted), LANGUAGES)


# Documents of python-docx


def office_document():
    document = docx.Document()
    document.add_heading("The black cat", 1)
    one = document.add_paragraph("The ")
    one.add_run("black").bold = True
    one.add_run(" cat ate the ")
    one.add_run("mouse").italic = True
    one.add_run(".")
    link = OxmlElement("w:hyperlink")
    target = one.part.relate_to("http://x.y", RELATIONSHIP_TYPE.HYPERLINK, is_external=True)
    link.set(qn("r:id"), target)
    link.append(one.add_run(" The white house.")._r)
    one._p.append(link)
    table = document.add_table(2, 2)
    for index, words in enumerate(("The cat", "The dog", "12", "The mouse")):
        table.cell(index // 2, index % 2).text = words
    document.sections[0].header.paragraphs[0].text = "The report"
    document.add_paragraph("The dog sleeps.", style="List Bullet")
    stored = io.BytesIO()
    document.save(stored)
    return stored.getvalue()


def test_the_built_in_model_translates_a_document_that_opens_again():
    content = office_document()
    before = docx.Document(io.BytesIO(content))
    after = docx.Document(io.BytesIO(written(content, regard.load())))
    styles = [[one.style.name for one in each.paragraphs] for each in (before, after)]
    assert styles[0] == styles[1]
    sentence = after.paragraphs[1]
    assert [one.text for one in sentence.runs if one.bold] == ["noir"]
    assert [one.text for one in sentence.runs if one.italic] == ["souris"]
    [link] = sentence.hyperlinks
    assert link.address == "http://x.y" and "maison" in link.text
    cells = [cell.text for row in after.tables[0].rows for cell in row.cells]
    assert cells[2] == "12" and "chat" in cells[0] and "souris" in cells[3]
    assert "rapport" in after.sections[0].header.paragraphs[0].text


def test_a_text_box_in_a_paragraph_is_translated_and_so_is_the_paragraph():
    box = f"<w:r><w:pict><w:txbxContent>{paragraph(text('the box'))}</w:txbxContent></w:pict></w:r>"
    document = read_file_document(
        "a.docx", packed(paragraph(text("the cat "), box, text("sleeps"))), LANGUAGES
    )
    outer, inner = (each.text for each in document.segments)
    assert inner == "the box"
    for texts in (
        [outer.replace("the cat", "le chat"), "la boîte"],
        [outer, "la boîte"],
        [outer.replace("the cat", "le chat"), inner],
    ):
        new = parts_of(document.write(texts))["word/document.xml"].decode()
        assert ("le chat" in new) == ("le chat" in texts[0])
        assert ("la boîte" in new) == ("la boîte" in texts[1])
        assert new.count("box") + new.count("boîte") == 1 and new.count("<w:pict>") == 1


def test_a_paragraph_that_is_not_changed_stays_as_it_is_written():
    halves = paragraph(text("the c"), "<w:proofErr/>", text("at"))
    document = read_file_document("a.docx", packed(halves, paragraph(text("a dog"))), LANGUAGES)
    new = parts_of(document.write(["the cat", "un chien"]))["word/document.xml"].decode()
    assert halves in new and "un chien" in new
