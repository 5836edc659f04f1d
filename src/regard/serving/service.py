"""Texts in, translations out, for many callers: lines, cache and queue."""

import asyncio
import re
from collections import OrderedDict
from collections.abc import Sequence
from typing import Any, NamedTuple

from regard.errors import RegardError
from regard.markup.document import divide
from regard.serving.catalog import Catalog
from regard.serving.gather import LOG, Gatherer
from regard.serving.jobs import LONG_CHARACTERS, Answer, Divided, Form, Job, JobKind
from regard.text.spans import Span

WORD_CHARACTER = re.compile(r"\w")
LINE_END = re.compile(r"(\r\n|[\n\r\v\f\x85\u2028\u2029]|\A\ufeff)")
"""What ends a line, and the byte order mark, which is copied as it is."""
ANSWER_COST = 200
"""What an answer in the cache costs besides its characters."""


class Wanted(NamedTuple):
    """How texts are to be translated."""

    target: str
    """A code of the catalog."""
    form: Form = "text"
    alternatives: int = 0
    with_details: bool = False


class Translated(NamedTuple):
    text: str
    alternatives: list[str]
    details: list[dict[str, Any]]
    """Of each line that was translated, or of each segment of HTML."""


class Cache:
    """The latest answers, as many as fit."""

    def __init__(self, max_characters: int) -> None:
        self.max_characters = max_characters
        self.answers: OrderedDict[Job, Answer] = OrderedDict()
        self.characters = self.hits = self.misses = 0

    def get(self, job: Job) -> Answer | None:
        answer = self.answers.get(job)
        if answer is None:
            self.misses += 1
        else:
            self.hits += 1
            self.answers.move_to_end(job)
        return answer

    def put(self, job: Job, answer: Answer) -> None:
        if job.kind.with_details or job in self.answers:  # details are large, and asked for once
            return
        self.answers[job] = answer
        self.characters += cache_cost(job, answer)
        while self.characters > self.max_characters:
            self.characters -= cache_cost(*self.answers.popitem(last=False))

    def clear(self) -> None:
        self.answers.clear()
        self.characters = 0


def cache_cost(job: Job, answer: Answer) -> int:
    return len(job.text) + len(answer.text) + sum(map(len, answer.alternatives)) + ANSWER_COST


class Service:
    def __init__(self, catalog: Catalog, gatherer: Gatherer, cache: Cache) -> None:
        self.catalog, self.gatherer, self.cache = catalog, gatherer, cache

    def reload(self) -> None:
        """Translate with the models as they are on disk now. Nothing changes if one of them cannot
        be read, or translates other languages than before; the log has the reason."""
        try:
            directions = Catalog(self.catalog.paths).models
        except RegardError as error:
            LOG.error("the models are not loaded again: %s", error)
            return
        if directions != self.catalog.models:
            LOG.error("the models are not loaded again: start the server again for other languages")
            return
        self.cache.clear()
        self.gatherer.reload()

    async def translate(
        self, texts: Sequence[str], sources: Sequence[str], wanted: Wanted
    ) -> list[Translated]:
        """The translations of texts, each from its own source language. Lines of a text are
        translated by themselves.

        Raises QueueFull and JobFailed.
        """
        jobs: list[Job] = []
        plans: list[list[Job | str]] = []
        for text, source in zip(texts, sources, strict=True):
            plans.append(await self.plan(text, source, wanted))
            jobs += [part for part in plans[-1] if isinstance(part, Job)]
        answers = await self.answer(list(dict.fromkeys(jobs)))
        return [put_together(plan, answers) for plan in plans]

    async def plan(self, text: str, source: str, wanted: Wanted) -> list[Job | str]:
        """The lines of a text or the segments of a page, each to be translated, or a string that is
        copied: a text that is in the target language already, or in none, such as a number."""
        model = self.catalog.models.get((source, wanted.target))
        if model is None or not WORD_CHARACTER.search(text):
            return [text]
        kind = JobKind(str(model), wanted.form, wanted.alternatives, wanted.with_details)
        if wanted.form == "html" and len(text) > LONG_CHARACTERS:
            divided = await asyncio.to_thread(divide, text, wanted.form)
            return [Job(kind, each.text) if each.is_translated else each.text for each in divided]
        if wanted.form != "text":
            return [Job(kind, text)]
        return [
            part if number % 2 or not part.strip() else Job(kind, part)
            for number, part in enumerate(LINE_END.split(text))
        ]

    async def answer(self, jobs: Sequence[Job]) -> dict[Job, Answer]:
        """The answers from the cache and from workers. Raises QueueFull and JobFailed."""
        answers = {job: answer for job in jobs if (answer := self.cache.get(job)) is not None}
        new = [job for job in jobs if job not in answers]
        generation = self.gatherer.common_generation
        plans: dict[Job, list[Job | str]] = {}
        for job, outcome in zip(new, await self.outcomes(new), strict=True):
            if isinstance(outcome, Divided):
                plans[job] = plan_of_parts(job, outcome.parts)
            else:
                answers[job] = outcome
        if plans:
            parts = [part for plan in plans.values() for part in plan if isinstance(part, Job)]
            done = await self.answer(list(dict.fromkeys(parts)))
            answers |= {job: Answer(*put_together(plan, done)) for job, plan in plans.items()}
        if generation is not None and generation == self.gatherer.common_generation:
            for job in new:
                self.cache.put(job, answers[job])
        return answers

    async def outcomes(self, jobs: Sequence[Job]) -> list[Answer | Divided]:
        """What workers answer. If one job fails, the others are taken back."""
        futures = self.gatherer.submit(jobs) if jobs else []
        try:
            return await asyncio.gather(*futures)
        except BaseException:
            for future in futures:
                future.cancel()
            raise


def plan_of_parts(job: Job, spans: Sequence[Span]) -> list[Job | str]:
    """Jobs for these parts of a line, and what is between them."""
    parts: list[Job | str] = []
    end = 0
    for span in spans:
        parts += [job.text[end : span.start], job._replace(text=job.text[slice(*span)])]
        end = span.end
    return [*parts, job.text[end:]]


def put_together(plan: Sequence[Job | str], answers: dict[Job, Answer]) -> Translated:
    own = [answers[part] for part in plan if isinstance(part, Job)]
    ranks = max((len(answer.alternatives) for answer in own), default=0)

    def joined(rank: int) -> str:
        """With the alternatives of this rank; where a line has fewer, its translation."""
        return "".join(
            part if isinstance(part, str) else ranked(answers[part], rank) for part in plan
        )

    alternatives = [joined(rank) for rank in range(1, ranks + 1)]
    return Translated(joined(0), alternatives, [one for answer in own for one in answer.details])


def ranked(answer: Answer, rank: int) -> str:
    return [answer.text, *answer.alternatives][rank if rank <= len(answer.alternatives) else 0]
