"""Agents for the tests: small specs, the handbook example, and its host tool."""

from __future__ import annotations

import json
from typing import Any

import aikit
from conftest import ROOT

QUESTION = "How many days of leave do I have left, and how many may I carry over?"


def spec(model: str, **intelligence: Any) -> aikit.Spec:
    """A spec with nothing but a model."""
    return aikit.parse_spec(json.dumps({
        "identity": {"agent_id": "wire"},
        "integration": {"tools": []},
        "intelligence": {"model": f"openai/{model}", **intelligence},
    }))


def handbook_kernel(providers: dict[str, dict[str, str]]) -> aikit.Kernel:
    """A kernel with the documents and the tool of examples/specs/handbook.yaml."""
    kernel = aikit.open(providers=providers)

    @kernel.tool
    def leave_balance(employee: str) -> dict[str, Any]:
        """Days of annual leave that an employee has left this year."""
        return {"employee": employee, "days": 12}

    kernel.collection("handbook").ingest(str(ROOT / "examples" / "handbook"))
    return kernel
