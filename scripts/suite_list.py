"""What `make build`, `make check`, `make test` and `make demo` consist of."""

from dataclasses import dataclass, field
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent


@dataclass(frozen=True)
class Suite:
    """A command and how its tests are counted (a key of COUNTS in suites.py, or None: as one)."""

    name: str
    command: str
    counts: str | None = None
    minutes: float = 20


@dataclass(frozen=True)
class Example:
    """The handbook example in one language."""

    language: str
    source: str
    command: tuple[str, ...]
    environment: dict[str, str] = field(default_factory=dict)


# One profile, one feature set, one target folder: whatever comes after the first line is
# incremental, or only moves files into place.
BUILD = [
    Suite("build", "cargo build --workspace --lib --bins --examples", minutes=30),
    Suite("build-lua", "scripts/build-lua.sh 5.1 luajit 5.4", minutes=30),
    Suite("build-node", "bindings/node/build.sh"),
    Suite("build-python", "scripts/build-python.sh"),
    Suite("build-c", "scripts/build-c.sh"),
]


def lua(module: str, program: str, name: str = "", specs: str = "bindings/lua/spec") -> Suite:
    return Suite(
        f"lua-{name or module}",
        f"LUA_CPATH='target/lua/{module}/?.so;;' LUA_PATH='bindings/lua/spec/?.lua;;' "
        f"busted --lua=$(command -v {program}) --output=plainTerminal {specs}",
        "busted",
    )


def python(environment: str, requirements: str, arguments: str) -> str:
    """A command for the interpreter of one of the test environments."""
    return f"python=$(scripts/venv.sh {environment} {requirements}) && $python {arguments}"


def node(name: str, tests: str) -> Suite:
    return Suite(
        name,
        f"cd bindings/node && npm ci --silent --no-audit --no-fund && node --test {tests}",
        "node",
    )


CHECK = [
    Suite("format", "cargo fmt --all --check"),
    Suite("lints", "cargo clippy --workspace --all-targets --keep-going -- -D warnings", minutes=30),
    Suite("licences", "scripts/check/licences.py"),
    Suite("duplicates", "scripts/check/duplicates.py"),
    Suite("versions", "scripts/check/versions.py"),
    Suite("house", "scripts/check/house.py"),
    Suite("runner", "scripts/test_suites.py", "unittest"),
    # What describes the code for others and must not drift from it: rooms, reference pages, header,
    # type declarations. They speak of what is built.
    *BUILD,
    Suite("layers", "cargo test --workspace --test layers --test reference", "cargo", minutes=30),
    Suite("header", "cargo test --workspace --test abi header::", "cargo", minutes=30),
    lua("5.4", "lua5.4", name="types", specs="bindings/lua/spec/types_spec.lua"),
    node("node-types", "test/surface.test.mjs"),
    Suite(
        "python-types",
        python(
            "python",
            "bindings/python/requirements-dev.txt",
            "-m pytest -q bindings/python/tests/test_typing.py",
        ),
        "pytest",
    ),
]

CONFORMANCE = [
    Suite(
        "conformance",
        python("conformance", "tests/conformance/requirements.txt", "tests/conformance/run.py"),
        "plain",
    ),
    Suite(
        "conformance-postgres",
        python("conformance", "tests/conformance/requirements.txt", "tests/conformance/run.py --postgres"),
        "plain",
    ),
]


def isolation(seconds: int, more: str = "") -> Suite:
    """The proof that tenants are apart; so long the pool is pulled about, in each way in."""
    program = f"tests/isolation/run.py --seconds {seconds} {more}".rstrip()
    command = python("isolation", "tests/isolation/requirements.txt", program)
    return Suite("isolation", command, "plain", minutes=45)


TEST = [
    *BUILD,
    # What is marked as ignored needs the models that are fetched and made first.
    Suite(
        "rust",
        "tests/local/materials.py && cargo test --workspace --no-fail-fast -- --include-ignored",
        "cargo",
        minutes=30,
    ),
    # The suites of the store, of specs and of runs once more, on the other back end.
    Suite(
        "rust-postgres",
        "tests/postgres/server.py --no-fsync run -- cargo test --workspace --no-fail-fast "
        "--features aikit/postgres-tests,aikit-cli/postgres-tests "
        "--lib --test specs --test agent --test store_faults --test postgres "
        "-- --skip model::local::",
        "cargo",
        minutes=30,
    ),
    Suite(
        "postgres-harness",
        "python3 -m unittest discover --start-directory tests/postgres",
        "unittest",
    ),
    # One server is half of it; `make isolation` takes both, and holds the page that it writes.
    isolation(5, "--version 18"),
    Suite("durability-kill", "tests/durability/kill.py", "plain"),
    Suite("durability-faults", "tests/durability/faults.py", "plain"),
    Suite(
        "durability-kill-postgres",
        "tests/postgres/server.py run -- tests/durability/kill.py --postgres --seconds 60",
        "plain",
    ),
    Suite(
        "durability-faults-postgres",
        "tests/postgres/server.py run -- tests/durability/faults_postgres.py --points 6 --seed 7",
        "plain",
    ),
    lua("5.4", "lua5.4"),
    lua("luajit", "luajit"),
    node("node", "test/*.test.mjs"),
    Suite(
        "python",
        python("python", "bindings/python/requirements-dev.txt", "-m pytest -q bindings/python"),
        "pytest",
    ),
    Suite(
        "conformance-runner",
        python(
            "conformance",
            "tests/conformance/requirements.txt",
            "-m unittest discover --start-directory tests/conformance",
        ),
        "unittest",
    ),
    *CONFORMANCE,
    Suite(
        "lifecycle-runner",
        python(
            "lifecycle",
            "tests/lifecycle/requirements.txt",
            "-m unittest discover --start-directory tests/lifecycle",
        ),
        "unittest",
    ),
    Suite(
        "lifecycle",
        python("lifecycle", "tests/lifecycle/requirements.txt", "tests/lifecycle/run.py"),
        "plain",
    ),
    Suite("wire", python("wire", "tests/wire/requirements.txt", "-m pytest -q tests/wire"), "pytest"),
    Suite("packages", "tests/packaging/run.py", "plain", minutes=30),
    Suite("readme", "tests/readme/run.py", "plain"),
    Suite("demo", "scripts/demo.py --no-build"),
    # Builds in a folder of its own, so it can stand anywhere; last, since it asks for time, not tests.
    Suite("fuzz", "scripts/fuzz.py --seconds 60", minutes=30),
]

SUITES = {
    "build": BUILD,
    "check": CHECK,
    "test": TEST,
    "conformance": [*BUILD, *CONFORMANCE],
    "isolation": [BUILD[0], isolation(60)],
}

EXAMPLES = [
    Example("Rust", "core/examples/handbook.rs", ("target/debug/examples/handbook",)),
    Example("C", "examples/c/handbook.c", ("target/examples/c/handbook",)),
    Example("C++", "examples/cpp/handbook.cpp", ("target/examples/cpp/handbook",)),
    Example(
        "Lua 5.4",
        "examples/lua/handbook.lua",
        ("lua5.4", "examples/lua/handbook.lua"),
        {"LUA_CPATH": "target/lua/5.4/?.so"},
    ),
    Example(
        "LuaJIT",
        "examples/lua/handbook.lua",
        ("luajit", "examples/lua/handbook.lua"),
        {"LUA_CPATH": "target/lua/luajit/?.so"},
    ),
    Example("Node", "examples/node/handbook.mjs", ("node", "examples/node/handbook.mjs")),
    Example(
        "Python",
        "examples/python/handbook.py",
        ("python3", "examples/python/handbook.py"),
        {"PYTHONPATH": "bindings/python"},
    ),
    Example(
        "Python asyncio",
        "examples/python/handbook_async.py",
        ("python3", "examples/python/handbook_async.py"),
        {"PYTHONPATH": "bindings/python"},
    ),
]
