"""The spec repository: a version's life, in both families."""

from __future__ import annotations

import asyncio
import datetime
import json
import pickle
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import aikit
import pytest


def version_of(number: str, agent: str = "clerk", **identity: Any) -> aikit.Spec:
    """A spec that answers with its version."""
    document = {
        "identity": {"agent_id": agent, "version": number, **identity},
        "intelligence": {"model": "scripted/x", "script": [{"text": f"I am {number}"}]},
    }
    return aikit.parse_spec(json.dumps(document))


@pytest.fixture
def specs() -> Iterator[aikit.Specs]:
    with aikit.open(actor="ada") as kernel:
        yield kernel.specs


def test_a_saved_spec_is_a_draft(specs: aikit.Specs) -> None:
    spec = version_of("1.0.0", name="Clerk", tags=["hr", "pay"])
    record = specs.save(spec, why="first try")
    assert isinstance(record, aikit.SpecRecord)
    assert (record.agent_id, record.version, record.status) == ("clerk", "1.0.0", "draft")
    assert (record.name, record.tags, record.model) == ("Clerk", ("hr", "pay"), "scripted/x")
    assert (record.hash, record.text, record.document) == (spec.hash, spec.text, spec.to_dict())
    assert (record.created_by, record.sunset, record.successor) == ("ada", None, None)
    assert datetime.datetime.fromisoformat(record.created_at.replace("Z", "+00:00"))
    assert specs.get("clerk@1.0.0") == record
    assert specs.load("clerk@1.0.0").hash == spec.hash
    with pytest.raises(aikit.SpecNotFound):
        specs.get("clerk")
    with pytest.raises(aikit.SpecNotFound):
        specs.load("clerk@2.0.0")


def test_a_draft_is_replaced_only_by_who_knows_it(specs: aikit.Specs) -> None:
    first = specs.save(version_of("1.0.0"))
    with pytest.raises(aikit.SpecConflict):
        specs.save(version_of("1.0.0", description="other"))
    second = specs.save(version_of("1.0.0", description="other"), replaces=first.hash)
    assert second.description == "other"
    with pytest.raises(aikit.SpecConflict):
        specs.save(version_of("1.0.0"), replaces=first.hash)
    assert [change.path for change in specs.diff("clerk@1.0.0", "clerk@1.0.0")] == []


def test_a_version_is_promoted_deprecated_and_retired(specs: aikit.Specs) -> None:
    for number in ("1.0.0", "2.0.0"):
        specs.save(version_of(number))
    assert specs.promote("clerk@1.0.0", by="bob", why="ready").status == "active"
    assert specs.get("clerk").version == "1.0.0"
    with pytest.raises(aikit.SpecState):
        specs.promote("clerk@1.0.0")
    with pytest.raises(aikit.SpecImmutable) as caught:
        specs.save(version_of("1.0.0", description="late"))
    assert "1.0.1" in (caught.value.hint or "")
    with pytest.raises(aikit.SpecImmutable):
        specs.delete("clerk@1.0.0")
    specs.promote("clerk@2.0.0")
    old = specs.get("clerk@1.0.0")
    assert (old.status, old.successor) == ("deprecated", "clerk@2.0.0")
    with pytest.raises(aikit.SpecState):
        specs.retire("clerk@2.0.0")
    assert specs.retire("clerk@1.0.0", why="old").status == "retired"
    with pytest.raises(aikit.SpecRetired):
        specs.load("clerk@1.0.0")
    changes = specs.diff("clerk@1.0.0", "clerk@2.0.0")
    assert {change.path for change in changes} == {"/identity/version", "/intelligence/script"}


@pytest.mark.parametrize(
    ("sunset", "kept"),
    [
        ("2030-01-31", "2030-01-31"),
        (datetime.date(2030, 1, 31), "2030-01-31"),
        (
            datetime.datetime(2030, 1, 31, 12, tzinfo=datetime.timezone.utc),
            "2030-01-31T12:00:00Z",
        ),
    ],
)
def test_a_deprecated_version_says_until_when_and_what_then(
    specs: aikit.Specs, sunset: str | datetime.date, kept: str
) -> None:
    for number in ("1.0.0", "2.0.0"):
        specs.save(version_of(number))
    specs.promote("clerk@1.0.0")
    record = specs.deprecate("clerk@1.0.0", sunset=sunset, successor="2.0.0", by="b", why="w")
    assert (record.status, record.sunset, record.successor) == ("deprecated", kept, "clerk@2.0.0")
    assert specs.promote("clerk@1.0.0").status == "active", "a rollback"


def test_a_sunset_that_is_no_date_is_refused(specs: aikit.Specs) -> None:
    specs.save(version_of("1.0.0"))
    specs.promote("clerk@1.0.0")
    wrong: list[Any] = ["soon", 5, datetime.datetime(2030, 1, 31)]
    for sunset in wrong:
        with pytest.raises(aikit.InvalidArgument):
            specs.deprecate("clerk@1.0.0", sunset=sunset)
    with pytest.raises(aikit.SpecNotFound):
        specs.deprecate("clerk@1.0.0", successor="9.9.9")
    assert specs.get("clerk").status == "active"


def test_the_history_says_who_when_and_why(specs: aikit.Specs) -> None:
    specs.save(version_of("1.0.0"))
    specs.promote("clerk@1.0.0", by="bob", why="ready")
    specs.save(version_of("2.0.0"))
    specs.delete("clerk@2.0.0", why="a mistake")
    entries = specs.history("clerk")
    assert all(isinstance(entry, aikit.HistoryEntry) for entry in entries)
    assert [(e.version, e.change, e.from_, e.to, e.by, e.why) for e in entries] == [
        ("1.0.0", "saved", None, "draft", "ada", None),
        ("1.0.0", "promoted", "draft", "active", "bob", "ready"),
        ("2.0.0", "saved", None, "draft", "ada", None),
        ("2.0.0", "deleted", "draft", None, "ada", "a mistake"),
    ]
    assert [entry.seq for entry in entries] == sorted(entry.seq for entry in entries)
    assert entries[1].to_dict()["from"] == "draft"
    assert "from_='draft'" in repr(entries[1])
    assert pickle.loads(pickle.dumps(entries)) == entries
    with pytest.raises(aikit.SpecNotFound):
        specs.get("clerk@2.0.0")
    with pytest.raises(aikit.SpecNotFound):
        specs.history("nobody")


def test_versions_are_listed_in_pages(specs: aikit.Specs) -> None:
    for number in ("1.10.0", "1.9.0", "1.0.0"):
        specs.save(version_of(number))
    specs.save(version_of("1.0.0", agent="baker", name="Bakes bread", tags=["food"]))
    specs.promote("baker@1.0.0")
    page = specs.list(limit=3)
    assert isinstance(page, aikit.SpecPage)
    assert [(spec.agent_id, spec.version) for spec in page.specs] == [
        ("baker", "1.0.0"),
        ("clerk", "1.0.0"),
        ("clerk", "1.9.0"),
    ]
    assert page.specs[0].document is None and page.specs[0].text is None
    last = specs.list(limit=3, after=page.next)
    assert [spec.version for spec in last.specs] == ["1.10.0"]
    assert last.next is None
    for page in (
        specs.list(status="active"),
        specs.list(tag="food"),
        specs.list(text="bread"),
        specs.list(agent_id="baker"),
    ):
        assert [spec.agent_id for spec in page.specs] == ["baker"]
    assert specs.list(status="retired").specs == ()


def test_a_bundle_goes_from_one_tenant_to_another(specs: aikit.Specs, tmp_path: Path) -> None:
    for agent in ("clerk", "baker"):
        specs.save(version_of("1.0.0", agent=agent))
    specs.promote("clerk@1.0.0", why="ready")
    bundle = specs.export(agent_id="clerk")
    assert isinstance(bundle, aikit.SpecBundle)
    assert (bundle.format, len(bundle.specs)) == ("aikit-specs/1", 1)
    assert [entry.change for entry in bundle.history] == ["saved", "promoted"]
    file = tmp_path / "bundle.json"
    file.write_text(json.dumps(specs.export().to_dict()))
    with aikit.open(tenant="other") as kernel:
        report = kernel.specs.import_(bundle, by="eve", why="moved")
        assert isinstance(report, aikit.ImportReport)
        assert (report.imported, report.skipped) == (("clerk@1.0.0",), ())
        assert kernel.agent("clerk").run("x").text == "I am 1.0.0"
        whole = json.loads(file.read_text())
        with pytest.raises(aikit.SpecConflict):
            kernel.specs.import_(whole)
        assert [spec.agent_id for spec in kernel.specs.list().specs] == ["clerk"], "all or nothing"
        report = kernel.specs.import_(whole, on_conflict="skip")
        assert (report.imported, report.skipped) == (("baker@1.0.0",), ("clerk@1.0.0",))
        assert "imported" in [entry.change for entry in kernel.specs.history("clerk")]
        for broken in ({}, {**whole, "format": "other/1"}, {**whole, "more": 1}):
            with pytest.raises(aikit.InvalidArgument):
                kernel.specs.import_(broken)


def test_agents_are_made_by_reference_and_keep_their_version() -> None:
    with aikit.open() as kernel:
        kernel.specs.save(version_of("1.0.0"))
        kernel.specs.promote("clerk@1.0.0")
        running = kernel.agent("clerk")
        kernel.specs.save(version_of("2.0.0"))
        assert kernel.agent("clerk@2.0.0").run("x").text == "I am 2.0.0"
        kernel.specs.promote("clerk@2.0.0")
        assert running.run("x").text == "I am 1.0.0"
        assert kernel.agent("clerk").version == "2.0.0"
        kernel.specs.retire("clerk@1.0.0")
        with pytest.raises(aikit.SpecRetired):
            kernel.agent("clerk@1.0.0")
        with pytest.raises(aikit.SpecNotFound):
            kernel.agent("baker")


def test_what_was_saved_is_there_when_the_file_is_opened_again(tmp_path: Path) -> None:
    location = tmp_path / "aikit.db"
    with aikit.open(location) as kernel:
        saved = kernel.specs.save(version_of("1.0.0"))
    with aikit.open(location) as kernel:
        assert kernel.specs.get("clerk@1.0.0") == saved
    with aikit.open(location, tenant="other") as kernel, pytest.raises(aikit.SpecNotFound):
        kernel.specs.get("clerk@1.0.0")


def test_asyncio_has_the_same_repository() -> None:
    async def main() -> None:
        async with await aikit.open_async(
            actor="ada", default_model="scripted/x", policy={"denied_tools": ["datetime"]}
        ) as kernel:
            specs = kernel.specs
            assert repr(specs) == "<aikit.AsyncSpecs tenant=default>"
            draft = await specs.save(version_of("1.0.0"), why="first")
            await specs.save(version_of("1.0.0", name="Clerk"), replaces=draft.hash)
            await specs.save(version_of("2.0.0"), by="bob")
            assert (await specs.get("clerk@1.0.0")).name == "Clerk"
            assert (await specs.load("clerk@2.0.0")).version == "2.0.0"
            assert (await specs.promote("clerk@2.0.0")).status == "active"
            sunset = datetime.date(2030, 1, 31)
            old = await specs.deprecate("clerk@2.0.0", sunset=sunset, successor="1.0.0")
            assert (old.sunset, old.successor) == ("2030-01-31", "clerk@1.0.0")
            assert (await specs.retire("clerk@2.0.0")).status == "retired"
            assert [s.version for s in (await specs.list(status="draft")).specs] == ["1.0.0"]
            assert (await specs.history("clerk"))[0].why == "first"
            assert "/identity/version" in [
                change.path for change in await specs.diff("clerk@1.0.0", "clerk@2.0.0")
            ]
            bundle = await specs.export()
            report = await specs.import_(bundle, on_conflict="skip")
            assert report.skipped == ("clerk@1.0.0", "clerk@2.0.0")
            await specs.delete("clerk@1.0.0")
            with pytest.raises(aikit.SpecNotFound):
                await specs.get("clerk@1.0.0")
            with pytest.raises(aikit.SpecRetired):
                await kernel.agent("clerk@2.0.0")
            spec = aikit.parse_spec("agent: a\nscript: [{text: hello}]\ntools: [datetime]\n")
            assert "AK3003" in [finding.code for finding in await kernel.check(spec)]
            agent = await kernel.agent(aikit.parse_spec("agent: a\nscript: [{text: hello}]\n"))
            assert (agent.name, agent.model) == ("a", "scripted/x")
            with pytest.raises(aikit.InvalidArgument):
                await agent.run("x", inputs={"nobody": "asked"})
        with pytest.raises(aikit.Closed):
            await specs.list()

    asyncio.run(main())


def test_of_many_who_save_at_once_one_wins() -> None:
    async def main() -> None:
        async with await aikit.open_async() as kernel:
            tries = [kernel.specs.save(version_of("1.0.0", name=f"n{n}")) for n in range(20)]
            results = await asyncio.gather(*tries, return_exceptions=True)
            saved = [result for result in results if isinstance(result, aikit.SpecRecord)]
            assert len(saved) == 1
            assert sum(isinstance(result, aikit.SpecConflict) for result in results) == 19
            assert await kernel.specs.get("clerk@1.0.0") == saved[0]

    asyncio.run(main())


def test_cancelling_the_task_ends_the_wait() -> None:
    async def main() -> None:
        async with await aikit.open_async() as kernel:
            for number in range(50):
                await kernel.specs.save(version_of(f"1.0.{number}"))
            bundle = (await kernel.specs.export()).to_dict()
            for _ in range(100):
                importing = asyncio.create_task(
                    kernel.specs.import_(bundle, on_conflict="skip")
                )
                # It has begun to wait for the core, unless the core was faster.
                await asyncio.sleep(0)
                if importing.cancel():
                    break
            with pytest.raises(asyncio.CancelledError):
                await importing
            assert len((await kernel.specs.list()).specs) == 50, "the kernel goes on"

    asyncio.run(main())
