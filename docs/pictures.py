"""Draw the pictures of the README and of the documentation.

    python docs/pictures.py regard-demo

`regard-demo` is the folder that `regard demo` writes. Screenshots need Playwright and the Chromium
of --chromium.
"""

import argparse
import tempfile
from pathlib import Path

from playwright.sync_api import Page, sync_playwright

from regard.explain.explanation import Explanation, as_json, explain, load_to_explain
from regard.explain.heat_map import Picture, write_pictures
from regard.lesson.corpus import EXAMPLE
from regard.page import static_page

HERE = Path(__file__).parent / "pictures"
WRITTEN, STAGES = 2, 7
"""Tokens that are written in the picture of a step, and the stages of each."""


def picture(explained: Explanation) -> Picture:
    rows, columns = (
        [word.text for word in text.words] for text in (explained.target, explained.source)
    )
    return Picture(explained.model, rows, columns, explained.word_weights)


def shoot(page: Page, name: str, *keys: str) -> None:
    """Press the keys, wait for the transitions, and save a screenshot."""
    for key in keys:
        page.keyboard.press(key)
    page.wait_for_timeout(1500)
    page.screenshot(path=HERE / f"{name}.png", full_page=True)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("demo", type=Path)
    parser.add_argument("--chromium", default="/usr/bin/chromium")
    arguments = parser.parse_args()
    HERE.mkdir(exist_ok=True)
    explanations = [
        explain(load_to_explain(arguments.demo / name), EXAMPLE.source, name)
        for name in ("attention", "traditional")
    ]
    write_pictures([picture(explanation) for explanation in explanations], HERE / "black-cat.png")
    data = {
        "title": EXAMPLE.source,
        "models": [explanation.model for explanation in explanations],
        "explanations": [as_json(explanation) for explanation in explanations],
    }
    with tempfile.TemporaryDirectory() as folder, sync_playwright() as playwright:
        file = Path(folder) / "page.html"
        file.write_text(static_page(data), encoding="utf-8")
        browser = playwright.chromium.launch(
            executable_path=arguments.chromium, args=["--no-sandbox"]
        )
        desktop = browser.new_page(viewport={"width": 1400, "height": 900}, color_scheme="light")
        phone = browser.new_page(viewport={"width": 390, "height": 844}, color_scheme="dark")
        for page in (desktop, phone):
            page.goto(file.as_uri())
        presses = len(explanations[0].source.tokens) + 1 + WRITTEN * STAGES
        shoot(desktop, "step", "1", *["ArrowRight"] * presses)
        shoot(desktop, "arrows", "3")
        shoot(phone, "matrix-phone", "2")
        browser.close()


if __name__ == "__main__":
    main()
