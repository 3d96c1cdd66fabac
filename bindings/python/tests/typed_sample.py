"""A program as a user would write it. test_typing.py checks it with `mypy --strict` and runs it."""

from __future__ import annotations

import asyncio
import sys
from typing import Any, assert_type  # Python 3.11

import aikit


def answer(spec: aikit.Spec) -> str:
    with aikit.open(tenant="acme", providers={"openai": {"base_url": "http://x"}}) as kernel:

        @kernel.tool
        def double(x: int) -> int:
            return 2 * x

        @kernel.tool(name="triple", timeout=2.0)
        def anything(x: int) -> int:
            return 3 * x

        @kernel.model("mine", timeout=2.0)
        def chat(request: dict[str, Any]) -> str:
            return str(request["messages"])

        assert_type(double(2), int)
        assert_type(chat({"messages": []}), str)
        agent = kernel.agent(spec)
        words: list[str] = []
        with agent.start("hi", max_turns=3) as run:
            for event in run:
                if event.type == "text_delta":
                    assert_type(event, aikit.TextDelta)
                    words.append(event.text)
                elif event.type == "tool_finished" and event.error is not None:
                    assert_type(event.error, aikit.Error)
                elif isinstance(event, aikit.RunFinished):
                    assert_type(event.result.usage.total_tokens, int)
        result = run.result()
        assert_type(result.citations, tuple[aikit.Citation, ...])
        assert result.status == "finished"
        return "".join(words)


async def answer_async(spec: aikit.Spec) -> str:
    async with await aikit.open_async() as kernel:
        agent = await kernel.agent(spec)
        async for event in agent.start("hi"):
            if event.type == "retrieval_finished":
                assert_type(event.passages, tuple[aikit.Passage, ...])
        result = await agent.run("hi")
        assert_type(await kernel.collection("c").search("x", top_k=1), list[aikit.Passage])
        return result.text


def release(kernel: aikit.Kernel, spec: aikit.Spec) -> str:
    assert_type(kernel.check(spec), list[aikit.Diagnostic])
    draft = kernel.specs.save(spec, why="first")
    assert_type(draft.tags, tuple[str, ...])
    if kernel.specs.promote(f"{draft.agent_id}@{draft.version}").status == "active":
        page = kernel.specs.list(status="active", limit=10)
        assert_type(page.specs, tuple[aikit.SpecRecord, ...])
        assert_type(kernel.specs.load(draft.agent_id).diff(spec), list[aikit.Change])
    for entry in kernel.specs.history(draft.agent_id):
        if entry.change == "promoted":
            assert_type(entry.by, str | None)
    report = kernel.specs.import_(kernel.specs.export(), on_conflict="skip")
    assert_type(report.skipped, tuple[str, ...])
    assert_type(aikit.diagnose(spec.text), list[aikit.Diagnostic])
    assert_type(aikit.diagnose(spec.text, format="text", file="x"), str)
    return kernel.agent(draft.agent_id).name


async def release_async(kernel: aikit.AsyncKernel, spec: aikit.Spec) -> None:
    assert_type(await kernel.specs.save(spec), aikit.SpecRecord)
    assert_type(await kernel.specs.history(spec.agent_id), list[aikit.HistoryEntry])


def administrate(location: str) -> None:
    with aikit.open_admin(location, actor="me") as admin:
        assert_type(admin.create_tenant("acme", kind="org").parent, str | None)
        for tenant in admin.tenants(status="active").tenants:
            assert_type(admin.tenant_usage(tenant.tenant_id).totals.documents, int)
        assert_type(admin.revoke_read("a", "b"), bool)
        assert_type(admin.tenant_digest("acme")["runs"].sha256, str)
        heads = [chain.head for chain in admin.verify_audit().chains if chain.head]
        assert_type(admin.verify_audit(expect=heads).broken, aikit.AuditBreak | None)
        assert_type(admin.prune(), dict[str, aikit.Pruned])
    with aikit.open(location, tenant="acme", profile="p.toml", reader="top", rls=True) as kernel:
        assert_type(kernel.usage(days=7).days, tuple[aikit.UsageDay, ...])
        assert_type(kernel.config(), list[aikit.Setting])


async def administrate_async(location: str) -> None:
    async with await aikit.open_admin_async(location, actor="me") as admin:
        assert_type(await admin.tenant("acme"), aikit.Tenant)
        assert_type(await admin.copy_tenant("acme", "b.db", as_="b"), aikit.CopyReport)
        assert_type(await admin.grant_read("a", "b"), None)


def explain(error: aikit.Error) -> str:
    if isinstance(error, aikit.SpecInvalid):
        return "\n".join(f"{d.line}:{d.column}: {d.message}" for d in error.diagnostics)
    return f"{error.code}: {error.message} {error.hint or ''}"


def main() -> None:
    text = "identity: {agent_id: a}\nintelligence: {model: scripted/x, script: [{text: hello}]}\n"
    spec = aikit.parse_spec(text)
    with aikit.open(actor="me", policy={"denied_tools": []}) as kernel:
        print(release(kernel, spec))
    print(answer(spec), asyncio.run(answer_async(spec)))
    try:
        aikit.parse_spec("a: 1")
    except aikit.Error as error:
        print(explain(error), file=sys.stderr)


if __name__ == "__main__":
    main()
