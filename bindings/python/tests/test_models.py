"""Functions of the program's as models, and what an error says of a provider."""

from __future__ import annotations

import asyncio
import copy
import json
import pickle
import threading
import time
from http.server import BaseHTTPRequestHandler, HTTPServer
from pathlib import Path
from types import MappingProxyType
from typing import Any

import aikit
import pytest

SPEC = "agent: a\nmodel: host/mine\ntools: [calculator]\n"
FAILING = """
agent: a
model: scripted/x
script:
  - text: x
    error: {code: model_rate_limited, after: 0, status: 429, request_id: r1, retry_after_ms: 1500}
"""


def test_a_function_answers_on_the_thread_that_waits(kernel: aikit.Kernel) -> None:
    seen: list[Any] = []

    @kernel.model("mine")
    def chat(request: dict[str, Any]) -> Any:
        seen.append((request, threading.get_ident()))
        if len(request["messages"]) == 1:
            return {"tool_calls": [{"name": "calculator", "arguments": {"expression": "6 * 7"}}]}
        return f"It is {request['messages'][-1]['content']}."

    assert callable(chat), "the decorator gives the function back"
    result = kernel.agent(aikit.parse_spec(SPEC)).run("How many?")
    assert (result.text, result.turns, result.model) == ("It is 42.", 2, "host/mine")
    assert {ident for _, ident in seen} == {threading.get_ident()}
    first, second = (request for request, _ in seen)
    assert [tool["name"] for tool in first["tools"]] == ["calculator"]
    assert second["messages"][1]["tool_calls"][0]["arguments"] == {"expression": "6 * 7"}


def test_exceptions_and_nonsense_have_their_errors(kernel: aikit.Kernel) -> None:
    answers: list[Any] = [object(), {"txt": 1}, float("nan"), None]

    def chat(request: dict[str, Any]) -> Any:
        if not answers:
            raise ValueError("no weights \ud800")
        return answers.pop(0)

    assert kernel.model("mine", chat) is chat
    agent = kernel.agent(aikit.parse_spec(SPEC))
    with pytest.raises(aikit.ModelUnavailable, match="object"):
        agent.run("x")
    with pytest.raises(aikit.ModelInvalidResponse, match="`txt` is not known"):
        agent.run("x")
    with pytest.raises((aikit.ModelUnavailable, aikit.ModelInvalidResponse)):
        agent.run("x")
    with pytest.raises(aikit.ModelInvalidResponse, match="not nothing"):
        agent.run("x")
    with pytest.raises(aikit.ModelUnavailable, match="no weights") as caught:
        agent.run("x")
    assert not caught.value.retryable
    assert caught.value.cause is not None and "Traceback" in caught.value.cause


def test_what_is_no_model_is_refused(kernel: aikit.Kernel) -> None:
    kernel.model("mine", lambda request: "x")
    for name, chat in [("mine", str), ("a/b", str), ("", str)]:
        with pytest.raises(aikit.InvalidArgument):
            kernel.model(name, chat)
    with pytest.raises(TypeError):
        kernel.model("other", 5)  # type: ignore[call-overload]
    with pytest.raises(aikit.ModelUnknown, match="there are: mine"):
        kernel.agent(aikit.parse_spec("agent: a\nmodel: host/other\n"))


def test_a_late_answer_is_not_waited_for(kernel: aikit.Kernel) -> None:
    def chat(request: dict[str, Any]) -> str:
        time.sleep(0.2)
        return "late"

    kernel.model("mine", chat, timeout=0.05)
    with pytest.raises(aikit.ModelUnavailable, match="50 ms"):
        kernel.agent(aikit.parse_spec(SPEC)).run("x")


def test_async_functions_answer_in_the_loop_and_others_beside_it() -> None:
    async def main() -> tuple[str, str]:
        async with await aikit.open_async() as kernel:
            loop = asyncio.get_running_loop()

            @kernel.model("mine")
            async def chat(request: dict[str, Any]) -> str:
                await asyncio.sleep(0)
                return "in the loop" if asyncio.get_running_loop() is loop else "elsewhere"

            kernel.model("other", lambda request: threading.current_thread().name)
            spec = aikit.parse_spec(SPEC)
            first = await (await kernel.agent(spec)).run("x")
            second = await (await kernel.agent(spec, model="host/other")).run("x")
            return first.text, second.text

    first, second = asyncio.run(main())
    assert first == "in the loop"
    assert second != threading.main_thread().name


def test_an_async_function_is_run_by_the_blocking_family(kernel: aikit.Kernel) -> None:
    @kernel.model("mine")
    async def chat(request: dict[str, Any]) -> str:
        await asyncio.sleep(0)
        return "done"

    assert kernel.agent(aikit.parse_spec(SPEC)).run("x").text == "done"


def test_an_error_says_what_the_provider_said(kernel: aikit.Kernel) -> None:
    with pytest.raises(aikit.ModelRateLimited) as caught:
        kernel.agent(aikit.parse_spec(FAILING)).run("x")
    error = caught.value
    assert (error.status, error.request_id, error.retry_after) == (429, "r1", 1.5)
    document = error.to_dict()
    assert (document["status"], document["request_id"], document["retry_after"]) == (429, "r1", 1.5)
    for other in (pickle.loads(pickle.dumps(error)), copy.copy(error)):
        assert other.to_dict() == document
    plain = aikit.InvalidArgument("x")
    assert (plain.status, plain.request_id, plain.retry_after) == (None, None, None)


def test_a_cassette_is_an_option_of_a_provider(tmp_path: Path) -> None:
    cassette = tmp_path / "c.json"
    cassette.write_text('{"aikit_cassette": 1, "exchanges": []}')
    with aikit.open(
        providers={"taped": {"base_url": "http://127.0.0.1:9/v1", "cassette": str(cassette)}}
    ) as kernel:
        agent = kernel.agent(aikit.parse_spec("agent: a\nmodel: taped/m\n"))
        with pytest.raises(aikit.CassetteDiffers, match="has no exchange"):
            agent.run("x")


def test_headers_of_a_provider_go_with_its_requests_and_are_in_no_error() -> None:
    seen: list[tuple[str, str]] = []

    class Refusing(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            self.rfile.read(int(self.headers["Content-Length"]))
            seen.append((self.headers["X-Gateway"], self.headers["X-Title"]))
            body = json.dumps({"error": {"message": f"you sent {self.headers['X-Gateway']}"}}).encode()
            self.send_response(400)
            self.send_header("Content-Type", "application/json")
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, format: str, *args: Any) -> None:
            """Nothing is printed."""

    headers = MappingProxyType({"X-Gateway": "gw-canary-0123", "X-Title": "my app"})
    with HTTPServer(("127.0.0.1", 0), Refusing) as server:
        threading.Thread(target=server.handle_request, daemon=True).start()
        url = f"http://127.0.0.1:{server.server_port}/v1"
        with aikit.open(providers={"mine": {"base_url": url, "headers": headers}}) as kernel:
            agent = kernel.agent(aikit.parse_spec("agent: a\nmodel: mine/m\n"))
            with pytest.raises(aikit.Error) as refused:
                agent.run("hello")
    assert seen == [("gw-canary-0123", "my app")]
    assert "you sent [header]" in str(refused.value)
    assert "canary" not in repr(refused.value)


@pytest.mark.parametrize("headers", [{"X-Gateway": None}, {"X-Gateway": "a\r\nb"}, {"Host": "x"}])
def test_headers_that_cannot_be_sent_are_refused(headers: dict[str, Any]) -> None:
    with pytest.raises(aikit.InvalidArgument, match="headers"):
        aikit.open(providers={"mine": {"headers": headers}})


def test_headers_that_are_no_mapping_are_a_type_error() -> None:
    with pytest.raises(TypeError, match="the headers of the provider 'mine'"):
        aikit.open(providers={"mine": {"headers": ["X-Gateway"]}})
