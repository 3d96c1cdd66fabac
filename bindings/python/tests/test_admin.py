"""Administration: tenants as objects, what they may and did, audit and upkeep, on an SQLite file."""

from __future__ import annotations

import asyncio
import gc
import inspect
import json
import os
import pickle
import sqlite3
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import aikit
import pytest
from aikit import _aikit
from support import Script, eventually, make_spec


@pytest.fixture
def store(tmp_path: Path) -> Path:
    return tmp_path / "store.db"


@pytest.fixture
def admin(store: Path) -> Iterator[aikit.Admin]:
    """An administrator of a store with `acme`, and `sales` below it."""
    with aikit.open_admin(store, actor="ada") as admin:
        admin.create_tenant("acme", kind="org", name="Acme")
        admin.create_tenant("sales", parent="acme", kind="team")
        yield admin


def put(kernel: aikit.Kernel, folder: Path, name: str = "a.md") -> aikit.IngestReport:
    (folder / name).write_text(f"# {name}\n\nApples and pears.\n")
    return kernel.collection("c").ingest(folder / name)


def fill(store: Path, tenant: str = "sales") -> None:
    """A little of everything."""
    with aikit.open(store, tenant=tenant, actor="bob") as kernel:
        put(kernel, store.parent)
        kernel.specs.save(make_spec())
        kernel.agent(make_spec()).run("x")


def test_every_operation_has_a_method_in_both_families() -> None:
    named = {"usage": "tenant_usage", "digest": "tenant_digest"}
    for operation in _aikit.ADMIN_OPERATIONS:
        name = named.get(operation, operation)
        blocking = inspect.signature(getattr(aikit.Admin, name))
        assert inspect.signature(getattr(aikit.AsyncAdmin, name)) == blocking
        assert getattr(aikit.AsyncAdmin, name).__doc__ == getattr(aikit.Admin, name).__doc__


def test_tenants_are_objects(admin: aikit.Admin) -> None:
    tenant = admin.create_tenant("it", parent="acme", config={"quotas": {"max_specs": 3}})
    assert isinstance(tenant, aikit.Tenant)
    assert (tenant.tenant_id, tenant.parent, tenant.kind) == ("it", "acme", None)
    assert (tenant.name, tenant.status) == (None, "active")
    assert tenant.config == {"quotas": {"max_specs": 3}}
    assert admin.tenant("it") == tenant
    assert admin.rename_tenant("it", "Machines").name == "Machines"
    assert admin.rename_tenant("it", None).name is None
    assert admin.configure_tenant("it", {}).config == {}
    assert admin.move_tenant("it", "sales").parent == "sales"
    assert admin.move_tenant("it", None).parent is None
    page = admin.tenants(limit=2)
    assert isinstance(page, aikit.TenantPage)
    assert [tenant.tenant_id for tenant in page.tenants] == ["acme", "it"]
    last = admin.tenants(limit=2, after=page.next)
    assert ([tenant.tenant_id for tenant in last.tenants], last.next) == (["sales"], None)
    for page in (admin.tenants(parent="acme"), admin.tenants(kind="team")):
        assert [tenant.tenant_id for tenant in page.tenants] == ["sales"]
    assert admin.tenants(status="suspended").tenants == ()
    with pytest.raises(aikit.TenantExists):
        admin.create_tenant("it")
    with pytest.raises(aikit.TenantNotFound):
        admin.tenant("nobody")


def test_a_suspended_tenant_is_shut(admin: aikit.Admin, store: Path) -> None:
    with aikit.open(store, tenant="sales") as kernel:
        assert admin.suspend_tenant("sales", why="unpaid").status == "suspended"
        with pytest.raises(aikit.TenantSuspended):
            kernel.specs.list()
        with pytest.raises(aikit.TenantSuspended):
            aikit.open(store, tenant="sales")
        assert admin.resume_tenant("sales", why="paid").status == "active"
        assert kernel.specs.list().specs == ()
    assert [(e.action, e.detail) for e in admin.audit_log(after=2)] == [
        ("tenant.suspended", {"why": "unpaid"}),
        ("tenant.resumed", {"why": "paid"}),
    ]


def test_a_tenant_above_reads_what_was_granted(admin: aikit.Admin, store: Path) -> None:
    fill(store)
    with pytest.raises(aikit.AccessDenied):
        aikit.open(store, tenant="sales", reader="acme")
    admin.grant_read("sales", "acme")
    (grant,) = admin.read_grants("sales")
    assert isinstance(grant, aikit.ReadGrant)
    assert (grant.reader, grant.granted_by) == ("acme", "ada")
    with aikit.open(store, tenant="sales", reader="acme") as kernel:
        assert [passage.source for passage in kernel.collection("c").search("pears")] == ["a.md"]
        with pytest.raises(aikit.TenantReadOnly):
            put(kernel, store.parent, "b.md")
        with pytest.raises(aikit.TenantReadOnly):
            kernel.agent(make_spec()).run("x")
        assert admin.revoke_read("sales", "acme") is True
        with pytest.raises(aikit.AccessDenied):
            kernel.collection("c").documents()
    assert admin.revoke_read("sales", "acme") is False
    assert admin.read_grants("sales") == []
    with pytest.raises(aikit.InvalidArgument):
        admin.grant_read("acme", "sales")


def test_quotas_are_refused_and_use_is_counted(admin: aikit.Admin, store: Path) -> None:
    admin.configure_tenant("sales", {"quotas": {"max_documents": 1, "requests_per_minute": 1}})
    with aikit.open(store, tenant="sales") as kernel:
        put(kernel, store.parent)
        with pytest.raises(aikit.QuotaExceeded, match="max_documents"):
            put(kernel, store.parent, "b.md")
        agent = kernel.agent(make_spec())
        agent.run("x")
        with pytest.raises(aikit.QuotaExceeded, match="requests_per_minute"):
            agent.run("x")
        usage = kernel.usage()
        assert isinstance(usage, aikit.TenantUsage)
        assert (usage.totals.specs, usage.totals.documents, usage.totals.vectors) == (0, 1, 1)
        assert usage.totals.bytes > 0
        (today,) = usage.days
        assert (today.runs, today.input_tokens, today.cost_micros) == (1, 1, 0)
        assert kernel.usage(days=0).days == ()
    assert admin.tenant_usage("sales") == admin.tenant_usage("sales", days=1) == usage
    assert admin.tenant_usage("acme").days == ()
    with aikit.open(store, tenant="acme", policy={"quotas": {"max_documents": 0}}) as kernel:
        with pytest.raises(aikit.QuotaExceeded):
            put(kernel, store.parent)


def test_an_archive_is_the_tenant(admin: aikit.Admin, store: Path) -> None:
    fill(store)
    archive = store.parent / "sales.jsonl"
    report = admin.export_tenant("sales", archive)
    assert isinstance(report, aikit.ArchiveReport)
    assert (report.tenant, report.bytes) == ("sales", archive.stat().st_size)
    assert (report.altered, report.left_out) == ((), ())
    digest = admin.tenant_digest("sales")
    assert report.tables == digest
    assert isinstance(digest["documents"], aikit.TableDigest)
    assert (digest["documents"].rows, digest["runs"].rows) == (1, 1)
    with pytest.raises(aikit.TenantExists):
        admin.import_tenant(archive)
    again = admin.import_tenant(archive, as_="again", parent="acme")
    assert (again.tenant, admin.tenant("again").parent) == ("again", "acme")
    assert set(again.altered) == {"tenants", "audit_log"}
    assert [left.what for left in again.left_out] == ["audit_log"]
    same = set(digest) - set(again.altered)
    assert {name: again.tables[name] for name in same} == {name: digest[name] for name in same}

    copied = admin.copy_tenant("sales", store.parent / "other.db", as_="sold")
    assert isinstance(copied, aikit.CopyReport)
    assert (copied.tenant, copied.agree) == ("sold", True)
    assert copied.source["chunks"] == copied.target["chunks"] == digest["chunks"]
    assert [left.tenant_id for left in copied.left_out if left.what == "parent"] == ["acme"]
    with aikit.open(store.parent / "other.db", tenant="sold") as kernel:
        assert len(kernel.collection("c").search("pears")) == 1

    torn = store.parent / "torn.jsonl"
    torn.write_bytes(archive.read_bytes()[:-100])
    with pytest.raises(aikit.ArchiveInvalid):
        admin.import_tenant(torn, as_="torn")
    with pytest.raises(aikit.TenantNotFound):
        admin.tenant("torn")


def test_what_is_deleted_is_gone(admin: aikit.Admin, store: Path) -> None:
    fill(store)
    with pytest.raises(aikit.InvalidArgument):
        admin.delete_tenant("acme")
    deleted = admin.delete_tenant("acme", children=True, erase=True)
    assert isinstance(deleted, aikit.Deletion)
    assert (deleted.tenant, deleted.tenants) == ("acme", ("sales", "acme"))
    assert (deleted.rows["tenants"], deleted.rows["documents"]) == (2, 1)
    assert all(isinstance(file, aikit.Remains) for file in deleted.files)
    assert admin.tenants().tenants == ()
    admin.close()
    for file in store.parent.glob("store.db*"):
        assert b"pears" not in file.read_bytes()


def test_the_audit_log_shows_what_was_changed(admin: aikit.Admin, store: Path) -> None:
    fill(store)
    first, second = admin.audit_log()
    assert isinstance(first, aikit.AuditEntry)
    assert (first.tenant_id, first.seq, first.actor) == ("@store", 1, "ada")
    assert (first.action, first.object, first.prev) == ("tenant.created", "acme", "0" * 64)
    assert second.prev == first.hash
    assert [entry.seq for entry in admin.audit_log(after=1, limit=1)] == [2]
    actions = [(entry.actor, entry.action) for entry in admin.audit_log(tenant="sales")]
    assert ("bob", "spec.saved") in actions
    report = admin.verify_audit()
    assert isinstance(report, aikit.AuditReport)
    assert report.broken is None and all(chain.sound for chain in report.chains)
    heads = [chain.head for chain in report.chains if chain.head is not None]
    assert {head.tenant_id for head in heads} == {"@store", "sales"}
    admin.close()

    database = sqlite3.connect(store)
    database.execute("DROP TRIGGER audit_log_is_append_only")
    database.execute("UPDATE audit_log SET actor = 'eve' WHERE tenant_id = '@store' AND seq = 2")
    database.execute("DELETE FROM audit_log WHERE tenant_id = 'sales' AND seq = 2")
    database.commit()
    database.close()
    with aikit.open_admin(store, actor="ada") as admin:
        report = admin.verify_audit()
        assert isinstance(report.broken, aikit.AuditBreak)
        assert (report.broken.tenant_id, report.broken.seq) == ("@store", 2)
        assert report.broken.what
        # A cut-off end is seen by who noted the head.
        assert admin.verify_audit(tenant="sales").broken is None
        for noted in (heads, [head.to_dict() for head in heads]):
            broken = admin.verify_audit(tenant="sales", expect=noted).chains
            assert {chain.tenant_id: chain.sound for chain in broken}["sales"] is False


def test_old_runs_are_pruned(admin: aikit.Admin, store: Path) -> None:
    fill(store)
    fill(store, "acme")
    admin.configure_tenant("sales", {"retention": {"runs_days": 30}})
    assert admin.prune() == {}
    admin.close()
    database = sqlite3.connect(store)
    long_ago = "2020-01-01T00:00:00.000Z"
    database.execute("UPDATE runs SET started_at = ?1, ended_at = ?1", [long_ago])
    database.commit()
    database.close()
    with aikit.open_admin(store, actor="ada") as admin:
        pruned = admin.prune()
        assert isinstance(pruned["sales"], aikit.Pruned)
        assert list(pruned) == ["sales"], "who did not ask for it keeps everything"
        assert pruned["sales"].runs == 1 and pruned["sales"].events > 0


def test_a_backup_opens_as_a_store(admin: aikit.Admin, store: Path) -> None:
    fill(store)
    admin.backup(store.parent / "one.db")
    with aikit.open(store, tenant="sales") as kernel:
        kernel.backup(store.parent / "two.db")
        with pytest.raises(aikit.InvalidArgument):
            kernel.backup(store.parent / "two.db")
    for name in ("one.db", "two.db"):
        with aikit.open_admin(store.parent / name, actor="eve") as other:
            assert other.tenant_digest("sales") == admin.tenant_digest("sales")
            assert other.check() == []


def test_a_profile_speaks_and_its_secrets_do_not(
    store: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("AIKIT_TEST_KEY", "sk-not-to-be-seen")
    profile = store.parent / "profile.toml"
    profile.write_text(
        f'store = "{store}"\n'
        'tenant = "sales"\n'
        'actor = "machine"\n'
        "[providers.openai]\n"
        'base_url = "http://127.0.0.1:9"\n'
        'api_key = { env = "AIKIT_TEST_KEY" }\n'
        "[providers.other]\n"
        'base_url = "http://127.0.0.1:9"\n'
        'api_key = { env = "AIKIT_TEST_MISSING" }\n'
        "[policy]\n"
        'denied_tools = ["datetime"]\n'
        "[quotas]\n"
        "max_documents = 5\n"
    )
    with aikit.open_admin(profile=profile) as admin:
        admin.create_tenant("sales", config={"quotas": {"max_documents": 2}})
        assert admin.audit_log()[0].actor == "machine"
    with aikit.open(profile=profile, policy={"denied_tools": ["calculator"]}) as kernel:
        assert kernel.tenant == "sales"
        settings = {setting.key: setting for setting in kernel.config()}
        assert all(isinstance(setting, aikit.Setting) for setting in settings.values())
        quota = settings["quotas.max_documents"]
        assert (quota.value, quota.source) == (2, "tenant sales")
        assert [(said.value, said.source) for said in quota.overruled] == [
            (5, f"profile {profile}")
        ]
        tools = settings["policy.denied_tools"].elements
        assert tools is not None
        assert {said.value: said.source for said in tools} == {
            "datetime": f"profile {profile}",
            "calculator": "open",
        }
        key = settings["providers.openai.api_key"]
        assert (key.value, key.secret) == ("env:AIKIT_TEST_KEY", "set")
        assert settings["providers.other.api_key"].secret == "missing"
        with_spec = kernel.config(make_spec())
        assert "spec tester@1.2.3" in {setting.source for setting in with_spec}
        for shown in (kernel.config(), with_spec):
            assert "sk-not-to-be-seen" not in repr(shown)
            assert "sk-not-to-be-seen" not in json.dumps([s.to_dict() for s in shown])
        assert pickle.loads(pickle.dumps(with_spec)) == with_spec
    profile.write_text("stroe = 'x'\n")
    with pytest.raises(aikit.ConfigInvalid, match="stroe"):
        aikit.open(profile=profile)
    with pytest.raises(aikit.ConfigInvalid):
        aikit.open_admin(profile=profile)


def test_wrong_types_are_type_errors(admin: aikit.Admin) -> None:
    calls: list[Any] = [
        lambda: aikit.open_admin(5, actor="x"),  # type: ignore[arg-type]
        lambda: aikit.open_admin("x.db", "ada"),  # type: ignore[call-arg]
        lambda: aikit.open_admin("x.db", who="ada"),  # type: ignore[call-arg]
        lambda: aikit.open_admin(actor="x", profile=5),  # type: ignore[arg-type]
        lambda: aikit.open(profile=b"x"),  # type: ignore[arg-type]
        lambda: admin.create_tenant(None),  # type: ignore[arg-type]
        lambda: admin.create_tenant("a", tags=[]),  # type: ignore[call-arg]
        lambda: admin.create_tenant("a", config=[]),  # type: ignore[arg-type]
        lambda: admin.tenant(5),  # type: ignore[arg-type]
        lambda: admin.tenants("acme"),  # type: ignore[call-arg]
        lambda: admin.configure_tenant("acme", "{}"),  # type: ignore[arg-type]
        lambda: admin.rename_tenant("acme"),  # type: ignore[call-arg]
        lambda: admin.rename_tenant("acme", 5),  # type: ignore[arg-type]
        lambda: admin.move_tenant("acme", b"x"),  # type: ignore[arg-type]
        lambda: admin.suspend_tenant(["acme"]),  # type: ignore[arg-type]
        lambda: admin.grant_read("acme", None),  # type: ignore[arg-type]
        lambda: admin.export_tenant("acme", None),  # type: ignore[arg-type]
        lambda: admin.import_tenant(b"x"),  # type: ignore[arg-type]
        lambda: admin.copy_tenant("acme", 5),  # type: ignore[arg-type]
        lambda: admin.verify_audit(expect=5),  # type: ignore[arg-type]
        lambda: admin.verify_audit(expect=["x"]),  # type: ignore[list-item]
        lambda: admin.prune(1),  # type: ignore[call-arg]
        lambda: admin.backup(5),  # type: ignore[arg-type]
    ]
    for call in calls:
        with pytest.raises(TypeError):
            call()


def test_wrong_values_are_invalid_arguments(
    admin: aikit.Admin, store: Path, kernel: aikit.Kernel
) -> None:
    calls: list[Any] = [
        lambda: aikit.open_admin(store),
        lambda: aikit.open_admin(actor="ada"),
        lambda: aikit.open_admin(store, actor=""),
        lambda: aikit.open_admin(store, actor="x" * 201),
        lambda: aikit.open_admin(store, actor=5),  # type: ignore[arg-type]
        lambda: aikit.open(store, rls="no"),  # type: ignore[arg-type]
        lambda: aikit.open(store, reader=5),  # type: ignore[arg-type]
        lambda: admin.create_tenant("a", kind="cat"),  # type: ignore[arg-type]
        lambda: admin.create_tenant("a", config={"x": {1, 2}}),
        lambda: admin.tenants(limit=0),
        lambda: admin.tenants(limit=1001),
        lambda: admin.tenants(status="asleep"),  # type: ignore[arg-type]
        lambda: admin.move_tenant("acme", "sales"),
        lambda: admin.delete_tenant("acme", children="yes"),  # type: ignore[arg-type]
        lambda: admin.tenant_usage("acme", days=-1),
        lambda: admin.audit_log(after=-1),
        lambda: admin.audit_log(limit=0),
        lambda: admin.verify_audit(expect=[{"seq": 1}]),
        lambda: admin.backup(store),
        lambda: kernel.usage(days=-1),
        lambda: kernel.usage(days=2**32),
        lambda: kernel.usage(days="7"),  # type: ignore[arg-type]
        lambda: kernel.backup(store),
    ]
    for call in calls:
        with pytest.raises(aikit.InvalidArgument):
            call()
    with pytest.raises(aikit.TenantInvalid):
        admin.create_tenant("not a slug")
    with pytest.raises(aikit.ConfigInvalid):
        admin.configure_tenant("acme", {"quota": {}})
    with pytest.raises(aikit.FileNotFound):
        aikit.open(profile=store.parent / "missing.toml")
    with pytest.raises(aikit.InvalidUtf8):
        admin.create_tenant("a\ud800b")
    with pytest.raises(TypeError):
        kernel.config("a")  # type: ignore[arg-type]


def test_a_password_is_never_shown() -> None:
    for opened in (aikit.open, lambda location: aikit.open_admin(location, actor="ada")):
        with pytest.raises(aikit.StoreUnavailable) as caught:
            opened("postgres://ada:s3cret@127.0.0.1:1/db")
        assert "s3cret" not in json.dumps(caught.value.to_dict())


def test_a_closed_admin_says_so(store: Path) -> None:
    admin = aikit.open_admin(store, actor="ada")
    assert repr(admin) == "<aikit.Admin>"
    admin.close()
    admin.close()
    for call in (admin.check, admin.tenants, admin.prune, lambda: admin.tenant("acme")):
        with pytest.raises(aikit.Closed):
            call()


def test_a_forked_child_opens_its_own(python: Script, tmp_path: Path) -> None:
    done = python(
        f"""
import os
import aikit
admin = aikit.open_admin({str(tmp_path / "parent.db")!r}, actor="ada")
if os.fork() == 0:
    for call in (admin.check, admin.close):
        try:
            call()
        except aikit.Forked as error:
            print(error.code)
    with aikit.open_admin({str(tmp_path / "child.db")!r}, actor="ada") as other:
        print(other.check())
    os._exit(0)
os.wait()
print(admin.check())
"""
    )
    assert done.stdout.splitlines() == ["forked", "forked", "[]", "[]"], done.stderr


def test_an_admin_that_nobody_holds_leaves_nothing_open(store: Path) -> None:
    def descriptors() -> set[str]:
        links = (f"/proc/self/fd/{number}" for number in os.listdir("/proc/self/fd"))
        return {os.readlink(link) for link in links if os.path.islink(link)}

    admins = [aikit.open_admin(store, actor="ada") for _ in range(10)]
    assert all(admin.check() == [] for admin in admins)
    assert any("store.db" in name for name in descriptors())
    del admins
    gc.collect()
    assert eventually(lambda: not any("store.db" in name for name in descriptors()))


def test_asyncio_has_the_same_operations(store: Path) -> None:
    async def main() -> None:
        async with await aikit.open_admin_async(store, actor="ada") as admin:
            assert repr(admin) == "<aikit.AsyncAdmin>"
            await admin.create_tenant("acme", kind="org")
            await admin.create_tenant("sales", parent="acme")
            assert (await admin.configure_tenant("sales", {})).config == {}
            assert (await admin.rename_tenant("sales", "S")).name == "S"
            assert (await admin.suspend_tenant("sales")).status == "suspended"
            assert (await admin.resume_tenant("sales")).status == "active"
            assert [t.tenant_id for t in (await admin.tenants(parent="acme")).tenants] == ["sales"]
            await admin.grant_read("sales", "acme")
            assert [grant.reader for grant in await admin.read_grants("sales")] == ["acme"]
            async with await aikit.open_async(store, tenant="sales") as kernel:
                await kernel.specs.save(make_spec())
                assert (await kernel.usage(days=1)).totals.specs == 1
                assert "tenant" in [setting.key for setting in kernel.config()]
                await kernel.backup(store.parent / "kernel.db")
            async with await aikit.open_async(store, tenant="sales", reader="acme") as kernel:
                with pytest.raises(aikit.TenantReadOnly):
                    await kernel.specs.save(make_spec())
            assert await admin.revoke_read("sales", "acme")
            archive = store.parent / "sales.jsonl"
            exported, digest = await asyncio.gather(
                admin.export_tenant("sales", archive), admin.tenant_digest("sales")
            )
            assert exported.tables == digest
            assert (await admin.import_tenant(archive, as_="other")).tenant == "other"
            assert (await admin.copy_tenant("sales", store.parent / "copy.db")).agree
            assert (await admin.move_tenant("sales", None)).parent is None
            assert (await admin.tenant_usage("sales")).totals.specs == 1
            assert (await admin.audit_log(limit=1))[0].object == "acme"
            assert (await admin.verify_audit()).broken is None
            assert await admin.prune() == {}
            await admin.backup(store.parent / "admin.db")
            assert (await admin.delete_tenant("sales", erase=True)).tenants == ("sales",)
            with pytest.raises(aikit.TenantNotFound):
                await admin.tenant("sales")
            assert await admin.check() == []
        with pytest.raises(aikit.Closed):
            await admin.check()

    asyncio.run(main())
