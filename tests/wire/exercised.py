"""What was exercised for each provider, and against what: the table of docs/providers.md.

A test says it with `@exercises("anthropic", "tools", against="aimock")`, or with the fixture
`exercise` when it is one of many. Only what passed counts. When all tests of the folder have run, the
table has to be the one in the repository; `BLESS=1` writes it.
"""

from __future__ import annotations

from collections import defaultdict
from pathlib import Path

PAGE = Path(__file__).resolve().parents[2] / "docs" / "providers.md"
BEGIN = "<!-- exercised: begin, written by the tests in tests/wire -->"
END = "<!-- exercised: end -->"

FEATURES = (
    "text", "stream", "tools", "parallel tools", "structured", "images", "reasoning", "usage", "errors",
    "faults", "embeddings",
)  # fmt: skip

Exercised = dict[str, dict[str, set[str]]]


def collected() -> Exercised:
    return defaultdict(lambda: defaultdict(set))


def table(exercised: Exercised) -> str:
    """Rows are providers, columns what was exercised; a cell names what answered."""
    counterparts = sorted({who for row in exercised.values() for cell in row.values() for who in cell})
    letters = {who: chr(ord("a") + i) for i, who in enumerate(counterparts)}
    lines = [
        "| provider | " + " | ".join(FEATURES) + " |",
        "|---" * (len(FEATURES) + 1) + "|",
    ]
    for provider in sorted(exercised):
        row = exercised[provider]
        cells = ["".join(sorted(letters[who] for who in row.get(feature, ()))) for feature in FEATURES]
        lines.append(f"| {provider} | " + " | ".join(cells) + " |")
    lines.append("")
    lines += [f"- {letter}: {who}" for who, letter in letters.items()]
    return "\n".join(lines)


def difference(exercised: Exercised) -> str | None:
    """How the page differs from what was exercised; `None` when it does not."""
    page = PAGE.read_text("utf-8")
    before, _, rest = page.partition(BEGIN)
    stands, _, after = rest.partition(END)
    wanted = f"\n\n{table(exercised)}\n\n"
    if stands == wanted:
        return None
    import os

    if os.environ.get("BLESS"):
        PAGE.write_text(before + BEGIN + wanted + END + after, "utf-8")
        return None
    return f"docs/providers.md is not what was exercised (BLESS=1 writes it):\n{wanted}"
