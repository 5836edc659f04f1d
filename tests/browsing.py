"""A real browser for tests of pages."""

import os
from pathlib import Path

import pytest


class Page:
    """A tab, and all that it has logged and requested since it loaded its page."""

    def __init__(self, context):
        self.tab = context.new_page()
        self.tab.set_default_timeout(5000)
        self.tab.on("console", lambda message: self.logged.append(message.text))
        self.tab.on("pageerror", lambda error: self.logged.append(str(error)))
        self.tab.on("dialog", lambda dialog: (self.logged.append("a dialog"), dialog.dismiss()))
        self.tab.on("request", lambda request: self.requested.append(request.url))

    def load(self, url, width=1280, height=900, **media):
        self.logged, self.requested = [], []
        self.tab.set_viewport_size({"width": width, "height": height})
        self.tab.emulate_media(
            **{"color_scheme": "light", "reduced_motion": "no-preference"} | media
        )
        self.tab.goto(url)

    def awaits(self, selector):
        from playwright.sync_api import expect

        return expect(self.tab.locator(selector))

    def go(self, position):
        self.tab.get_by_label("Where in the translation").evaluate(
            "(node, to) => { node.value = to; node.dispatchEvent(new Event('input')); }", position
        )

    def where(self):
        return int(self.tab.get_by_label("Where in the translation").input_value())

    def view(self, name):
        self.tab.click(f"#tab-{name}")

    def numbers(self, selector, name):
        return [
            None if value == "null" else float(value)
            for value in self.tab.eval_on_selector_all(
                selector, f"(all) => all.map((node) => node.getAttribute('data-{name}'))"
            )
        ]

    def vectors(self, selector):
        texts = self.tab.eval_on_selector_all(
            selector, "(all) => all.map((node) => node.dataset.numbers)"
        )
        return [[float(number) for number in text.split()] for text in texts]

    def overflow(self):
        return self.tab.evaluate("document.documentElement.scrollWidth - innerWidth")

    def text(self, selector):
        return " ".join(self.tab.locator(selector).inner_text().split())


def load_axe(shown):
    """Put the accessibility checker into the page."""
    checker = os.environ.get("REGARD_AXE")
    if not checker:
        (pytest.fail if os.environ.get("CI") else pytest.skip)("REGARD_AXE names no axe-core file")
    shown.tab.evaluate(Path(checker).read_text("utf-8"))


def faults(shown):
    """What the accessibility checker finds."""
    return shown.tab.evaluate("""async () => (await axe.run()).violations.flatMap(
      (fault) => fault.nodes.map((node) => [fault.id, node.html.slice(0, 150)]))""")
