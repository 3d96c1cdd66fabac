#!/usr/bin/env python3
"""Makes the golden database of the version that the installed Python package of aikit writes.

    make.py vN.db          also writes vN.json: what the package gives back of it

Every table gets rows of two tenants, with every state that a spec, a document and a run can have.
"""

import json
import sys
import tempfile
from pathlib import Path

import aikit

TENANTS = ("acme", "globex")
EMBEDDING = "scripted/words"
QUERIES = ("leave", "carry over", "umlaut größe", "nothing of the kind")


def spec(agent, version, extra=""):
    return aikit.parse_spec(
        f"# {agent} of the golden database\n"
        f"identity: {{agent_id: {agent}, version: {version}, name: The {agent}, "
        f"description: 'Answers as {version}, größer', tags: [golden, {agent}]}}\n"
        "intelligence:\n  model: scripted/golden\n  script:\n"
        + (extra or f"    - text: I am {version}\n")
    )


def fill(location, tenant):
    kernel = aikit.open(location, tenant=tenant, actor=f"ada of {tenant}")
    specs = kernel.specs
    # Every state, and every kind of change.
    for version in ("1.0.0", "1.1.0", "2.0.0-rc.1", "2.0.0"):
        specs.save(spec("clerk", version), why="first")
    specs.promote("clerk@1.0.0", why="tried it")
    specs.promote("clerk@1.1.0", by="grace")
    specs.retire("clerk@1.0.0")
    specs.save(spec("gone", "0.1.0"))
    specs.delete("gone@0.1.0", why="a mistake")
    draft = specs.save(spec("draft", "0.1.0"))
    specs.save(spec("draft", "0.1.0", "    - text: another\n"), replaces=draft.hash)
    old = spec("old", "1.0.0")
    specs.save(old)
    specs.promote("old@1.0.0")
    specs.deprecate("old@1.0.0", sunset="2027-01-31", successor="clerk@1.1.0")
    with tempfile.TemporaryDirectory() as folder:
        other = aikit.open(str(Path(folder) / "other.db"), tenant=tenant)
        other.specs.save(spec("guest", "3.0.0"), by="linus")
        specs.import_(other.specs.export())
        other.close()
        docs = Path(folder) / "docs"
        docs.mkdir()
        long = "\n\n".join(
            f"## Part {i}\n\nWhat {tenant} says of leave, part {i}. " + "Words follow. " * 20
            for i in range(5)
        )
        (docs / "leave.md").write_text(
            f"# Leave at {tenant}\n\nYou may carry over five days.\n\n{long}\n"
        )
        (docs / "travel.md").write_text(
            f"# Travel\n\nTrains first. Größe and Umlaut. {tenant} pays.\n"
        )
        (docs / "empty.txt").write_text("\n")
        kernel.collection("handbook").ingest(docs, embedding_model=EMBEDDING)
        (docs / "travel.md").write_text(
            f"# Travel\n\nTrains only now. Größe and Umlaut. {tenant} pays.\n"
        )
        kernel.collection("handbook").ingest(docs, embedding_model=EMBEDDING)
        kernel.collection("plain").ingest(docs / "leave.md")
    good = "    - {text: 'Let me see. ', tool_calls: [{name: calculator, arguments: {expression: 6*7}}]}\n    - text: It is {{tool.calculator}}.\n"
    agent = kernel.agent(
        aikit.parse_spec(
            spec("runner", "1.0.0", good).text + "integration: {tools: [calculator]}\n"
        )
    )
    agent.run("What is it?", run_id="finished")
    bad = "    - error: {code: model_refused, message: I will not}\n"
    try:
        kernel.agent(spec("refuser", "1.0.0", bad)).run("Will you?", run_id="failed")
    except aikit.ModelRefused:
        pass
    slow = "    - {deltas: [one, two, three], delay_ms: 50}\n"
    run = kernel.agent(spec("slow", "1.0.0", slow)).start("Count.", run_id="cancelled")
    for event in run:
        if event.type == "text_delta":
            run.cancel()
    run.result()
    kernel.close()


def plain(value):
    return value.to_dict() if hasattr(value, "to_dict") else value


def record(location, tenant):
    """Everything of a tenant, through the public surface; scores of searches may be tuned."""
    kernel = aikit.open(location, tenant=tenant)
    specs = [
        plain(kernel.specs.get(f"{r.agent_id}@{r.version}"))
        for r in kernel.specs.list(limit=500).specs
    ]
    agents = sorted({s["agent_id"] for s in specs} | {"gone"})

    def found(collection, **options):
        return {
            query: [{k: plain(p)[k] for k in ("source", "title", "text", "chunk", "start_line")}
                    for p in collection.search(query, top_k=50, **options)]
            for query in QUERIES
        }  # fmt: skip

    out = {
        "specs": specs,
        "history": {agent: [plain(e) for e in kernel.specs.history(agent)] for agent in agents},
        "documents": {
            c: [plain(d) for d in kernel.collection(c).documents()] for c in ("handbook", "plain")
        },
        "words": {c: found(kernel.collection(c)) for c in ("handbook", "plain")},
        "meaning": {"handbook": found(kernel.collection("handbook"), embedding_model=EMBEDDING)},
        "runs": {
            r: [plain(e) for e in kernel.run_events(r)] for r in ("finished", "failed", "cancelled")
        },
    }
    kernel.close()
    return out


def lines(value, depth=0):
    """JSON with a line for each small value, so that a difference can be read."""
    flat = json.dumps(value, ensure_ascii=False, sort_keys=True)
    if depth > 3 or not value or not isinstance(value, (dict, list)) or len(flat) < 100:
        return flat
    pad = " " * (depth + 1)
    if isinstance(value, dict):
        inner = [f"{pad}{json.dumps(k)}: {lines(v, depth + 1)}" for k, v in sorted(value.items())]
        return "{\n" + ",\n".join(inner) + "\n" + " " * depth + "}"
    return "[\n" + ",\n".join(pad + lines(v, depth + 1) for v in value) + "\n" + " " * depth + "]"


def main():
    path = Path(sys.argv[1])
    if path.exists():
        sys.exit(f"{path} is there already: a golden file is made once")
    for tenant in TENANTS:
        fill(str(path), tenant)
    known = {tenant: record(str(path), tenant) for tenant in TENANTS}
    path.with_suffix(".json").write_text(lines(known) + "\n", encoding="utf-8")


if __name__ == "__main__":
    main()
