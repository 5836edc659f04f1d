"""Work that is done only where other work takes long."""

import asyncio

import pytest

from regard.serving.late import beside


@pytest.mark.parametrize("error", [None, ValueError])
@pytest.mark.parametrize(("seconds", "begins"), [(0.0, False), (0.1, True)])
def test_work_begins_beside_what_takes_long_and_ends_with_it(seconds, begins, error):
    events = []

    async def work():
        events.append("begun")
        try:
            await asyncio.sleep(60)
        finally:
            events.append("ended")

    async def main():
        with beside(work, 0.02):
            await asyncio.sleep(seconds)
            if error:
                raise error
        events.append("after")

    async def all_of_it():
        if error:
            with pytest.raises(error):
                await main()
        else:
            await main()
        await asyncio.sleep(0.05)  # nothing begins any more
        assert len(asyncio.all_tasks()) == 1

    asyncio.run(all_of_it())
    assert ("begun" in events) == begins
    assert ("ended" in events) == begins


def test_what_work_does_is_done_while_the_rest_waits():
    async def main():
        is_done = asyncio.Event()

        async def work():
            is_done.set()

        with beside(work, 0.01):
            await asyncio.wait_for(is_done.wait(), 20)

    asyncio.run(main())
