"""The laws of the page to translate on: a real browser before a real server."""

import json
import re
import shutil
from pathlib import Path

import httpx2
import pytest

from browsing import Page, faults, load_axe
from regard import models
from regard.lesson.corpus import EXAMPLE
from test_server import SOURCES, running

ATTACK = "<img/onerror=alert(1)/src=x></script><script>alert(2)</script>"
ODD = [
    "A cat.\n\n  The dog\u00a0sleeps. \n",
    "The cat 😀 and e\u0301t\u00e9 \u200bsee {name}.\nTHE DOG\n",
    "\u0085\nA cat.\u2028A dog.\t",
    "\ufeffA cat.\n\x1c\n12\n🙂",
    ATTACK,
]
TWO = f"{EXAMPLE.source}\n{SOURCES[0]}"
LONG = " ".join(SOURCES)
"""The server divides it."""


@pytest.fixture(scope="module")
def address(model, tmp_path_factory):
    """Of a server for both directions: the built-in model, and for the way back a small one that
    says that it reads French."""
    back = shutil.copytree(model, tmp_path_factory.mktemp("back") / "fr-en")
    description = back / "model.json"
    content = json.loads(description.read_text("utf-8"))
    description.write_text(json.dumps({**content, "languages": ["fr", "en"]}), "utf-8")
    options = "--model", str(back), "--workers", "1", "--frontend-timeout", "100"
    options += "--frontend-language-target", "fr"
    with running(models.DEFAULT, *options, "--char-limit", "3000") as (_, address):
        yield address


@pytest.fixture(scope="module")
def tab(browser):
    return Page(browser.new_context())


@pytest.fixture
def shown(tab, address):
    """The page, without former translations; at the end it has logged nothing, and has asked its
    own server alone."""
    tab.load(f"{address}/")
    tab.tab.evaluate("localStorage.clear()")
    tab.load(f"{address}/")
    tab.tab.wait_for_selector("#text")
    yield tab
    tab.tab.unroute_all()
    assert [message for message in tab.logged if "status of 4" not in message] == []
    assert all(url.startswith(address) for url in tab.requested)


def detailed(address, text, **more):
    asked = {"texts": text, "source": "en", "target": "fr", **more}
    return httpx2.post(f"{address}/v1/translate", json=asked, timeout=60).json()["translations"][0]


def write(shown, text):
    """Fill in a text, and wait for its translation."""
    with shown.tab.expect_response("**/v1/translate"):
        shown.tab.fill("#text", text)
    shown.awaits("#target.waiting").to_have_count(0)


def translation(shown):
    return shown.tab.locator("#output").text_content()


def choose(shown, source):
    shown.tab.get_by_label("From", exact=True).select_option(source)


def lit(shown):
    """The numbers of the words that light up on each side."""
    return [
        shown.tab.evaluate(
            f"[...document.querySelectorAll('#{side} .word')].map((node, number) =>"
            " node.classList.contains('linked') ? number : -1).filter((number) => number >= 0)"
        )
        for side in ("source", "target")
    ]


@pytest.mark.parametrize(
    "typed", [EXAMPLE.source, TWO, LONG, *ODD], ids=lambda text: ascii(text[:40])
)
def test_a_text_is_shown_as_it_was_typed_and_its_translation_as_the_server_writes_it(
    shown, address, typed
):
    choose(shown, "en")
    write(shown, typed)
    assert translation(shown) == detailed(address, typed)["text"]
    assert shown.tab.locator(".mirror").text_content() == f"{typed}\n "
    assert shown.tab.locator("main img, main script").count() == 0
    words = sum(len(part["words"]) for part in detailed(address, typed)["parts"])
    assert shown.tab.locator("#target .word").count() == words


def test_pointing_at_a_word_lights_its_links_on_both_sides(shown, address):
    choose(shown, "en")
    write(shown, TWO)
    first, second = detailed(address, TWO)["parts"]
    counts = [len(first["source_words"]), len(first["words"])]
    links = [
        (link["source"] + shift[0], link["target"] + shift[1])
        for part, shift in ((first, (0, 0)), (second, counts))
        for link in part["alignment"]["links"]
        if link["probability"] > 0.3
    ]
    assert len(links) > 5
    for number in range(shown.tab.locator("#target .word").count()):
        shown.tab.locator("#target .word").nth(number).hover()
        expected = sorted(source for source, target in links if target == number)
        assert lit(shown) == [expected, [number]]
    for number in range(shown.tab.locator("#source .word").count()):
        box = shown.tab.locator("#source .word").nth(number).bounding_box()
        shown.tab.mouse.move(box["x"] + box["width"] / 2, box["y"] + box["height"] / 2)
        assert lit(shown) == [[number], sorted(b for a, b in links if a == number)]
    shown.tab.hover("h1")
    assert lit(shown) == [[], []]


def test_the_keyboard_reaches_every_word_of_both_texts(shown, address):
    choose(shown, "en")
    write(shown, EXAMPLE.source)
    (part,) = detailed(address, EXAMPLE.source)["parts"]
    press = shown.tab.keyboard.press
    shown.tab.focus("#text")
    press("Home")
    assert lit(shown)[0] == [0]
    press("End")
    press("ArrowLeft")
    assert lit(shown)[0] == [len(part["source_words"]) - 1]
    shown.tab.focus("#output")
    for number in range(len(part["words"])):
        press("ArrowRight")
        assert lit(shown)[1] == [number]
        word = part["words"][number]["text"]
        assert shown.text("#announcement").startswith(f"{word}: translates ")
    press("Home")
    assert lit(shown)[1] == [0]


def test_the_words_that_were_unlikely_are_marked(shown, address):
    choose(shown, "en")
    text = "The aggregate shortfall notwithstanding, the cat sleeps."
    write(shown, text)
    words = detailed(address, text)["parts"][0]["words"]
    expected = [word["text"] for word in words if word["probability"] < 0.2]
    assert 0 < len(expected) < len(words)
    assert shown.tab.locator("#output .unsure").all_text_contents() == expected


def test_other_translations_are_asked_for_when_they_are_opened(shown, address):
    choose(shown, "en")
    write(shown, EXAMPLE.source)
    assert shown.tab.locator(".others li").count() == 0
    shown.tab.click("#others summary")
    shown.tab.wait_for_selector(".others li")
    expected = detailed(address, EXAMPLE.source, alternatives=4)["alternatives"]
    assert shown.tab.locator(".others li").all_text_contents() == expected


def test_the_language_is_detected_and_swapped(shown):
    write(shown, "The black cat ate the mouse because it was hungry this morning.")
    auto = shown.tab.locator("#source option[value=auto]")
    assert auto.text_content() == "Detected: English"
    written = translation(shown)
    with shown.tab.expect_response("**/v1/translate"):
        shown.tab.click("#swap button")
    assert shown.tab.input_value("#text") == written
    chosen = [shown.tab.get_by_label(name, exact=True).input_value() for name in ("From", "To")]
    assert chosen == ["fr", "en"]
    assert auto.text_content() == "Detect language"


def test_a_text_in_the_target_language_is_translated_to_another(shown, address):
    shown.tab.get_by_label("To", exact=True).select_option("en")
    write(shown, EXAMPLE.source)
    assert shown.tab.get_by_label("To", exact=True).input_value() == "fr"
    assert translation(shown) == detailed(address, EXAMPLE.source)["text"]


def test_typing_asks_once_and_an_answer_that_comes_late_is_not_shown(shown):
    choose(shown, "en")
    held = []

    def hold(route):
        held.append(route)
        if len(held) > 1:
            route.continue_()

    shown.tab.route("**/v1/translate", hold)
    shown.tab.type("#text", "A cat", delay=10)
    shown.tab.wait_for_timeout(500)
    assert [route.request.post_data_json["texts"] for route in held] == ["A cat"]
    write(shown, "The dog sleeps.")
    expected = translation(shown)
    assert len(held) == 2 and expected
    shown.tab.wait_for_timeout(200)
    assert translation(shown) == expected


def test_former_translations_are_kept_in_the_browser_until_they_are_forgotten(shown):
    choose(shown, "en")
    shown.tab.clock.install()
    for text in ("A cat.", "The dog", "The dog sleeps."):
        shown.tab.fill("#text", text)
        shown.tab.clock.run_for(200)
        shown.awaits("#target.waiting").to_have_count(0)
        shown.tab.clock.run_for(4000)
    shown.awaits("#history summary").to_have_text("Former translations (2)")
    shown.tab.click("#history summary")
    assert shown.tab.locator(".former .of-source").all_text_contents() == [
        "The dog sleeps.",
        "A cat.",
    ]
    shown.tab.locator(".former").nth(1).click()
    assert shown.tab.input_value("#text") == "A cat."
    shown.tab.get_by_role("button", name="Forget all").click()
    assert shown.tab.locator("#history details").count() == 0
    assert shown.tab.evaluate("localStorage.getItem('regard-history')") == "[]"


def test_a_text_that_is_too_long_is_refused_in_words_and_stays(shown):
    choose(shown, "en")
    text = "cat " * 800
    shown.tab.fill("#text", text)
    shown.awaits(".error").to_have_text(re.compile("exceeds text limit"))
    assert shown.tab.input_value("#text") == text
    assert shown.text("#count") == "3,200 of 3,000 characters"
    write(shown, "A cat.")
    assert shown.tab.locator(".error").count() == 0


def test_a_busy_server_is_asked_again_when_it_says_so(shown):
    choose(shown, "en")
    tries = []

    def refuse_once(route):
        tries.append(route)
        if len(tries) > 1:
            return route.continue_()
        headers = {"retry-after": "1"}
        return route.fulfill(status=429, headers=headers, json={"error": "Slowdown"})

    shown.tab.route("**/v1/translate", refuse_once)
    shown.tab.fill("#text", "A cat.")
    shown.awaits(".error").to_have_text("Slowdown Trying again in 1 s.")
    shown.awaits("#output .word").not_to_have_count(0)
    assert len(tries) == 2 and shown.tab.locator(".error").count() == 0


def test_a_link_may_bring_the_text_and_the_languages(shown, address):
    with shown.tab.expect_response("**/v1/translate"):
        shown.load(f"{address}/?source=en&target=fr&q=The+cat+sleeps.")
    shown.awaits("#output .word").not_to_have_count(0)
    assert translation(shown) == detailed(address, "The cat sleeps.")["text"]


def test_the_explorer_opens_with_the_first_line(shown, address):
    choose(shown, "en")
    write(shown, f"\n{EXAMPLE.source}\nAnother line.")
    shown.tab.set_default_timeout(30_000)  # its process loads the models first
    shown.tab.click("a[href^=explorer]")
    shown.awaits("#sentences .source .text").to_contain_text(EXAMPLE.source.rstrip("."))
    shown.tab.set_default_timeout(5000)
    assert shown.tab.input_value("#sentence") == EXAMPLE.source


def with_warning(route):
    """The server's answer, and a warning about all of the text."""
    response = route.fetch()
    answer = response.json()
    (part,) = answer["translations"][0]["parts"]
    warning = {"kind": "untranslated", "message": "it is odd", "source": [0, len(part["source"])]}
    part["warnings"].append(warning)
    route.fulfill(response=response, json=answer)


def test_a_file_is_translated_when_it_is_chosen_or_dropped(shown):
    choose(shown, "en")
    srt = "1\n00:00:01,000 --> 00:00:02,000\nThe black cat ate the mouse.\n"
    chosen = {"name": "film.srt", "mimeType": "text/plain", "buffer": srt.encode()}
    shown.tab.set_input_files("#file", chosen)
    with shown.tab.expect_download() as download:
        shown.tab.click(".download")
    assert download.value.suggested_filename == "film_fr.srt"
    written = Path(download.value.path()).read_text("utf-8")
    assert written.startswith("1\n00:00:01,000 --> 00:00:02,000\nLe chat noir")
    shown.tab.evaluate("""() => {
        const data = new DataTransfer();
        data.items.add(new File(["MZ"], "film.exe"));
        document.dispatchEvent(new DragEvent("drop", {dataTransfer: data, bubbles: true}));
    }""")
    shown.awaits("#file-status").to_have_text(re.compile("film.exe: .*file format not supported"))


@pytest.mark.parametrize(
    ("width", "theme"), [(360, "light"), (360, "dark"), (768, "dark"), (1600, "light")]
)
def test_it_has_room_at_any_width_and_a_checker_finds_no_fault(browser, address, width, theme):
    shown = Page(browser.new_context(bypass_csp=True))
    shown.tab.route("**/v1/translate", with_warning)
    asked = "?source=en&target=fr&q=The+zebra+flies+" + "Donaudampfschifffahrt" * 5
    media = {"color_scheme": theme, "reduced_motion": "reduce"}
    shown.load(f"{address}/{asked}", width=width, **media)
    shown.awaits("#output .word").not_to_have_count(0)
    shown.tab.click("#others summary")
    shown.tab.wait_for_selector(".others li")
    assert "it is odd" in shown.text("#notes")
    assert shown.overflow() <= 0
    assert shown.tab.evaluate("document.documentElement.dataset.theme") == theme
    stack, mirror = (
        shown.tab.locator(each).bounding_box() for each in (".stack textarea", ".mirror")
    )
    assert stack == mirror
    load_axe(shown)
    assert faults(shown) == []
    shown.tab.get_by_role("button", name="Help").click()
    assert faults(shown) == []
    assert shown.logged == []
    shown.tab.context.close()


def test_the_translation_is_copied(browser, address):
    context = browser.new_context(permissions=["clipboard-read", "clipboard-write"])
    shown = Page(context)
    shown.load(f"{address}/?source=en&target=fr&q=The+black+cat.")
    shown.awaits("#output .word").not_to_have_count(0)
    shown.tab.get_by_role("button", name="Copy").click()
    copied = shown.tab.evaluate("navigator.clipboard.readText()")
    assert copied == translation(shown) != ""
    context.close()
