"""The queue and the thread behind the server, without HTTP."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator

import pytest

from picochat.errors import CheckpointError
from picochat.inference.engine import Token
from picochat.inference.generation import Job
from picochat.inference.settings import SamplingSettings
from picochat.web.service import Generation, QueueFullError, Service, StoppedError
from tests.web.fake import TOKENIZER, EchoBackend, echo

ENGINE_OPTIONS = {"chats": False, "context": 100_000}


def job(tokens: int = 3) -> Job:
    return Job(TOKENIZER.encode("abc"), SamplingSettings(max_tokens=tokens, temperature=0), slide=False)


@pytest.fixture
def service() -> Iterator[Service]:
    service = Service(echo(**ENGINE_OPTIONS), parallel=1, queue=4)
    yield service
    backend(service).gate.set()
    service.close()


def backend(service: Service) -> EchoBackend:
    assert isinstance(service.engine.backend, EchoBackend)
    return service.engine.backend


async def text_of(generation: Generation) -> str:
    return "".join([token.text async for _, token in generation])


async def until_idle(service: Service) -> None:
    while service.load.running or service.load.waiting:
        await asyncio.sleep(0.005)


async def test_records_are_those_of_the_engine(service: Service) -> None:
    records = [record async for record in service.generate([job(5)])]
    assert [index for index, _ in records] == [0] * 5
    assert [token.text for _, token in records] == list("defgh")
    assert [token.stop for _, token in records] == [None] * 4 + ["length"]
    assert isinstance(records[0][1], Token)


async def test_a_request_of_several_texts_is_taken_whole(service: Service) -> None:
    texts = [""] * 3
    async for index, token in service.generate([job(2), job(3), job(4)]):
        texts[index] += token.text
    assert texts == ["de", "def", "defg"]


async def test_a_generation_can_be_cancelled_by_somebody_else(service: Service) -> None:
    generation = service.generate([job(90_000)])
    reading = asyncio.ensure_future(text_of(generation))
    await asyncio.sleep(0.05)
    generation.cancel()
    assert (await asyncio.wait_for(reading, 20)).startswith("defghij")
    await asyncio.wait_for(until_idle(service), 20)
    assert backend(service).steps < 90_000


async def test_whoever_leaves_the_block_frees_the_place(service: Service) -> None:
    with service.generate([job(90_000), job(90_000)]) as generation:
        async for _ in generation:
            break
    await asyncio.wait_for(until_idle(service), 20)
    assert await text_of(service.generate([job()])) == "def"


async def test_a_client_with_much_to_ask_waits_for_the_others(service: Service) -> None:
    backend(service).gate.clear()
    done: list[str] = []

    async def ask(name: str, client: str, count: int = 1) -> None:
        async for _, token in service.generate([job()] * count, client):
            if token.stop:
                done.append(name)

    tasks = [asyncio.ensure_future(ask("greedy", "a", 4))]
    await asyncio.sleep(0.05)
    tasks.append(asyncio.ensure_future(ask("modest", "b")))
    await asyncio.sleep(0.05)
    backend(service).gate.set()
    await asyncio.gather(*tasks)
    assert done == ["greedy", "modest", *["greedy"] * 3]


async def test_lanes_are_shared_between_clients() -> None:
    service = Service(echo(**ENGINE_OPTIONS), parallel=2, queue=10)
    try:
        backend(service).gate.clear()
        order: list[str] = []

        async def ask(client: str, lengths: list[int]) -> None:
            async for index, token in service.generate([job(length) for length in lengths], client):
                if token.stop:
                    order.append(f"{client}{index}")

        greedy = asyncio.ensure_future(ask("a", [20, 5, 5, 5]))
        await asyncio.sleep(0.05)
        modest = asyncio.ensure_future(ask("b", [5]))
        await asyncio.sleep(0.05)
        backend(service).gate.set()
        await asyncio.gather(greedy, modest)
        # a0 and a1 were first; with a0 still at work, b's text goes before a2, which has waited longer
        assert order[:2] == ["a1", "b0"]
    finally:
        service.close()


async def test_too_many_are_turned_away(service: Service) -> None:
    backend(service).gate.clear()
    generations = [service.generate([job()]) for _ in range(5)]
    with pytest.raises(QueueFullError):
        service.generate([job()])
    generations[4].cancel()
    backend(service).gate.set()
    assert [await text_of(generation) for generation in generations[:4]] == ["def"] * 4
    assert await text_of(service.generate([job()])) == "def"


async def test_a_failure_reaches_those_at_work_and_nobody_else(service: Service) -> None:
    backend(service).broken = CheckpointError("no numbers")
    with pytest.raises(CheckpointError, match="no numbers"):
        await text_of(service.generate([job()]))
    backend(service).broken = None
    assert await text_of(service.generate([job()])) == "def"
    assert service.accepting


async def test_closing_ends_what_runs_and_what_waits(service: Service) -> None:
    running, waiting = service.generate([job(90_000)]), service.generate([job()])
    await asyncio.sleep(0.05)
    service.close()
    for generation in (running, waiting):
        with pytest.raises(StoppedError):
            await text_of(generation)
    with pytest.raises(StoppedError):
        service.generate([job()])
    assert not service.accepting


def test_a_loop_that_is_gone_does_not_disturb_the_thread(service: Service) -> None:
    async def leave() -> None:
        service.generate([job(50)])

    asyncio.run(leave())
    assert asyncio.run(_ask(service)) == "def"


async def _ask(service: Service) -> str:
    return await text_of(service.generate([job()]))
