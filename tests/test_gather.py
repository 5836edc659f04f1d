"""The laws of the queue: fair turns, similar lengths, nothing lost; with workers that are none."""

import asyncio
import threading
from pathlib import Path
from typing import ClassVar

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from regard.serving import gather
from regard.serving.catalog import Catalog
from regard.serving.child import ChildLost
from regard.serving.gather import Gatherer, JobFailed, QueueFull
from regard.serving.jobs import Answer, Job, JobKind
from regard.serving.service import Cache, Service, Wanted, put_together
from regard.serving.workers import Failed

KIND = JobKind("m", "text", 0, False)


class Fake:
    """A worker in this process: it answers in capitals, when it may."""

    may_go = threading.Event()
    batches: ClassVar[list[list[str]]] = []
    deadly = ""
    generation = 0

    def __init__(self, _models) -> None:
        Fake.generation += 1
        self.number = Fake.generation
        self.is_killed = threading.Event()

    def wait_until_ready(self):
        pass

    def begin(self, jobs):
        self.jobs = jobs

    async def outcomes(self):
        for _ in range(1000):
            if self.is_killed.is_set():
                raise ChildLost
            if Fake.may_go.is_set():
                break
            await asyncio.sleep(0.01)
        else:
            raise AssertionError("nothing lets it go")
        texts = [job.text for job in self.jobs]
        Fake.batches.append(texts)
        if Fake.deadly and Fake.deadly in texts:
            raise ChildLost
        return [
            Failed("it failed") if text == "bad" else Answer(text.upper(), [], [], 1)
            for text in texts
        ]

    def wait_until_ended(self):
        return -9

    def stop(self):
        pass

    def kill(self):
        self.is_killed.set()


@pytest.fixture(autouse=True)
def fresh(monkeypatch):
    monkeypatch.setattr(gather, "Worker", Fake)
    Fake.may_go.clear()
    Fake.batches, Fake.deadly, Fake.generation = [], "", 0


def jobs(texts, kind=KIND):
    return [Job(kind, text) for text in texts]


def run(scenario, workers=1, max_waiting=10**6):
    """Run a scenario with a gatherer that has started."""

    async def main():
        gatherer = Gatherer([Path("m")], workers, max_waiting)
        await gatherer.start()
        try:
            return await asyncio.wait_for(scenario(gatherer), 20)
        finally:
            Fake.may_go.set()
            await gatherer.stop()

    return asyncio.run(main())


async def settle_down():
    for _ in range(5):
        await asyncio.sleep(0.01)


@given(st.lists(st.lists(st.text("ab", max_size=9), min_size=1, max_size=20), max_size=6))
@settings(max_examples=25)
def test_every_request_gets_its_own_answers_in_order(requests):
    Fake.may_go.set()

    async def scenario(gatherer):
        futures = [gatherer.submit(jobs(texts)) for texts in requests]
        return [[(await one).text for one in own] for own in futures]

    assert run(scenario, workers=2) == [[text.upper() for text in texts] for texts in requests]


def test_a_worker_whose_work_nobody_waits_for_is_replaced(monkeypatch):
    monkeypatch.setattr(gather, "ABANDONED_SECONDS", 0.05)

    async def scenario(gatherer):
        long = gatherer.submit(jobs(["long", "too"]))
        await settle_down()
        long[0].cancel()
        short = gatherer.submit(jobs(["short"]))
        await asyncio.sleep(0.2)
        assert Fake.generation == 1, "the other job of the batch is still waited for"
        for one in long:
            one.cancel()
        await asyncio.sleep(0.2)
        Fake.may_go.set()
        return (await short[0]).text

    Fake.may_go.clear()
    assert run(scenario) == "SHORT" and Fake.generation == 2
    assert Fake.batches == [["short"]]


def test_answers_of_former_models_are_not_kept():
    Fake.may_go.set()

    async def scenario(gatherer):
        service = Service(Catalog.__new__(Catalog), gatherer, Cache(1000))
        [first] = jobs(["first"])
        await service.answer([first])
        assert service.cache.get(first)
        service.cache.clear()
        Fake.may_go.clear()
        gatherer.reload()
        answer = asyncio.create_task(service.answer([first]))
        await settle_down()
        Fake.may_go.set()
        await answer
        assert service.cache.get(first) is None, "a worker of before may have written it"
        await settle_down()
        assert gatherer.common_generation == 1
        await service.answer([first])
        assert service.cache.get(first)

    run(scenario)


def test_an_idle_worker_takes_a_job_at_once_and_a_busy_one_a_batch_of_similar_length():
    texts = ["b" * length for length in (40, 5, 41, 6, 39, 200, 7)]

    async def scenario(gatherer):
        first = gatherer.submit(jobs(["first"]))
        await settle_down()  # the only worker has it
        others = [gatherer.submit(jobs([text]))[0] for text in texts]
        Fake.may_go.set()
        await asyncio.gather(*first, *others)

    run(scenario)
    assert Fake.batches[0] == ["first"]
    lengths = [len(text) for text in Fake.batches[1]]
    assert lengths[0] == 40, "whose turn it is"
    assert sorted(lengths) == sorted(map(len, texts)), "there is room for all"


def test_a_batch_is_bounded_and_has_the_lengths_that_are_nearest(monkeypatch):
    monkeypatch.setattr(gather, "BATCH_JOBS", 3)
    texts = ["b" * length for length in (40, 5, 41, 6, 39, 7)]

    async def scenario(gatherer):
        first = gatherer.submit(jobs(["first"]))
        await settle_down()
        others = [gatherer.submit(jobs([text]))[0] for text in texts]
        Fake.may_go.set()
        await asyncio.gather(*first, *others)

    run(scenario)
    assert [sorted(map(len, batch)) for batch in Fake.batches[1:]] == [[39, 40, 41], [5, 6, 7]]


def test_a_long_request_does_not_hold_up_a_short_one(monkeypatch):
    monkeypatch.setattr(gather, "BATCH_JOBS", 4)

    async def scenario(gatherer):
        first = gatherer.submit(jobs(["first"]))
        await settle_down()
        long = gatherer.submit(jobs([f"long {number:03}" for number in range(100)]))
        short = gatherer.submit(jobs(["short 01"]))
        Fake.may_go.set()
        await asyncio.gather(*first, *long, *short)

    run(scenario)
    turn = next(number for number, batch in enumerate(Fake.batches) if "short 01" in batch)
    assert turn <= 2, f"it was in batch {turn} of {len(Fake.batches)}"


def test_several_idle_workers_share_what_waits():
    Fake.may_go.clear()

    async def scenario(gatherer):
        answers = gatherer.submit(jobs([f"{number:02}" for number in range(10)]))
        Fake.may_go.set()
        await asyncio.gather(*answers)

    run(scenario, workers=2)
    assert len(Fake.batches) >= 2 and max(map(len, Fake.batches)) < 10


def test_jobs_of_different_kinds_are_not_worked_on_together():
    html = KIND._replace(form="html")

    async def scenario(gatherer):
        first = gatherer.submit(jobs(["first"]))
        await settle_down()
        mixed = gatherer.submit([*jobs(["a", "b"]), *jobs(["c"], html), *jobs(["d"])])
        Fake.may_go.set()
        await asyncio.gather(*first, *mixed)

    run(scenario)
    assert not any("c" in batch and len(batch) > 1 for batch in Fake.batches)


def test_work_is_taken_back_when_its_client_goes_away():
    async def scenario(gatherer):
        first = gatherer.submit(jobs(["first"]))
        await settle_down()
        gone = gatherer.submit(jobs(["gone", "gone too"]))
        kept = gatherer.submit(jobs(["kept"]))
        assert gatherer.waiting == len("gonegone tookept")
        for future in gone:
            future.cancel()
        await settle_down()
        assert gatherer.waiting == len("kept")
        Fake.may_go.set()
        await asyncio.gather(*first, *kept)

    run(scenario)
    assert not any("gone" in text for batch in Fake.batches for text in batch)


def test_the_queue_has_a_bound_but_an_empty_one_takes_any_request():
    async def scenario(gatherer):
        first = gatherer.submit(jobs(["x" * 50]))
        await settle_down()
        waiting = gatherer.submit(jobs(["x" * 50]))
        with pytest.raises(QueueFull):
            gatherer.submit(jobs(["x"]))
        Fake.may_go.set()
        await asyncio.gather(*first, *waiting)
        await asyncio.gather(*gatherer.submit(jobs(["x"])))

    run(scenario, max_waiting=20)


def test_what_ends_a_worker_is_tried_once_more_alone_and_the_others_are_not_lost():
    Fake.deadly = "deadly"

    async def scenario(gatherer):
        first = gatherer.submit(jobs(["first"]))
        await settle_down()
        batch = gatherer.submit(jobs(["one", "deadly", "two"]))
        Fake.may_go.set()
        answers = await asyncio.gather(*first, *batch, return_exceptions=True)
        assert gatherer.counts.lost_workers == 2 and gatherer.ready <= 1
        return answers

    first, one, deadly, two = run(scenario)
    assert [answer.text for answer in (first, one, two)] == ["FIRST", "ONE", "TWO"]
    assert isinstance(deadly, JobFailed)
    assert Fake.batches.count(["deadly"]) == 1


def test_a_job_that_fails_is_an_error_of_its_own_request():
    Fake.may_go.set()

    async def scenario(gatherer):
        return await asyncio.gather(*gatherer.submit(jobs(["good", "bad"])), return_exceptions=True)

    good, bad = run(scenario)
    assert good.text == "GOOD" and isinstance(bad, JobFailed)


def test_models_are_loaded_again_by_workers_that_replace_the_old_ones():
    Fake.may_go.set()

    async def scenario(gatherer):
        gatherer.reload()
        assert (await gatherer.submit(jobs(["before"]))[0]).text == "BEFORE"
        while Fake.generation < 4 or gatherer.spares:
            await asyncio.sleep(0.01)
        await settle_down()
        assert gatherer.ready == 2
        return await gatherer.submit(jobs(["a"]))[0]

    assert run(scenario, workers=2).text == "A"


def test_the_cache_keeps_what_was_asked_for_last_and_no_more_than_fits():
    cache = Cache(1000)
    asked = jobs([f"{number}" * 30 for number in range(10)])
    for job in asked:
        cache.put(job, Answer(job.text, [], []))
        assert cache.get(asked[0]), "it is asked for again and again"
    assert cache.characters <= 1000 and len(cache.answers) == 3
    assert cache.get(asked[9]) and not cache.get(asked[5])
    assert not cache.get(Job(KIND._replace(alternatives=1), asked[9].text)), "another question"
    nothing = Cache(0)
    nothing.put(asked[0], Answer("", [], []))
    assert not nothing.get(asked[0]) and nothing.characters == 0


def test_alternatives_of_lines_are_joined_by_rank():
    first, second = jobs(["a", "b"])
    answers = {
        first: Answer("A", ["A1", "A2"], []),
        second: Answer("B", ["B1"], []),
    }
    whole = put_together(["", first, "", "\n", second, "\r"], answers)
    assert whole.text == "A\nB\r" and whole.alternatives == ["A1\nB1\r", "A2\nB\r"]


def test_a_text_in_no_language_is_copied_whatever_the_models_translate():
    catalog = Catalog.__new__(Catalog)
    catalog.models = {("xx", "fr"): Path("m")}  # xx: a code that no library knows
    assert [guess.confidence for guess in catalog.guesses("123 🙂")] == [0.0]
    catalog_of_unknown = Catalog.__new__(Catalog)
    catalog_of_unknown.models = {("xx", "yy"): Path("m")}
    assert [guess.confidence for guess in catalog_of_unknown.guesses("abc")] == [0.0]
    service = Service(catalog, Gatherer([Path("m")], 1, 1), Cache(0))
    [guess] = catalog.guesses("123")
    assert asyncio.run(service.plan("123", guess.code, Wanted("fr"))) == ["123"]
    assert any(isinstance(one, Job) for one in asyncio.run(service.plan("a", "xx", Wanted("fr"))))
