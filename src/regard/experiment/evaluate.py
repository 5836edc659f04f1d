"""What one model is worth on the test text; found once, kept beside the model's translations."""

import hashlib
import json
import math
import time
from collections.abc import Sequence
from pathlib import Path
from typing import Any, NamedTuple

import regard
from regard.engine.quantize import SCALE
from regard.evaluation import Quality, by_length, measure
from regard.experiment.plan import Model, Plan, search_options
from regard.experiment.results import ModelResult
from regard.experiment.training_log import UNKNOWN, training_of
from regard.files import read_json, write_file, write_json
from regard.storage.model_file import ModelFile, is_file, read_model
from regard.translator import Translator, load

BATCH = 32
"""References that are read together."""


class SavedResult(NamedTuple):
    """What is kept of one model's work on the test text."""

    texts: list[str]
    """Its translations."""
    seconds: float
    truncated: int
    quality: list[Quality]
    perplexity: float


def open_model(one: Model, plan: Plan) -> Translator:
    translator = load(one.model)
    return translator.with_options(search_options(translator.options, plan.search))


def evaluate_model(one: Model, plan: Plan) -> tuple[ModelResult, list[str]]:
    """The model's worth, and its translations of the test text."""
    bundle = read_model(one.model)
    known = load_or_evaluate(one, plan, bundle)
    test, language = plan.test, plan.languages[1]
    whole = by_length(test.sources, known.texts, test.references, language, ())[0]
    judged = ModelResult(
        one.name,
        one.choice,
        one.seed,
        bundle.card.config.model.attention,
        sum(each.size for name, each in bundle.tensors.items() if not name.endswith(SCALE)),
        hashlib.blake2b(bundle.card.target.proto, digest_size=8).hexdigest(),
        UNKNOWN if is_file(one.model) else training_of(one.model),
        known.quality,
        whole.low,
        whole.high,
        known.perplexity,
        known.seconds,
        len(test.sources) / max(known.seconds, 1e-9),
        known.truncated,
        by_length(test.sources, known.texts, test.references, language, plan.lengths),
    )
    return judged, known.texts


def load_or_evaluate(one: Model, plan: Plan, bundle: ModelFile) -> SavedResult:
    """What was found before, if model, test text and search are still the same; else found now."""
    folder = plan.out / "translations"
    folder.mkdir(parents=True, exist_ok=True)
    texts, kept = folder / f"{one.name}.{plan.languages[1]}", folder / f"{one.name}.json"
    same = result_fingerprint(plan, bundle)
    if kept.exists() and texts.exists():
        content = read_json(kept)
        if content["identity"] == same and content["translations"] == digest(read(texts)):
            quality = [Quality(**each) for each in content["quality"]]
            return SavedResult(
                read(texts), content["seconds"], content["unended"], quality, content["perplexity"]
            )
    found = translate_and_score(open_model(one, plan), plan)
    write_file(texts, "".join(f"{text}\n" for text in found.texts).encode())
    content = found._asdict() | {
        "identity": same,
        "translations": digest(found.texts),
        "quality": [each._asdict() for each in found.quality],
    }
    del content["texts"]
    write_json(kept, content)
    return found


def translate_and_score(translator: Translator, plan: Plan) -> SavedResult:
    """Translate and measure."""
    sources, references = plan.test.sources, plan.test.references
    began = time.perf_counter()
    found = translator.translate_sentences(sources)
    seconds = time.perf_counter() - began
    texts = [one.text for one in found]
    return SavedResult(
        texts,
        round(seconds, 3),
        sum(one.finish_reason != "eos" for one in found),
        measure(texts, references, plan.languages[1], "sacrebleu"),
        perplexity(translator, sources, references),
    )


def perplexity(translator: Translator, sources: Sequence[str], references: Sequence[str]) -> float:
    """exp of the mean -ln probability of the references' tokens, </s> among them."""
    order = sorted(range(len(sources)), key=lambda place: len(sources[place]))
    total, tokens = 0.0, 0
    for begin in range(0, len(order), BATCH):
        places = order[begin : begin + BATCH]
        read = translator.force(
            [sources[place] for place in places], [references[place] for place in places]
        )
        total += sum(float(one.log_probs.sum(dtype=float)) for one in read)
        tokens += sum(len(one.log_probs) for one in read)
    return math.exp(min(-total / tokens, 700.0))


def read(file: Path) -> list[str]:
    return file.read_text("utf-8").split("\n")[:-1]


def digest(texts: Sequence[str]) -> str:
    return hashlib.blake2b("\n".join(texts).encode(), digest_size=16).hexdigest()


def result_fingerprint(plan: Plan, bundle: ModelFile) -> dict[str, Any]:
    """What must be the same for translations to be found again instead of made again."""
    weights = hashlib.blake2b(digest_size=16)
    for name, tensor in sorted(bundle.tensors.items()):
        weights.update(f"{name} {tensor.dtype} {tensor.shape}".encode() + tensor.tobytes())
    for vocabulary in (bundle.card.source, bundle.card.target):
        weights.update(vocabulary.proto)
    search = search_options(bundle.card.config.search, plan.search)
    same = {
        "regard": regard.__version__,
        "model": weights.hexdigest(),
        "options": bundle.card.config.model.model_dump(mode="json"),
        "search": search.model_dump(mode="json"),
        "sources": digest(plan.test.sources),
        "references": digest(plan.test.references),
    }
    return dict(json.loads(json.dumps(same)))
