"""The results of one model on the test text, computed once and saved beside its translations."""

import hashlib
import json
import math
import time
from collections.abc import Sequence
from typing import Any, NamedTuple

import msgspec

import regard
from regard.engine.quantize import SCALE
from regard.evaluation import Quality, measure
from regard.evaluation.length import score_buckets
from regard.evaluation.significance import System, count_statistics
from regard.evaluation.statistics import bleu_interval
from regard.experiment.plan import ComparedModel, Plan, search_options
from regard.experiment.results import ModelResult
from regard.experiment.training_log import UNKNOWN_TRAINING, training_of
from regard.files import read_json, write_file, write_json
from regard.loading import load
from regard.storage.model_file import ModelFile, is_file, read_model
from regard.translator import Translator

PERPLEXITY_BATCH = 32
"""References per forced pass."""


class SavedResult(NamedTuple):
    """What is saved of one model's work on the test text."""

    texts: list[str]
    """Its translations."""
    seconds: float
    truncated: int
    quality: list[Quality]
    perplexity: float


def open_model(model: ComparedModel, plan: Plan) -> Translator:
    translator = load(model.path)
    return translator.with_options(search_options(translator.options, plan.search))


def evaluate_model(model: ComparedModel, plan: Plan) -> tuple[ModelResult, System]:
    """The model's results, and its translations of the test text with their statistics."""
    model_file = read_model(model.path)
    saved = load_or_evaluate(model, plan, model_file)
    test = plan.test
    system = count_statistics(model.name, saved.texts, test.references, plan.languages[1])
    result = ModelResult(
        model.name,
        model.choice,
        model.seed,
        model_file.info.config.model.attention,
        sum(each.size for name, each in model_file.tensors.items() if not name.endswith(SCALE)),
        hashlib.blake2b(model_file.info.target.proto, digest_size=8).hexdigest(),
        UNKNOWN_TRAINING if is_file(model.path) else training_of(model.path),
        saved.quality,
        *bleu_interval(system.counts["BLEU"]),
        saved.perplexity,
        saved.seconds,
        len(test.sources) / max(saved.seconds, 1e-9),
        saved.truncated,
        score_buckets(test.sources, system.counts["BLEU"], plan.lengths),
    )
    return result, system


def load_or_evaluate(model: ComparedModel, plan: Plan, model_file: ModelFile) -> SavedResult:
    """The saved result if model, test text and search are still the same; else a new one."""
    folder = plan.out / "translations"
    folder.mkdir(parents=True, exist_ok=True)
    texts, details = folder / f"{model.name}.{plan.languages[1]}", folder / f"{model.name}.json"
    fingerprint = result_fingerprint(plan, model_file)
    if details.exists() and texts.exists():
        content = read_json(details)
        lines = texts.read_text("utf-8").split("\n")[:-1]
        digest = content.get("translations")
        if content.get("fingerprint") == fingerprint and digest == text_digest(lines):
            quality = [Quality(**each) for each in content["quality"]]
            return SavedResult(
                lines, content["seconds"], content["truncated"], quality, content["perplexity"]
            )
    result = translate_and_score(open_model(model, plan), plan)
    write_file(texts, "".join(f"{text}\n" for text in result.texts).encode())
    content = result._asdict() | {
        "fingerprint": fingerprint,
        "translations": text_digest(result.texts),
        "quality": [each._asdict() for each in result.quality],
    }
    del content["texts"]
    write_json(details, content)
    return result


def translate_and_score(translator: Translator, plan: Plan) -> SavedResult:
    sources, references = plan.test.sources, plan.test.references
    began = time.perf_counter()
    translations = translator.translate_sentences(sources)
    seconds = time.perf_counter() - began
    texts = [translation.text for translation in translations]
    return SavedResult(
        texts,
        round(seconds, 3),
        sum(translation.finish_reason != "eos" for translation in translations),
        measure(texts, references, plan.languages[1], "sacrebleu"),
        perplexity(translator, sources, references),
    )


def perplexity(translator: Translator, sources: Sequence[str], references: Sequence[str]) -> float:
    """exp of the mean -ln probability of the references' tokens, </s> included."""
    order = sorted(range(len(sources)), key=lambda index: len(sources[index]))
    total, tokens = 0.0, 0
    for begin in range(0, len(order), PERPLEXITY_BATCH):
        indices = order[begin : begin + PERPLEXITY_BATCH]
        batch = translator.force(
            [sources[index] for index in indices], [references[index] for index in indices]
        )
        total += sum(float(forced.log_probs.sum(dtype=float)) for forced in batch)
        tokens += sum(len(forced.log_probs) for forced in batch)
    return math.exp(min(-total / tokens, 700.0))


def text_digest(texts: Sequence[str]) -> str:
    return hashlib.blake2b("\n".join(texts).encode(), digest_size=16).hexdigest()


def result_fingerprint(plan: Plan, model_file: ModelFile) -> dict[str, Any]:
    """Everything that the result depends on, except the time it took."""
    weights = hashlib.blake2b(digest_size=16)
    for name, tensor in sorted(model_file.tensors.items()):
        weights.update(f"{name} {tensor.dtype} {tensor.shape}".encode() + tensor.tobytes())
    for vocabulary in (model_file.info.source, model_file.info.target):
        weights.update(vocabulary.proto)
    config = model_file.info.config
    fingerprint = {
        "regard": regard.__version__,
        "model": weights.hexdigest(),
        "options": msgspec.to_builtins(config.model),
        "search": msgspec.to_builtins(search_options(config.search, plan.search)),
        "sources": text_digest(plan.test.sources),
        "references": text_digest(plan.test.references),
    }
    return dict(json.loads(json.dumps(fingerprint)))
