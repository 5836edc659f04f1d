"""Translations as objects of JSON, for files and servers."""

from regard.translation import Translation


def alignment_as_json(translation: Translation) -> dict[str, object]:
    """The words of the translation, and their links with the source words."""
    alignment = translation.alignment
    links = [
        {**link._asdict(), "probability": round(link.probability, 4)} for link in alignment.links
    ]
    return {
        "words": [{"text": word.text, "span": word.span} for word in translation.words],
        "alignment": {"method": alignment.method, "links": links},
    }


def translation_as_json(translation: Translation) -> dict[str, object]:
    """A translation with its source words; spans are [start, end] in characters."""
    coverage = translation.coverage
    words = [{"text": word.text, "span": word.span} for word in translation.source_words]
    return {
        "text": translation.text,
        "log_prob": round(translation.log_prob, 4),
        "finish_reason": translation.finish_reason,
        "source_words": [
            {**word, "coverage": round(weight, 4)}
            for word, weight in zip(words, coverage, strict=True)
        ]
        if coverage
        else words,
        "copied": [span._asdict() for span in translation.copied],
        "warnings": [
            {"kind": each.kind, "message": each.message, "source": each.source}
            for each in translation.warnings
        ],
    }
