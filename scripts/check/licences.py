#!/usr/bin/env python3
"""Every dependency may be shipped under a licence of the list below; anything else fails."""

import json
import re
import subprocess
import sys

# All of them allow use, change and redistribution without a claim on the program around them.
ALLOWED = {
    "0BSD",
    "Apache-2.0",
    "Apache-2.0 WITH LLVM-exception",
    "BSD-2-Clause",
    "BSD-3-Clause",
    "BSL-1.0",
    "CC0-1.0",
    "ISC",
    "MIT",
    "MIT-0",
    "Unicode-3.0",
    "Unlicense",
    "Zlib",
}

# A licence that is right for one kind of thing only.
ALLOWED_FOR = {
    "MPL-2.0": {"cbindgen"},  # a tool of the tests: it writes aikit.h and is linked into nothing
    "CDLA-Permissive-2.0": {"webpki-root-certs", "webpki-roots"},  # data: the list of root certificates
}


def allowed(licence: str, package: str) -> bool:
    return licence in ALLOWED or package in ALLOWED_FOR.get(licence, set())


def satisfied(expression: str, package: str) -> bool:
    """Whether an SPDX expression can be met: OR binds weaker than AND, and WITH belongs to its
    licence. The old spelling `MIT/Apache-2.0` means OR."""
    tokens = re.findall(r"\(|\)|[A-Za-z0-9.+-]+", expression.replace("/", " OR "))
    position = 0

    def take() -> str:
        nonlocal position
        position += 1
        return tokens[position - 1]

    def peek() -> str | None:
        return tokens[position] if position < len(tokens) else None

    def either() -> bool:
        value = both()
        while peek() == "OR":
            take()
            value = both() or value
        return value

    def both() -> bool:
        value = one()
        while peek() == "AND":
            take()
            value = one() and value
        return value

    def one() -> bool:
        if peek() is None:
            return False
        if peek() == "(":
            take()
            value = either()
            take()
            return value
        licence = take()
        if peek() == "WITH":
            take()
            licence = f"{licence} WITH {take()}"
        return allowed(licence, package)

    return either()


def self_test() -> None:
    for expression, expected in [
        ("MIT", True),
        ("GPL-3.0-only", False),
        ("MIT/Apache-2.0", True),
        ("GPL-3.0-only OR MIT", True),
        ("GPL-3.0-only AND MIT", False),
        ("(MIT OR GPL-3.0-only) AND Unicode-3.0", True),
        ("MIT AND (LGPL-2.1-only OR GPL-3.0-only)", False),
        ("Apache-2.0 WITH LLVM-exception", True),
        ("GPL-2.0-only WITH Classpath-exception-2.0", False),
        ("CDLA-Permissive-2.0", False),
        ("", False),
    ]:
        if satisfied(expression, "some-package") is not expected:
            sys.exit(f"licences: the reader of expressions is wrong about {expression!r}")


def main() -> int:
    self_test()
    command = ["cargo", "metadata", "--format-version", "1", "--locked"]
    done = subprocess.run(command, stdout=subprocess.PIPE)
    if done.returncode:
        sys.exit("licences: cargo cannot read the dependencies; is Cargo.lock up to date?")
    packages = json.loads(done.stdout)["packages"]
    refused = [
        f"{p['name']} {p['version']}: {p['license'] or p['license_file'] or 'no licence'}"
        for p in packages
        if not satisfied(p["license"] or "", p["name"])
    ]
    for line in refused:
        print(f"not an allowed licence: {line}")
    print(f"licences: {len(packages)} packages, {len(refused)} refused")
    return 1 if refused else 0


if __name__ == "__main__":
    sys.exit(main())
