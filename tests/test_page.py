"""The explorer page shows the numbers that it was given, in a real browser."""

import json
import math
import random
import re
from pathlib import Path

import pytest

from browsing import Page, faults, load_axe
from regard import page

STAGES = 7
STEP, MATRIX, ARROWS, LINKS, LONG, OWN = "step", "matrix", "arrows", "links", "long", "own"
ATTACK = "</script><script>alert(1)</script>"
IMAGE = '"><img/onerror=alert(2)/src=x>'


# ---- explanations by hand: true softmaxes and true sums, of any size ----


def rounded(rows):
    if isinstance(rows[0], list):
        return [rounded(row) for row in rows]
    return [round(number, 6) for number in rows]


def flat(rows):
    return [number for row in rows for number in row]


def softmax(scores):
    shares = [0.0 if score is None else math.exp(score) for score in scores]
    return [share / sum(shares) for share in shares]


def tokenized(words):
    """A text of words, each given as its pieces, and </s>."""
    tokens, indices = [], []
    for pieces in [*words, ["</s>"]]:
        indices.append(
            {"text": "".join(pieces), "tokens": [*range(len(tokens), len(tokens) + len(pieces))]}
        )
        tokens += ["▁" + pieces[0] if pieces != ["</s>"] else "</s>", *pieces[1:]]
    return {
        "text": " ".join("".join(pieces) for pieces in words),
        "tokens": tokens,
        "ids": [*range(10, 10 + len(tokens) - 1), 2],
        "words": indices,
    }


def layer(random_, states, steps, heads, hidden, attention):
    length, size = len(states), len(states[0])
    part = size // heads
    scores = [
        [
            [
                random_.gauss(0, 2) if attention != "none" else (None, 0.0)[token == length - 1]
                for token in range(length)
            ]
            for _ in range(steps)
        ]
        for _ in range(heads)
    ]
    weights = [[softmax(row) for row in head] for head in scores]
    context = [
        [
            sum(weights[at // part][step][token] * states[token][at] for token in range(length))
            for at in range(size)
        ]
        for step in range(steps)
    ]

    def vectors():
        return rounded([[random_.uniform(-0.9, 0.9) for _ in range(hidden)] for _ in range(steps)])

    return {
        "hidden": vectors(),
        "scores": [
            [[score and round(score, 6) for score in row] for row in head] for head in scores
        ],
        "weights": rounded(weights),
        "context": rounded(context),
        "output": vectors(),
    }


def alignment_by_hand(source, target, attention):
    """Words are linked in order; every third one weakly."""
    if attention == "none":
        return {"method": "none", "links": []}
    count = min(len(source["words"]), len(target["words"])) - 1
    links = [[number, number, 0.2 if number % 3 == 2 else 0.9] for number in range(count)]
    return {"method": "head", "links": links}


def explanation(
    source, target, name="attention", attention="scaled", layers=2, heads=1, size=32, hidden=16
):
    random_ = random.Random(name + str(source))
    source, target = tokenized(source), tokenized(target)
    length, steps = len(source["tokens"]), len(target["tokens"])
    states = rounded([[random_.uniform(-0.8, 0.8) for _ in range(size)] for _ in range(length)])
    layer_data = [layer(random_, states, steps, heads, hidden, attention) for _ in range(layers)]
    last = layer_data[-1]["weights"]
    weights = [
        [sum(head[t][s] for head in last) / len(last) for s in range(length)] for t in range(steps)
    ]
    words = [
        [
            sum(weights[t][s] for t in out["tokens"] for s in into["tokens"]) / len(out["tokens"])
            for into in source["words"]
        ]
        for out in target["words"]
    ]
    others = ["le", "la", "un", "une", "chien", "noir", "souris"]
    next_tokens = [
        [{"id": target["ids"][t], "token": target["tokens"][t], "probability": 0.6}]
        + [
            {"id": 900 + at, "token": f"▁{other}", "probability": round(0.3 / 2**at, 6)}
            for at, other in enumerate(others)
        ]
        for t in range(steps)
    ]
    return {
        "version": 3,
        "model": {
            "name": name,
            "languages": ["en", "fr"],
            "attention": attention,
            "encoder_layer_type": "lstm",
            "decoder_layer_type": "lstm",
            "encoder": "bidirectional",
            "encoder_layers": 1,
            "decoder_layers": layers,
            "heads": heads,
            "embedding_size": hidden,
            "encoder_size": size,
            "decoder_size": hidden,
        },
        "source": source,
        "target": target,
        "prefix_length": 0,
        "log_prob": round(steps * math.log(0.6), 6),
        "finish_reason": "eos",
        "states": states,
        "values": [],
        "layers": layer_data,
        "encoder_attentions": [],
        "decoder_attentions": [],
        "weights": rounded(weights),
        "word_weights": rounded(words),
        "alignment": alignment_by_hand(source, target, attention),
        "next": next_tokens,
        "probabilities": [0.6] * steps,
        "score_changes": [],
        "advice": "",
    }


def transformer(heads=2, encoder="bidirectional", name="transformer"):
    """The same explanation by a Transformer: with self-attention, and projections that are added up
    in place of the states."""
    random_ = random.Random(name + encoder)
    told = explanation(ENGLISH, FRENCH, name, heads=heads)
    steps = len(told["target"]["tokens"])
    values = [
        rounded([[random_.uniform(-0.8, 0.8) for _ in range(16)] for _ in range(SOURCE_TOKENS)])
        for _ in told["layers"]
    ]
    layers = [layer(random_, one, steps, heads, 16, "scaled") for one in values]

    def attentions(length, is_causal):
        return [self_attention(random_, length, heads, is_causal) for _ in layers]

    mean = [
        [sum(head[t][s] for head in layers[-1]["weights"]) / heads for s in range(SOURCE_TOKENS)]
        for t in range(steps)
    ]
    model = {
        **told["model"], "encoder": encoder, "heads": heads, "self_attention_heads": heads,
        "encoder_layer_type": "self-attention", "decoder_layer_type": "self-attention",
    }  # fmt: skip
    return {
        **told,
        "model": model,
        "values": values,
        "layers": layers,
        "weights": rounded(mean),
        "encoder_attentions": attentions(SOURCE_TOKENS, encoder == "unidirectional"),
        "decoder_attentions": attentions(steps, True),
    }


def self_attention(random_, length, heads, is_causal):
    scores = [
        [
            [None if is_causal and s > t else random_.gauss(0, 2) for s in range(length)]
            for t in range(length)
        ]
        for _ in range(heads)
    ]
    weights = [[softmax(row) for row in head] for head in scores]
    return {"scores": scores, "weights": rounded(weights)}


ENGLISH = [["The"], ["black"], ["cat"], ["ate"], ["the"], ["mo", "use"], ["."]]
FRENCH = [["Le"], ["chat"], ["noir"], ["a"], ["mangé"], ["la"], ["sou", "ris"], ["."]]
BROKEN = [["Le"], ["chien"], ["noir"], ["a"], ["la"], ["sou", "ris"], ["."]]
SOURCE_TOKENS = 9
"""Of the example, </s> among them."""


def both(source=ENGLISH, **sizes):
    """The same sentence by a model with attention and by one without."""
    return {
        "title": "The black cat",
        "models": ["attention", "traditional"],
        "explanations": [
            explanation(source, FRENCH, **sizes),
            explanation(source, BROKEN, "traditional", "none", **sizes),
        ],
    }


@pytest.fixture(scope="module")
def data():
    return both()


def position(step, stage):
    return SOURCE_TOKENS + 2 + STAGES * step + stage


# ---- the text of the page ----


def test_a_static_page_needs_nothing_from_outside(data):
    text = page.static_page(data)
    assert not re.findall(r"""(?:https?:)?//[\w.]+\.\w+|\bimport\b[^;\n]*["']|url\(""", text)
    assert "connect-src 'none'" in text
    assert "connect-src 'self'" in page.live_page({"live": True, "title": "", "explanations": []})


def test_no_sentence_can_end_the_script_that_holds_it():
    data = both([[ATTACK], [IMAGE], ["a&b"], ["\u2028\u2029"]])
    text = page.static_page({**data, "title": ATTACK})
    assert ATTACK not in text
    assert IMAGE not in text
    inside = text.split('id="data">')[1].split("</script>")[0]
    assert not set("<>&\u2028\u2029") & set(inside)
    assert json.loads(inside)["explanations"][0]["source"] == data["explanations"][0]["source"]


def test_the_policy_allows_exactly_the_script_and_the_style_that_are_there(data):
    text = page.static_page(data)
    style = text.split("<style>")[1].split("</style>")[0]
    script = text.split('<script type="module">')[1].split("</script>")[0]
    assert f"script-src {page.csp_hash(script)};" in text
    assert f"style-src {page.csp_hash(style)};" in text
    assert "unsafe" not in text.split("<style>")[0]


def test_joined_scripts_import_and_export_nothing_and_no_name_is_there_twice():
    shown = set()
    for parts in (page.EXPLORER, page.TRANSLATOR):
        joined = page.join_scripts(parts.first_script)
        assert not re.search(r"^(import|export)\b", joined, re.MULTILINE)
        names = re.findall(r"^(?:async )?(?:function|const|let|class) (\w+)", joined, re.MULTILINE)
        assert len(names) == len(set(names)) > 30
        shown |= set(names)
    for script in Path(page.__file__).parent.rglob("*.js"):
        for name in re.findall(r"^export (?:async )?\w+ (\w+)", script.read_text("utf-8"), re.M):
            assert name in shown, f"{script.name} is on no page"


def test_packed_vectors_are_the_numbers_themselves():
    import base64
    import struct

    rows = [[0.25, -1.5, 1e-6], [3.0, 0.0, -0.123456]]
    packed = page.pack(rows)
    numbers = struct.unpack("<6f", base64.b64decode(packed["float32"]))
    assert (packed["rows"], packed["columns"]) == (2, 3)
    assert numbers == pytest.approx(flat(rows), rel=1e-6)


def test_a_page_of_a_20_word_sentence_and_two_models_is_below_2_megabytes():
    source = [[f"word{n}", "piece"] if n < 9 else [f"word{n}"] for n in range(20)]
    sizes = {"layers": 2, "size": 512, "hidden": 256}
    data = {
        **both(),
        "explanations": [
            explanation(source, source, name, attention, **sizes)
            for name, attention in (("attention", "scaled"), ("traditional", "none"))
        ],
    }
    assert len(data["explanations"][0]["source"]["tokens"]) == 30
    assert len(page.static_page(data).encode()) < 2_000_000


# ---- in a browser ----


@pytest.fixture(scope="module")
def tab(browser):
    """One tab for all tests; each of them loads a page of its own."""
    return Page(browser.new_context())


@pytest.fixture(scope="module")
def touch_tab(browser):
    return Page(browser.new_context(has_touch=True))


@pytest.fixture(scope="module")
def unprotected_tab(browser):
    """A tab that runs the scripts of the test in the page."""
    return Page(browser.new_context(bypass_csp=True))


@pytest.fixture
def opened(tab, tmp_path):
    """Load a static page. At the end it has logged nothing, and requested nothing but itself."""
    shown = []

    def load(data, in_tab=tab, **settings):
        file = tmp_path / "page.html"
        file.write_text(page.static_page(data), "utf-8")
        check(shown)
        in_tab.load(file.as_uri(), **settings)
        shown.append(in_tab)
        return in_tab

    yield load
    check(shown)


def check(shown):
    for loaded in shown:
        assert loaded.logged == []
        assert [url for url in loaded.requested if not url.startswith(("file:", "data:"))] == []


def test_markup_in_a_sentence_is_shown_and_never_runs(opened):
    data = both([[ATTACK], [IMAGE], ["cat"]])
    data["explanations"][0]["advice"] = IMAGE
    data["explanations"][0]["model"]["name"] = IMAGE
    shown = opened({**data, "title": ATTACK})
    assert ATTACK in shown.text(".source .text")
    assert IMAGE in shown.text(".advice")
    for view in (MATRIX, ARROWS, LINKS, LONG, STEP):
        shown.view(view)
    shown.tab.wait_for_timeout(100)
    assert shown.tab.locator("img, main script").count() == 0
    assert shown.tab.title() == ATTACK


def test_it_plays_to_the_end_and_steps_back_to_the_start(opened, data):
    shown = opened(data)
    start = shown.tab.locator("main").inner_html()
    shown.go(position(8, 5))
    shown.tab.select_option(".player select", "4")
    shown.tab.get_by_role("button", name="Play").click()
    last = position(9, 6)
    shown.awaits(".player input").to_have_value(str(last), timeout=15_000)
    assert shown.text(".target .text") == "Le chat noir a mangé la souris . </s>"
    assert shown.tab.locator(".unwritten:not(.contexts li)").count() == 0
    for _ in range(last):
        shown.tab.keyboard.press("ArrowLeft")
    assert shown.where() == 0
    shown.tab.select_option(".player select", "1")
    shown.tab.evaluate("document.activeElement.blur()")
    assert shown.tab.locator(".states .unread").count() == SOURCE_TOKENS
    assert shown.tab.locator(".target .unwritten").count() == 10
    assert start.count("unread") == shown.tab.locator("main").inner_html().count("unread")


def test_the_states_appear_one_after_the_other_then_all_are_passed_on(opened, data):
    shown = opened(data)
    for read in range(SOURCE_TOKENS + 1):
        shown.go(read)
        assert shown.tab.locator(".states tbody tr:not(.unread)").count() == read
    shown.go(SOURCE_TOKENS + 1)
    assert "All 9 hidden states are passed on" in shown.text(".happening")
    shown.tab.get_by_role("button", name="Step through this model instead").click()
    shown.go(SOURCE_TOKENS + 1)
    assert "Only the final hidden state is passed on" in shown.text(".happening")
    assert shown.tab.locator(".not-passed").count() == SOURCE_TOKENS - 1


@pytest.mark.parametrize("heads", [1, 2])
def test_each_stage_shows_the_numbers_that_it_was_given(opened, heads):
    data = both(heads=heads)
    expected = data["explanations"][0]
    shown = opened(data)
    for number, layer in enumerate(expected["layers"]):
        for head in range(heads):
            shown.tab.click(f"[data-choice='{number},{head}']")
            for step in (0, 4):
                shown.go(position(step, 6))
                assert shown.numbers(".score-bar", "score") == layer["scores"][head][step]
                weights = shown.numbers(".weight-bar", "weight")
                assert weights == layer["weights"][head][step]
                begin = head * 32 // heads
                states = shown.vectors("tbody .state .strip")
                assert states == [pytest.approx(row[:16], abs=1e-6) for row in expected["states"]]
                products = shown.vectors(".strip.weighted")
                for token, weight in enumerate(weights):
                    state = expected["states"][token][begin : begin + 16]
                    assert products[token] == pytest.approx([weight * x for x in state], abs=1e-6)
                context = layer["context"][step]
                total = [sum(column) for column in zip(*products, strict=True)]
                (shown_sum,) = shown.vectors("tfoot .strip")
                assert shown_sum == pytest.approx(context[begin : begin + 16], abs=1e-6)
                assert total == pytest.approx(shown_sum, abs=1e-5)
                together = shown.vectors(".together-card .strip")
                for vector, numbers in zip(
                    together, (context, layer["hidden"][step], layer["output"][step]), strict=True
                ):
                    assert vector == pytest.approx(numbers[:16], abs=1e-6)
    assert shown.tab.locator("[data-choice='-1,0']").count() == (heads > 1)
    if heads > 1:
        shown.tab.click("[data-choice='-1,0']")
        assert shown.numbers(".weight-bar", "weight") == expected["weights"][4]


def lit(shown):
    return [
        (side, number)
        for side in ("source", "target")
        for number in shown.numbers(f".line.{side} .word.linked", "word")
    ]


def test_pointing_at_a_word_or_reaching_it_by_keyboard_lights_its_links_on_both_sides(opened, data):
    shown = opened(data)
    expected = data["explanations"][0]["alignment"]["links"]
    assert lit(shown) == []
    for source, target, probability in expected:
        both_words = [("source", source), ("target", target)] if probability > 0.3 else []
        shown.tab.hover(f'.line.source .word[data-word="{source}"]')
        assert lit(shown) == both_words
        shown.tab.hover(f'.line.target .word[data-word="{target}"]')
        assert lit(shown) == both_words
        shown.tab.hover("h1")
        assert lit(shown) == []
        shown.tab.focus(f'.line.target .word[data-word="{target}"]')
        assert lit(shown) == both_words
        shown.tab.locator(":focus").blur()
        assert lit(shown) == []


def test_the_links_have_a_view_that_says_what_they_are_from(opened, data):
    shown = opened(data)
    expected = data["explanations"][0]["alignment"]["links"]
    shown.view(LINKS)
    assert shown.numbers("#panel .links path", "weight") == sorted(link[2] for link in expected)
    drawn = zip(
        *(shown.numbers("#panel .links path", name) for name in ("column", "row")), strict=True
    )
    assert sorted(drawn) == sorted((source, target) for source, target, _ in expected)
    assert "alignment head" in shown.text("#panel")
    shown.tab.hover('#panel .arrows .target .word[data-word="1"]')
    assert "translates black (0.90)" in shown.text(".readout")


def test_the_next_tokens_are_those_it_was_given_and_the_written_one_is_marked(opened, data):
    expected = data["explanations"][0]
    expected["next"][2] = [
        *expected["next"][2][1:],
        {"id": 77, "token": "▁bis", "probability": 0.001},
    ]
    shown = opened(data)
    for step in (0, 2):
        shown.go(position(step, 6))
        probs = shown.numbers(".next-card li", "probability")
        extra = [] if step == 0 else [expected["probabilities"][step]]
        assert probs == [token["probability"] for token in expected["next"][step]] + extra
        written = shown.tab.locator(".next-card .written")
        assert written.get_attribute("data-id") == str(expected["target"]["ids"][step])


@pytest.mark.parametrize(("heads", "last"), [(1, "1,0"), (2, "-1,0")])
def test_matrix_arrows_and_long_view_show_the_last_layers_weights(opened, heads, last):
    data = both(heads=heads)
    expected = data["explanations"][0]
    between_words = pytest.approx(flat(expected["word_weights"]), abs=1e-6)
    shown = opened(data)
    shown.view(MATRIX)
    assert shown.tab.get_attribute(f"[data-choice='{last}']", "aria-pressed") == "true"
    cells = shown.numbers("#view [data-weight]", "weight")
    assert cells == between_words
    name = shown.tab.locator("#view [data-row='1'][data-column='2']").get_attribute("aria-label")
    assert name == f"chat at cat: {expected['word_weights'][1][2]:.2f}"
    shown.tab.click("[data-choice='tokens']")
    assert shown.numbers("#view [data-weight]", "weight") == flat(expected["weights"])
    shown.tab.click("[data-choice='0,0']")
    first = expected["layers"][0]["weights"][0]
    assert shown.numbers("#view [data-weight]", "weight") == flat(first)
    shown.tab.click("[data-choice='words']")
    shown.tab.click(f"[data-choice='{last}']")
    shown.view(ARROWS)
    rows, columns, weights = (
        shown.numbers("#view path[data-weight]", name) for name in ("row", "column", "weight")
    )
    assert len(weights) > 20
    for row, column, weight in zip(rows, columns, weights, strict=True):
        assert weight == pytest.approx(expected["word_weights"][int(row)][int(column)], abs=1e-6)
    shown.view(LONG)
    shown.tab.hover("#view .flow.target [data-word='3']")
    assert shown.numbers("#view .flow.source .word", "weight") == pytest.approx(
        expected["word_weights"][3], abs=1e-6
    )


def test_what_a_transformer_adds_up_is_its_projection_of_the_states(opened):
    expected = transformer(heads=1)
    shown = opened({"title": "", "models": ["transformer"], "explanations": [expected]})
    for number, layer_ in enumerate(expected["layers"]):
        shown.tab.click(f"[data-choice='{number},0']")
        shown.go(position(3, 6))
        products = shown.vectors(".strip.weighted")
        for product, value, weight in zip(
            products, expected["values"][number], layer_["weights"][0][3], strict=True
        ):
            assert product == pytest.approx([weight * x for x in value], abs=1e-6)
        total = [sum(column) for column in zip(*products, strict=True)]
        assert total == pytest.approx(layer_["context"][3], abs=1e-5)


@pytest.mark.parametrize("heads", [1, 2])
def test_the_view_of_own_words_shows_each_layer_and_head_of_self_attention(opened, heads):
    expected = transformer(heads)
    shown = opened({"title": "", "models": ["transformer"], "explanations": [expected]})
    shown.tab.keyboard.press("5")
    assert shown.tab.get_attribute("body", "data-view") == OWN
    shown.tab.click("[data-choice='tokens']")
    for side, key in (("encoder", "encoder_attentions"), ("decoder", "decoder_attentions")):
        shown.tab.click(f"[data-choice='{side}']")
        last = expected[key][-1]["weights"]
        mean = [
            [sum(head[t][s] for head in last) / heads for s in range(len(last[0]))]
            for t in range(len(last[0]))
        ]
        cells = shown.numbers("#view [data-weight]", "weight")
        assert cells == pytest.approx(flat(mean), abs=1e-6)
        for number, attention in enumerate(expected[key]):
            shown.tab.get_by_label("Layer").select_option(str(number))
            for head in range(heads):
                if heads > 1:
                    shown.tab.get_by_label("Head").select_option(str(head))
                cells = shown.numbers("#view [data-weight]", "weight")
                assert cells == flat(attention["weights"][head])
    rows = shown.tab.locator("#view tbody th").all_inner_texts()
    assert rows[:3] == ["<s>", "Le", "chat"] and "</s>" not in rows


def test_between_own_words_weights_are_summed_and_rows_averaged(opened):
    expected = transformer(1)
    shown = opened({"title": "", "models": ["transformer"], "explanations": [expected]})
    shown.view(OWN)
    (weights,) = expected["encoder_attentions"][-1]["weights"]
    words = [word["tokens"] for word in expected["source"]["words"]]
    between = [
        sum(weights[t][s] for t in row for s in column) / len(row)
        for row in words
        for column in words
    ]
    cells = shown.numbers("#view [data-weight]", "weight")
    assert cells == pytest.approx(between, abs=1e-6)
    shown.tab.click("[data-choice='decoder']")
    cells = shown.numbers("#view [data-weight]", "weight")
    width = len(expected["target"]["words"])  # with <s>, without </s>
    assert len(cells) == width * width
    for row in range(width):
        assert sum(cells[row * width : (row + 1) * width]) == pytest.approx(1, abs=1e-4)


def test_only_a_model_with_self_attention_has_the_view_of_own_words(opened, data):
    explanations = [transformer(), data["explanations"][1]]
    shown = opened({"title": "", "models": ["t", "r"], "explanations": explanations})
    shown.view(OWN)
    shown.tab.click(".swap")
    assert shown.tab.locator("#tab-own").count() == 0
    assert shown.tab.get_attribute("body", "data-view") == STEP
    plain = opened(data)
    assert plain.tab.locator("#tab-own").count() == 0
    plain.tab.keyboard.press("6")
    assert plain.tab.get_attribute("body", "data-view") == "step"


@pytest.mark.parametrize(
    ("encoder", "expected"),
    [("bidirectional", "all words of its own sentence"), ("unidirectional", "before it")],
)
def test_the_view_says_to_which_words_a_word_attends(opened, encoder, expected):
    told = transformer(encoder=encoder)
    shown = opened({"title": "", "models": ["transformer"], "explanations": [told]})
    shown.go(3)
    assert "attends to the words of its own sentence" in shown.text(".happening")
    shown.view(OWN)
    assert expected in shown.text("#view .note")
    shown.tab.click("[data-choice='decoder']")
    assert "the words before it and to itself" in shown.text("#view .note")


def test_the_traditional_model_gets_the_same_vector_at_every_step(opened, data):
    other = data["explanations"][1]
    shown = opened(data)
    shown.go(position(9, 6))
    contexts = shown.vectors(".contexts[data-model='traditional'] .strip")
    assert len(contexts) == len(other["target"]["tokens"])
    final = pytest.approx(other["states"][-1][:16], abs=1e-6)
    assert all(context == final for context in contexts)
    assert shown.tab.locator("#sentences mark").all_inner_texts() == ["chien"]
    shown.view(MATRIX)
    straight = shown.numbers("#comparison [data-weight]", "weight")
    assert straight == ([0.0] * (SOURCE_TOKENS - 2) + [1.0]) * len(other["target"]["words"])


def test_each_word_has_its_probability_its_source_and_its_alternatives(opened, data):
    expected = data["explanations"][0]
    shown = opened(data)
    shown.tab.click("summary")
    rows = shown.tab.locator(".word-table tbody tr")
    assert rows.count() == len(expected["target"]["words"])
    words = expected["word_weights"][6]
    best = expected["source"]["words"][words.index(max(words))]["text"]
    assert f"souris 36 % {best} {max(words):.2f}" in " ".join(rows.nth(6).inner_text().split())
    assert "le 30 % · la 15 %" in rows.nth(6).inner_text()


def test_a_single_model_says_how_to_get_the_other(opened, data):
    alone = {**data, "explanations": data["explanations"][:1]}
    assert "regard explore --model A --model B" in opened(alone).text("#comparison")


def test_two_models_with_attention_are_compared_under_their_names(opened, data):
    second = explanation(ENGLISH, BROKEN, "second")
    shown = opened({**data, "explanations": [data["explanations"][0], second]})
    assert shown.text("#comparison h2") == "The model second"
    assert "another model with attention" in shown.text("#comparison header")
    labels = [shown.text(f"#sentences .{line} .label").lower() for line in ("target", "other")]
    assert labels[0].endswith("attention") and labels[1].endswith("second")
    shown.view(MATRIX)
    assert shown.text("#comparison h2") == "The model second"


def test_a_letter_of_several_bytes_is_shown_as_it_is_and_marked_by_each_of_them(opened):
    translated = explanation(ENGLISH, [["Le"], ["<0xF0>", "<0x9F>", "<0x98>", "<0x80>"], ["chat"]])
    translated["target"]["words"][1]["text"] = "😀"
    shown = opened({**both(), "explanations": [translated]})
    for step in range(1, 5):
        shown.go(position(step, 6))
        assert shown.text(".target .piece.current") == "😀"
    assert "0xF0" not in shown.text(".target .text")


def test_spaces_are_where_the_text_has_them(opened):
    words = [["Marks"], ["", "&"], ["Spencer"], ["", "5"], ["", "€"], ["l'"], ["été"], ["."]]
    text = "Marks & Spencer 5\u00a0€ l'été."
    translated = explanation(words, words)
    for read in (translated["source"], translated["target"]):
        read["text"] = text
    shown = opened({**both(), "explanations": [translated]})
    shown.go(position(7, 6))
    for line in ("source", "target"):
        assert shown.tab.locator(f".{line} .text").text_content() == f"{text} </s>"
    assert [*shown.tab.locator(".token").all_text_contents()][1:3] == ["␣", "&"]


def test_a_strip_names_its_numbers_to_two_decimal_places(opened, data):
    shown = opened(data)
    shown.go(position(1, 4))
    strip = shown.tab.locator(".strip").first
    for words in (strip.get_attribute("title"), strip.get_attribute("aria-label")):
        numbers = re.findall(r"\d+\.\d+", words)
        assert numbers and all(len(number.split(".")[1]) <= 2 for number in numbers)


def test_a_text_of_very_many_scores_can_be_stepped_through(opened):
    words = [[f"w{n}"] for n in range(380)]
    shown = opened({**both(), "explanations": [explanation(words, words, layers=1, size=2)]})
    shown.tab.locator("#panel").press("End")
    shown.awaits(".next-card").to_be_visible()
    assert shown.text(".next-card")


@pytest.mark.parametrize(
    ("width", "theme"), [(360, "light"), (360, "dark"), (768, "dark"), (1600, "light")]
)
def test_nothing_runs_over_the_edge_at_any_width(opened, width, theme):
    long_word = "Donaudampfschifffahrtselektrizitätenhauptbetriebswerkbauunterbeamten"
    many = [[f"word{n}"] for n in range(45)]
    for source in (ENGLISH, [*many, [long_word]], [["黒い"], ["猫", "は"], ["قطة"]]):
        shown = opened(both(source), width=width, color_scheme=theme)
        assert shown.tab.evaluate("document.documentElement.dataset.theme") == theme
        shown.tab.keyboard.press("End")
        for stage in range(STAGES):
            shown.tab.keyboard.press("ArrowLeft") if stage else None
            assert shown.overflow() <= 0, stage
        for key, view in (("2", MATRIX), ("3", ARROWS), ("4", LONG)):
            shown.tab.keyboard.press(key)
            assert shown.tab.get_attribute("body", "data-view") == view
            assert shown.overflow() <= 0, view


def test_the_keyboard_alone_goes_through_everything(opened, data):
    shown = opened(data)
    press = shown.tab.keyboard.press
    press("ArrowRight")
    assert shown.where() == 1
    press("End")
    assert shown.where() == position(9, 6)
    press("Shift+ArrowLeft")
    assert shown.where() == position(8, 6)
    press("Home")
    assert shown.where() == 0
    press(" ")
    assert shown.tab.get_by_role("button", name="Pause").count() == 1
    press(" ")
    assert shown.tab.get_by_role("button", name="Play").count() == 1
    press("2")
    shown.tab.locator("#view [data-row='0'][data-column='0']").focus()
    press("ArrowRight")
    press("ArrowDown")
    assert shown.tab.evaluate("document.activeElement.ariaLabel").startswith("chat at black")
    assert "chat" in shown.text(".readout")
    for key, view in (("3", ARROWS), ("4", LONG), ("1", STEP)):
        shown.tab.evaluate("document.activeElement.blur()")
        press(key)
        assert shown.tab.locator(f"#tab-{view}[aria-selected='true']").count() == 1
    press("?")
    assert shown.tab.get_by_role("dialog").count() == 1
    press("Escape")
    assert shown.tab.get_by_role("dialog").count() == 0
    press("Tab")
    assert shown.tab.evaluate("document.activeElement.className") == "skip"


def test_a_swipe_goes_one_stage_forward_and_back(opened, data, touch_tab):
    shown = opened(data, touch_tab, width=390)
    shown.go(position(1, 1))
    swipe = """(node, [from, to]) => {
      const touch = (x) => new Touch({ identifier: 1, target: node, clientX: x, clientY: 50 });
      node.dispatchEvent(new TouchEvent("touchstart", { touches: [touch(from)], bubbles: true }));
      node.dispatchEvent(
        new TouchEvent("touchend", { changedTouches: [touch(to)], bubbles: true }));
    }"""
    area = shown.tab.locator(".description")
    area.evaluate(swipe, [300, 100])
    assert shown.where() == position(1, 2)
    area.evaluate(swipe, [100, 300])
    assert shown.where() == position(1, 1)


def test_nothing_moves_for_users_who_prefer_reduced_motion(opened, data):
    longest = """Math.max(...[...document.querySelectorAll("*")].flatMap(
      (node) => getComputedStyle(node).transitionDuration.split(",").map(parseFloat)))"""
    still = opened(data, reduced_motion="reduce")
    still.go(position(1, 6))
    assert still.tab.evaluate(longest) == 0
    assert opened(data).tab.evaluate(longest) > 0


def test_what_happens_is_announced(opened, data):
    shown = opened(data)
    shown.go(position(1, 6))
    assert "The likeliest next token is “chat”, with 60 %" in shown.text(
        "#announcement[aria-live=polite]"
    )


@pytest.mark.parametrize("theme", ["light", "dark"])
@pytest.mark.parametrize("width", [360, 1600])
def test_an_accessibility_checker_finds_no_fault(opened, data, unprotected_tab, width, theme):
    changed = json.loads(json.dumps(data))
    changed["explanations"][0]["advice"] = "Much of the weight sits on </s>."
    media = {"color_scheme": theme, "reduced_motion": "reduce"}
    shown = opened(changed, unprotected_tab, width=width, **media)
    load_axe(shown)
    for where in (0, SOURCE_TOKENS + 1, position(1, 2), position(1, 4), position(1, 6)):
        shown.go(where)
        assert faults(shown) == []
    for view in (MATRIX, ARROWS, LINKS, LONG):
        shown.view(view)
        assert faults(shown) == [], view
    shown.tab.keyboard.press("?")
    assert faults(shown) == []
    own = {"title": "", "models": ["transformer"], "explanations": [transformer()]}
    shown = opened(own, unprotected_tab, width=width, **media)
    load_axe(shown)
    shown.view(OWN)
    for side in ("encoder", "decoder"):
        shown.tab.click(f"[data-choice='{side}']")
        assert faults(shown) == [], side
        assert shown.overflow() <= 0


# ---- the live page: the test plays the server ----


class Server:
    """Answers like the explorer, with explanations by hand."""

    def __init__(self):
        self.questions, self.held, self.hold = [], [], False
        self.models = {shown["model"]["name"]: shown for shown in both()["explanations"]}

    def answer(self, route):
        path = route.request.url.split("regard.test")[1]
        if path == "/":
            data = {"title": "regard", "models": list(self.models), "explanations": []}
            return route.fulfill(body=page.live_page(data), content_type="text/html; charset=utf-8")
        if path == "/api/models":
            return route.fulfill(
                json={"models": [shown["model"] for shown in self.models.values()]}
            )
        question = route.request.post_data_json
        self.questions.append((path, question))
        if "error" in question["text"]:
            error = {"what": "it is too long", "where": "the text", "advice": "write less"}
            return route.fulfill(status=400, json={"error": error})
        if self.hold:
            self.held.append((route, path, question))
            return None
        return self.give(route, path, question)

    def give(self, route, path, question):
        answer = json.loads(json.dumps(self.models[question["model"]]))
        answer["source"]["text"] = question["text"]
        answer["score_changes"] = question["score_changes"]
        answer["prefix_length"] = len(question["prefix"])
        answer["target"]["ids"][: len(question["prefix"])] = question["prefix"]
        if path == "/api/set-weight":
            step, token, weight = (question[key] for key in ("step", "source_token", "weight"))
            answer["score_changes"] = [*question["score_changes"], [step, token, 1.25]]
            answer["weights"][step][token] = weight
            answer["next"][step][0]["probability"] = 0.4321
        return route.fulfill(json={"explanation": answer})


@pytest.fixture
def empty(tab):
    """A live page before the first sentence, and its server."""
    server = Server()
    tab.tab.route("http://regard.test/**", server.answer)
    tab.load("http://regard.test/")
    tab.tab.get_by_label("Model", exact=True).wait_for()
    yield tab, server
    tab.tab.unroute_all()
    assert [message for message in tab.logged if "400" not in message] == []


@pytest.fixture
def asking(empty):
    """The same with a translation on it."""
    shown, server = empty
    shown.tab.fill("#sentence", "The black cat ate the mouse.")
    shown.tab.keyboard.press("Enter")
    shown.tab.wait_for_selector("#comparison .contexts")
    return shown, server


def question(**changes):
    return {
        "model": "attention",
        "text": "The black cat ate the mouse.",
        "prefix": [],
        "score_changes": [],
        "beam": 1,
        "steps": 0,
        **changes,
    }


def test_a_sentence_is_asked_of_both_models(asking):
    shown, server = asking
    assert server.questions == [
        ("/api/explain", question()),
        ("/api/explain", question(model="traditional")),
    ]
    assert shown.text("#sentences .other .text").startswith("Le chien noir")


def test_a_model_chosen_before_the_first_sentence_is_the_one_that_translates_it(empty):
    shown, server = empty
    shown.tab.get_by_label("Model", exact=True).select_option("traditional")
    shown.tab.wait_for_timeout(100)
    assert server.questions == [] and shown.tab.locator(".error").count() == 0
    shown.tab.fill("#sentence", "The black cat ate the mouse.")
    shown.tab.keyboard.press("Enter")
    shown.tab.wait_for_selector("#comparison .contexts")
    assert server.questions[0] == ("/api/explain", question(model="traditional"))
    assert shown.tab.get_by_label("Model", exact=True).input_value() == "traditional"


def test_the_example_is_translated_by_the_model_that_was_chosen(empty):
    shown, server = empty
    shown.tab.get_by_label("Model", exact=True).select_option("traditional")
    shown.tab.get_by_role("button", name="Begin with").click()
    shown.tab.wait_for_selector("#comparison .contexts")
    assert server.questions[0] == ("/api/explain", question(model="traditional"))


def test_a_model_that_failed_is_asked_again_as_long_as_it_is_chosen(asking):
    shown, server = asking
    shown.tab.fill("#sentence", "an error")
    shown.tab.get_by_label("Model", exact=True).select_option("traditional")
    shown.tab.wait_for_selector(".error")
    shown.tab.fill("#sentence", "The cat")
    shown.tab.keyboard.press("Enter")
    shown.awaits("#comparison h2").to_have_text("The attention model")
    assert ("/api/explain", question(model="traditional", text="The cat")) in server.questions
    assert "without attention" in shown.text(".target .label")


def test_what_is_being_typed_stays_until_another_sentence_is_shown(asking):
    shown, _ = asking
    shown.tab.fill("#sentence", "The dog")
    shown.view(MATRIX)
    assert shown.tab.input_value("#sentence") == "The dog"
    shown.tab.get_by_label("Model", exact=True).select_option("traditional")
    shown.awaits("#comparison h2").to_have_text("The attention model")
    assert shown.tab.input_value("#sentence") == "The dog"


def test_a_dragged_weight_changes_the_next_words(asking):
    shown, server = asking
    shown.go(position(1, 2))
    slider = shown.tab.get_by_role("slider", name="Weight of “cat”")
    slider.scroll_into_view_if_needed()
    before = slider.bounding_box()
    track = shown.tab.locator("tr[data-token='2'] .weight-bar .track").bounding_box()
    shown.tab.mouse.move(before["x"] + before["width"] / 2, before["y"] + before["height"] / 2)
    shown.tab.mouse.down()
    shown.tab.mouse.move(track["x"] + 0.8 * track["width"], track["y"])
    shown.tab.mouse.up()
    shown.tab.wait_for_selector(".next-card [data-probability='0.4321']")
    path, asked = server.questions[-1]
    assert (path, asked) == (
        "/api/set-weight",
        question(step=1, source_token=2, weight=pytest.approx(0.8, abs=0.03)),
    )
    assert shown.tab.locator(".next-card").is_visible()
    slider.press("ArrowRight")
    shown.awaits("#main").to_have_attribute("aria-busy", "false")
    assert server.questions[-1][1]["weight"] == pytest.approx(asked["weight"] + 0.05)
    assert server.questions[-1][1]["score_changes"] == []
    chip = shown.tab.get_by_role("button", name="token 2: cat → ")
    chip.click()
    shown.awaits(".chip").to_have_count(0)
    assert server.questions[-1] == ("/api/explain", question())


def test_all_tokens_of_a_forbidden_word_are_forbidden_until_it_is_allowed_again(asking):
    shown, server = asking
    word = shown.tab.locator(".source .word", has_text="mouse")
    word.click()
    shown.tab.wait_for_selector(".chip")
    assert server.questions[-1] == (
        "/api/explain",
        question(score_changes=[[-1, 5, None], [-1, 6, None]]),
    )
    assert word.get_attribute("aria-pressed") == "true"
    shown.tab.get_by_role("button", name="mouse → forbidden").click()
    shown.tab.wait_for_selector(".source .word[data-word='5'][aria-pressed='false']")
    assert server.questions[-1] == ("/api/explain", question())


def test_another_next_word_begins_the_translation_from_there(asking):
    shown, server = asking
    shown.go(position(2, 6))
    shown.tab.locator(".next-card button", has_text="chien").click()
    shown.tab.wait_for_selector(".chip")
    assert server.questions[-1] == ("/api/explain", question(prefix=[10, 11, 904]))
    assert "was given, not chosen" in shown.text(".happening")
    shown.tab.get_by_role("button", name="Reset all").click()
    shown.awaits(".chip").to_have_count(0)
    assert server.questions[-1] == ("/api/explain", question())


def test_another_model_is_asked_with_nothing_changed(asking):
    shown, server = asking
    shown.tab.locator(".source .word", has_text="black").click()
    shown.tab.wait_for_selector(".chip")
    shown.tab.get_by_label("Model", exact=True).select_option("traditional")
    shown.awaits("#comparison h2").to_have_text("The attention model")
    assert server.questions[-2:] == [
        ("/api/explain", question(model="traditional")),
        ("/api/explain", question()),
    ]
    assert "without attention" in shown.text(".target .label")
    assert shown.tab.get_by_role("slider", name="Weight of").count() == 0


def test_a_newer_question_cancels_an_older_one(asking):
    shown, server = asking
    server.hold = True
    shown.tab.fill("#sentence", "first")
    shown.tab.keyboard.press("Enter")
    shown.tab.wait_for_timeout(100)
    shown.tab.fill("#sentence", "second")
    shown.tab.keyboard.press("Enter")
    shown.tab.wait_for_timeout(100)
    (first, *_), (second, *asked) = server.held
    server.hold = False
    failed = first.request.failure
    server.give(second, *asked)
    shown.tab.wait_for_selector(".label:has-text('with attention')")
    shown.awaits("#main").to_have_attribute("aria-busy", "false")
    assert failed and "abort" in failed.lower()
    assert [asked["text"] for _, asked in server.questions[-3:]] == ["first", "second", "second"]


def test_an_error_is_shown_in_three_lines_and_the_translation_stays(asking):
    shown, _ = asking
    before = shown.text(".source .text")
    shown.tab.fill("#sentence", "an error")
    shown.tab.keyboard.press("Enter")
    shown.tab.wait_for_selector(".error")
    lines = shown.tab.locator("[role=alert]").inner_text().split("\n")
    assert [line for line in lines if line] == [
        "it is too long",
        "where: the text",
        "to do: write less",
    ]
    assert shown.text(".source .text") == before
