"""The asyncio family: no thread, cancel by task, many runs at once."""

from __future__ import annotations

import asyncio
import contextvars
import gc
import threading
import time
import warnings
from collections.abc import Callable, Coroutine
from typing import Any

import aikit
import pytest
from support import ROOT, call_of, make_spec, slow

Body = Callable[[aikit.AsyncKernel], Coroutine[Any, Any, None]]


def with_kernel(body: Body) -> None:
    async def main() -> None:
        async with await aikit.open_async() as kernel:
            await body(kernel)

    asyncio.run(main())


def test_a_run_gives_events_and_a_result() -> None:
    async def body(kernel: aikit.AsyncKernel) -> None:
        agent = await kernel.agent(make_spec({"deltas": ["a", "b"]}))
        run = agent.start("x")
        types = [event.type async for event in run]
        assert types[0] == "run_started"
        assert types[-1] == "run_finished"
        assert (await run.result()).text == "ab"
        assert await run.result() is await run.result()
        assert [event async for event in run] == []
        assert (await agent.run("y")).text == "ab"

    with_kernel(body)


def test_documents_and_past_runs() -> None:
    async def body(kernel: aikit.AsyncKernel) -> None:
        collection = kernel.collection("handbook")
        report = await collection.ingest(ROOT / "examples" / "handbook")
        assert report.added == len(await collection.documents())
        assert (await collection.search("leave", top_k=1))[0].text
        agent = await kernel.agent(make_spec())
        await agent.run("x", run_id="past")
        assert (await kernel.run_events("past"))[-1].type == "run_finished"
        assert await kernel.call_tool("calculator", {"expression": "2 + 3"}) == 5

    with_kernel(body)


def test_waiting_takes_no_thread_of_pythons() -> None:
    async def body(kernel: aikit.AsyncKernel) -> None:
        agent = await kernel.agent(make_spec(slow(words=5)))
        before = threading.active_count()
        run = asyncio.create_task(agent.run("x"))
        await asyncio.sleep(0.1)
        assert threading.active_count() == before
        await run

    with_kernel(body)


def test_the_loop_goes_on_meanwhile() -> None:
    async def body(kernel: aikit.AsyncKernel) -> None:
        run = (await kernel.agent(make_spec(slow()))).start("x")
        reading = asyncio.create_task(run.result())
        for _ in range(20):
            await asyncio.sleep(0.005)
        assert not reading.done(), "the loop stood still until the end of the run"
        run.cancel()
        assert (await reading).status == "cancelled"

    with_kernel(body)


def test_a_hundred_runs_at_once() -> None:
    async def body(kernel: aikit.AsyncKernel) -> None:
        @kernel.tool
        async def echo(text: str) -> str:
            await asyncio.sleep(0.05)
            return text

        spec = make_spec(call_of("echo", text="a"), {"text": "{{input}}"}, tools=["echo"])
        agent = await kernel.agent(spec)
        results = await asyncio.gather(*(agent.run(f"n{n}") for n in range(100)))
        assert [result.text for result in results] == [f"n{n}" for n in range(100)]

    with_kernel(body)


def test_cancelling_the_task_cancels_the_run() -> None:
    async def body(kernel: aikit.AsyncKernel) -> None:
        agent = await kernel.agent(make_spec(slow()))
        times: list[float] = []
        # The best of a few counts: what is measured is aikit, not who else uses the machine.
        while len(times) < 5 and min(times, default=1) >= 0.1:
            run = agent.start("x")
            async for event in run:
                if event.type == "text_delta":
                    break
            reading = asyncio.create_task(run.result())
            await asyncio.sleep(0.1)
            reading.cancel()
            began = time.monotonic()
            with pytest.raises(asyncio.CancelledError):
                await reading
            times.append(time.monotonic() - began)
            result = await run.result()
            assert result.status == "cancelled"
            assert result.text.startswith("word")
        assert min(times) < 0.1, times

    with_kernel(body)


def test_a_timeout_of_asyncios_cancels_the_run() -> None:
    async def body(kernel: aikit.AsyncKernel) -> None:
        run = (await kernel.agent(make_spec(slow()))).start("x")
        with pytest.raises(asyncio.TimeoutError):
            await asyncio.wait_for(run.result(), 0.2)
        assert (await run.result()).status == "cancelled"

    with_kernel(body)


def test_a_failed_run_raises_at_the_end_of_the_iteration() -> None:
    async def body(kernel: aikit.AsyncKernel) -> None:
        turn = {"text": "x", "error": {"code": "model_refused", "message": "no"}}
        run = (await kernel.agent(make_spec(turn))).start("x")
        types = []
        with pytest.raises(aikit.ModelRefused):
            async for event in run:
                types.append(event.type)
        assert types[-1] == "run_failed"
        with pytest.raises(aikit.ModelRefused):
            await run.result()

    with_kernel(body)


def test_async_tools_see_the_callers_context_and_plain_ones_get_a_thread() -> None:
    who: contextvars.ContextVar[str] = contextvars.ContextVar("who", default="nobody")

    async def body(kernel: aikit.AsyncKernel) -> None:
        @kernel.tool
        async def on_the_loop() -> list[str]:
            return [who.get(), threading.current_thread().name]

        @kernel.tool
        def in_a_thread() -> list[str]:
            time.sleep(0.1)
            return [who.get(), threading.current_thread().name]

        who.set("ada")
        main = threading.current_thread().name
        assert await kernel.call_tool("on_the_loop") == ["ada", main]
        name, thread = await kernel.call_tool("in_a_thread")
        assert name == "ada"
        assert thread != main

    with_kernel(body)


def test_tools_of_one_turn_run_side_by_side() -> None:
    async def body(kernel: aikit.AsyncKernel) -> None:
        together = 0
        all_here = asyncio.Event()

        @kernel.tool(timeout=300)
        async def meet() -> None:
            nonlocal together
            together += 1
            if together == 3:
                all_here.set()
            await all_here.wait()

        calls = [{"name": "meet", "arguments": {}}] * 3
        spec = make_spec({"tool_calls": calls}, {"text": "done"}, tools=["meet"])
        # Calls that come one after the other wait here for ever.
        await asyncio.wait_for((await kernel.agent(spec)).run("x"), 60)
        assert together == 3

    with_kernel(body)


def test_the_end_of_a_run_cancels_its_tools() -> None:
    async def body(kernel: aikit.AsyncKernel) -> None:
        ended: list[str] = []
        started = asyncio.Event()

        @kernel.tool
        async def forever() -> None:
            started.set()
            try:
                await asyncio.sleep(60)
            except asyncio.CancelledError:
                ended.append("cancelled")
                raise

        spec = make_spec(call_of("forever"), tools=["forever"])
        run = (await kernel.agent(spec)).start("x")
        reading = asyncio.create_task(run.result())
        await started.wait()
        run.cancel()
        assert (await reading).status == "cancelled"
        await asyncio.sleep(0)
        assert ended == ["cancelled"]

    with_kernel(body)


def test_a_raising_tool_is_the_models_to_see() -> None:
    async def body(kernel: aikit.AsyncKernel) -> None:
        @kernel.tool
        async def broken() -> None:
            raise ValueError("no luck")

        spec = make_spec(call_of("broken"), {"text": "ok"}, tools=["broken"])
        events = [event async for event in (await kernel.agent(spec)).start("x")]
        error = next(e for e in events if e.type == "tool_finished").error
        assert isinstance(error, aikit.ToolFailed)
        assert error.message == "no luck"
        assert error.cause is not None and "ValueError: no luck" in error.cause

    with_kernel(body)


def test_a_run_has_one_reader() -> None:
    async def body(kernel: aikit.AsyncKernel) -> None:
        run = (await kernel.agent(make_spec(slow()))).start("x")
        first = asyncio.create_task(run.result())
        await asyncio.sleep(0.05)
        with pytest.raises(aikit.InvalidArgument, match="already reading"):
            await run.result()
        assert not first.done(), "the first reader is not disturbed"
        run.cancel()
        await first

    with_kernel(body)


def test_a_loop_may_close_with_live_runs(caplog: pytest.LogCaptureFixture) -> None:
    async def main() -> list[Any]:
        kernel = await aikit.open_async()
        run = (await kernel.agent(make_spec(slow()))).start("x")
        await run.__anext__()
        reading = asyncio.create_task(run.result())
        await asyncio.sleep(0.1)
        return [kernel, run, reading]

    with warnings.catch_warnings():
        warnings.simplefilter("error")
        loop = asyncio.new_event_loop()
        kept = loop.run_until_complete(main())
        loop.close()
        kept.clear()
        gc.collect()
    # What asyncio says of every task that outlives its loop, and nothing else.
    assert [record.message for record in caplog.records if "destroyed" not in record.message] == []


def test_a_kernel_outlives_its_loop() -> None:
    kernel = asyncio.run(aikit.open_async())
    agent = asyncio.run(kernel.agent(make_spec()))
    assert asyncio.run(agent.run("x")).text == "hello"
    asyncio.run(kernel.close())


def test_leaving_a_run_cancels_it() -> None:
    async def body(kernel: aikit.AsyncKernel) -> None:
        async with (await kernel.agent(make_spec(slow()))).start("x") as run:
            await run.__anext__()
        assert (await run.result()).status == "cancelled"

    with_kernel(body)


def test_descriptors_are_given_back() -> None:
    import os

    async def body(kernel: aikit.AsyncKernel) -> None:
        agent = await kernel.agent(make_spec())
        await agent.run("warm")
        before = len(os.listdir("/proc/self/fd"))
        await asyncio.gather(*(agent.run("x") for _ in range(50)))
        gc.collect()
        deadline = time.monotonic() + 60
        # A thread of aikit's may be the last that holds one.
        while len(os.listdir("/proc/self/fd")) > before + 1 and time.monotonic() < deadline:
            await asyncio.sleep(0.01)
        assert len(os.listdir("/proc/self/fd")) <= before + 1

    with_kernel(body)
