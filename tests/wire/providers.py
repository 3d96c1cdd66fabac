"""The providers of the table, as the stand-in serves them."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from servers import API_KEY, Server

AIMOCK = "aimock 1.43.0, a third party's stand-in for the providers' APIs"
LLAMA = "a real llama.cpp server (xllamacpp) with SmolLM2-135M-Instruct"

BEHIND_RELAY = f"{AIMOCK}, behind a relay of ours that asks it for each text of a batch"
LLMOCK = "llmock 0.2.2, another one of a third party, which breaks what it serves and judges who asks"

Exercise = Callable[[str, str, str], None]
"""Notes what a test exercises: the provider, a column of the table, and against what."""


@dataclass(frozen=True)
class Provider:
    """A provider as the stand-in serves it."""

    name: str
    path: str = "/v1"
    """What of the address stands in front of the path that the provider's documents have."""
    settings: tuple[tuple[str, str], ...] = ()
    reasoning: bool = True
    """Whether the stand-in lets it think, apart from what it says."""
    counts: bool = True
    """Whether the stand-in counts without being asked, as this provider does."""

    def config(self, server: Server, key: str = API_KEY) -> dict[str, dict[str, str]]:
        base = {"base_url": server.root + self.path, "api_key": key}
        return {self.name: base | dict(self.settings)}


PROVIDERS = [
    Provider("openai"),
    Provider("openai_responses"),
    Provider("anthropic", ""),
    Provider("gemini", ""),
    Provider("cohere", "", reasoning=False),
    Provider("mistral", counts=False),
    Provider("deepseek"),
    Provider("groq"),
    Provider("xai"),
    Provider("openrouter", "/api/v1"),
    Provider("azure", "", (("api_version", "2024-10-21"),)),
    Provider("ollama", ""),
    Provider("of-my-own"),
]

EMBEDDERS = [
    provider for provider in PROVIDERS if provider.name not in ("anthropic", "deepseek", "groq", "xai")
]  # fmt: skip
"""Those that have embeddings."""

WIRES = [
    provider for provider in PROVIDERS
    if provider.name in ("openai", "openai_responses", "anthropic", "gemini", "cohere")
]  # fmt: skip
"""One provider of each protocol: the others speak the first one."""
