"""The texts that the student learns from, in a fixed order.

WordNet's glosses and the Python documentation: both may be used and changed freely, and both come
as Debian packages (wordnet-base, python3.11-doc), so that everybody can get the same bytes.
"""

import hashlib
import re
from pathlib import Path


def wordnet(folder):
    """One text for each synset: its words, its definition, its examples."""
    for kind in ("noun", "verb", "adj", "adv"):
        for line in (Path(folder) / f"data.{kind}").read_text(encoding="latin-1").splitlines():
            if line.startswith("  "):
                continue
            fields, gloss = line.split(" | ", 1)
            fields = fields.split(" ")
            words = [fields[4 + 2 * i] for i in range(int(fields[3], 16))]
            words = [re.sub(r"\(\w+\)$", "", word).replace("_", " ") for word in words]
            yield ", ".join(words) + ": " + gloss.strip()


def lemmas(folder):
    """The single words of WordNet, lower case, most frequent in its tagged texts first."""
    counts = {}
    for line in (Path(folder) / "cntlist.rev").read_text().splitlines():
        sense, _, count = line.split(" ")
        word = sense.split("%")[0]
        counts[word] = counts.get(word, 0) + int(count)
    for kind in ("noun", "verb", "adj", "adv"):
        for line in (Path(folder) / f"index.{kind}").read_text().splitlines():
            if not line.startswith(" "):
                counts.setdefault(line.split(" ")[0], 0)
    words = [word for word in counts if word.isalpha() and word.isascii()]
    return sorted(words, key=lambda word: (-counts[word], word))


def paragraphs(folder):
    """Paragraphs of prose of reStructuredText files."""
    for path in sorted(Path(folder).rglob("*.txt")):
        for block in re.split(r"\n\s*\n", path.read_text(encoding="utf-8", errors="replace")):
            text = re.sub(r":[\w:+-]+:`[~!]?([^`<]*)[^`]*`", r"\1", block)
            text = re.sub(r"[`*]+", "", " ".join(text.split()))
            prose = sum(c.isalpha() or c == " " for c in text) / max(1, len(text))
            if 80 <= len(text) <= 1200 and prose > 0.9 and not text.startswith((".. ", ">>>")):
                yield text


def shuffled(texts):
    """Every text once, in an order that only the texts decide."""
    return sorted(set(texts), key=lambda text: hashlib.sha256(text.encode()).digest())
