"""The OpenAI Agents SDK on the chat wire: stream.py BASE_URL MODEL. See ../src/other.rs."""

import asyncio
import json
import sys
import time

from agents import Agent, OpenAIChatCompletionsModel, Runner, set_tracing_disabled
from openai import AsyncOpenAI

set_tracing_disabled(True)
base_url, name = sys.argv[1:]


async def stream(agent: Agent) -> int:
    pieces = 0
    async for event in Runner.run_streamed(agent, "What is 19 and 23?").stream_events():
        if event.type == "raw_response_event" and event.data.type == "response.output_text.delta":
            pieces += bool(event.data.delta)
    return pieces


async def main() -> None:
    client = AsyncOpenAI(base_url=base_url, api_key="none")
    agent = Agent(name="bench", model=OpenAIChatCompletionsModel(model=name, openai_client=client))
    while line := await asyncio.to_thread(sys.stdin.readline):
        before, pieces = time.process_time(), 0
        for _ in range(int(line)):
            pieces += await stream(agent)
        cpu = time.process_time() - before
        print(json.dumps({"cpu_ms": cpu * 1000, "pieces": pieces}), flush=True)


asyncio.run(main())
