"""The laws of translated files: a real server, and documents of several formats."""

import io
import zipfile

import docx
import httpx2
import pytest

import regard
from regard.documents.readers import SUFFIXES, read_file_document
from regard.serving.file_store import FileStore, translated_name
from test_server import running

SRT = b"1\r\n00:00:01,000 --> 00:00:02,500\r\n<i>The cat</i> sleeps.\r\n\r\n"
HTML = b"<p>The <b>black</b> cat.</p><p>The dog sleeps.</p>"
TEXT = b"The cat sleeps.\n\n  The dog sleeps.\n"
MARKDOWN = b"# The cat\n\nThe *black* cat sleeps.\n"


def word_document():
    document = docx.Document()
    paragraph = document.add_paragraph("The ")
    paragraph.add_run("black").bold = True
    paragraph.add_run(" cat sleeps.")
    written = io.BytesIO()
    document.save(written)
    return written.getvalue()


@pytest.fixture(scope="module")
def client(model):
    with (
        running(model, "--workers", "1", "--char-limit", "5000") as (_, address),
        httpx2.Client(base_url=address, timeout=60) as client,
    ):
        yield client


def send(client, name, content, source="en", target="fr", **more):
    parts = {"source": (None, source), "target": (None, target), **more}
    return client.post("/translate_file", files={"file": (name, content), **parts})


def fetch(client, answer):
    assert answer.status_code == 200, answer.text
    return client.get(answer.json()["translatedFileUrl"])


@pytest.mark.parametrize(
    ("name", "content"),
    [("a.srt", SRT), ("b c.html", HTML), ("é.txt", TEXT), ("d.md", MARKDOWN)],
)
def test_a_file_comes_back_as_its_segments_are_translated(client, model, name, content):
    translator = regard.load(model, engine="onnx", workers=1)
    document = read_file_document(name, content, ("en", "fr"))
    texts = []
    for segment in document.segments:
        if segment.form == "text":
            lines = segment.text.split("\n")
            done = [one.text if one.text else "" for one in translator.translate(lines)]
            texts.append("\n".join(done))
        else:
            [one] = regard.translate_markup(translator, [segment.text], segment.form)
            texts.append(one.text)
    downloaded = fetch(client, send(client, name, content))
    assert downloaded.content == document.write(texts)
    disposition = downloaded.headers["content-disposition"]
    assert disposition.startswith("attachment; filename") and "_fr." in disposition


def test_a_word_document_keeps_its_formatting(client):
    content = fetch(client, send(client, "report.docx", word_document())).content
    [paragraph] = docx.Document(io.BytesIO(content)).paragraphs
    assert sum(bool(run.bold) for run in paragraph.runs) == 1
    assert "The" not in paragraph.text


def test_the_language_of_a_file_may_be_detected(client):
    answer = send(client, "a.txt", TEXT, source="auto")
    assert fetch(client, answer).content == fetch(client, send(client, "a.txt", TEXT)).content


def test_what_is_wrong_with_a_file_is_answered_in_words(client):
    unreadable = "The browser (or proxy) sent a request that this server could not understand."
    wrong = {
        unreadable: client.post("/translate_file", data={"source": "en", "target": "fr"}),
        "Invalid request: file format not supported": send(client, "a.exe", b"MZ"),
        "Invalid request: missing source parameter": send(client, "a.txt", TEXT, source=""),
        "zz is not supported": send(client, "a.txt", TEXT, target="zz"),
        "English (en) is not available as a target language from French (fr)": send(
            client, "a.txt", TEXT, source="fr", target="en"
        ),
        "Invalid request: request (6000) exceeds text limit (5000)": send(
            client, "a.txt", b"a " * 3000
        ),
    }
    for message, answer in wrong.items():
        assert (answer.status_code, answer.json()) == (400, {"error": message})
    no_file = client.post("/translate_file", files={"source": (None, "en"), "target": (None, "fr")})
    assert (no_file.status_code, no_file.json()) == (400, {"error": unreadable})
    for name, content in (("a.docx", b"no zip"), ("a.xlf", b"<xliff"), ("a.txt", b"\xff\xfe")):
        refused = send(client, name, content)
        assert refused.status_code == 400 and name in refused.json()["error"]


def test_bombs_and_foreign_entities_are_refused(client):
    bomb = io.BytesIO()
    with zipfile.ZipFile(bomb, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("word/document.xml", b" " * (200 * 2**20))
    entity = (
        b'<!DOCTYPE x [<!ENTITY e SYSTEM "file:///etc/hostname">]><xliff version="1.2">&e;</xliff>'
    )
    for name, content in (("a.docx", bomb.getvalue()), ("a.xliff", entity)):
        refused = send(client, name, content)
        assert refused.status_code == 400, refused.text
    assert client.get("/health").status_code == 200


def test_only_what_was_translated_can_be_downloaded(client):
    unknown = client.get("/download_file/00000000-0000-0000-0000-000000000000.a_fr.txt")
    assert unknown.status_code == 404
    for path in (
        "/download_file/..%2F..%2Fetc%2Fpasswd",
        "/download_file/a/b",
        "/download_file/%5Ca",
    ):
        answer = client.get(path)
        assert (answer.status_code, answer.json()) == (400, {"error": "Invalid filename"})


def test_settings_name_the_formats_and_files_may_be_disabled(client, model):
    settings = client.get("/frontend/settings").json()
    assert settings["filesTranslation"] is True
    assert settings["supportedFilesFormat"] == list(SUFFIXES)
    with (
        running(model, "--workers", "1", "--disable-files-translation") as (_, address),
        httpx2.Client(base_url=address) as other,
    ):
        settings = other.get("/frontend/settings").json()
        assert (settings["filesTranslation"], settings["supportedFilesFormat"]) == (False, [])
        disabled = {"error": "Files translation are disabled on this server."}
        for answer, status in (
            (send(other, "a.txt", TEXT), 403),
            (other.get("/download_file/a"), 400),
        ):
            assert (answer.status_code, answer.json()) == (status, disabled)


def test_files_are_kept_for_a_while_within_a_bound_and_removed_at_the_end(monkeypatch):
    monkeypatch.setattr("regard.serving.file_store.MAX_STORED_BYTES", 25)
    store = FileStore()
    keys = [store.put(f"{number}.txt", bytes(10)) for number in range(3)]
    assert [len(store.find(key)) for key in keys] == [0, 1, 1]
    [kept] = store.find(keys[2])
    store.close()
    assert not kept.path.exists()
    monkeypatch.setattr("regard.serving.file_store.KEPT_SECONDS", -1.0)
    brief = FileStore()
    key = brief.put("a.txt", b"a")
    path = brief.files[key].path
    assert brief.find(key) == [] and not path.exists()
    brief.close()


@pytest.mark.parametrize(
    ("given", "expected"),
    [
        ("report.docx", "report_fr.docx"),
        ("../../etc/pass wd.txt", "pass_wd_fr.txt"),
        ("C:\\a\\b.srt", "b_fr.srt"),
        ("\u202e.txt", "file_fr.txt"),
        ("é\r\nX.md", "é_X_fr.md"),
    ],
)
def test_the_name_of_a_translated_file_is_safe(given, expected):
    assert translated_name(given, "fr") == expected
