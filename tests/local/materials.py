#!/usr/bin/env python3
"""Fetches and makes what the tests of the local models need, once, into .cache: the small real
model, models of other families with random weights, and what a real llama.cpp makes of them all.

The tests are `cargo test -p aikit --lib model::local -- --include-ignored`.
"""

from __future__ import annotations

import hashlib
import subprocess
import sys
from pathlib import Path

HERE = Path(__file__).resolve().parent
ROOT = HERE.parents[1]
sys.path.insert(0, str(ROOT / "scripts"))

from small_model import CACHE, Unavailable, small_model


def main() -> None:
    model = small_model()
    folder = CACHE / "local"
    reference = HERE / "reference.py"
    requirements = ROOT / "tests/wire/requirements.txt"
    made_by = hashlib.sha256(reference.read_bytes() + requirements.read_bytes()).hexdigest()
    stamp = folder / "made-by.sha256"
    if stamp.exists() and stamp.read_text() == made_by and (folder / "reference.json").exists():
        return
    print("Asking llama.cpp for what the local models are held to, once: about a minute.",
          file=sys.stderr, flush=True)
    python = subprocess.run([ROOT / "scripts/venv.sh", "wire", requirements], check=True,
                            stdout=subprocess.PIPE, text=True).stdout.strip()
    subprocess.run([python, reference, model, folder], check=True)
    stamp.write_text(made_by)


if __name__ == "__main__":
    try:
        main()
    except (Unavailable, subprocess.CalledProcessError) as error:
        sys.exit(f"the local models cannot be tested: {error}")
