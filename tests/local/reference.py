"""What llama.cpp makes of the models that the tests of the local models use.

    reference.py MODEL FOLDER

MODEL is SmolLM2-135M-Instruct.Q4_1.gguf. Writes small models of other families and formats, with
weights that are random, into FOLDER, asks a real llama.cpp for tokens, templates and greedy
continuations, and writes the answers into FOLDER/reference.json. Needs xllamacpp, gguf and numpy.
"""

from __future__ import annotations

import json
import os
import socket
import subprocess
import sys
import time
import urllib.request
from pathlib import Path

import gguf
import numpy as np
from gguf import GGMLQuantizationType as Kind

TOKENS = 2048
SERVER = """
import sys
from xllamacpp import CommonParams, Server
p = CommonParams()
p.model.path = sys.argv[1]
p.hostnames = ["127.0.0.1"]
p.port = int(sys.argv[2])
p.use_jinja = True
p.fit_params = False
p.n_ctx = 2048
p.n_parallel = 1
p.cpuparams.n_threads = 1
server = Server(p)
sys.stdin.read()
"""

TEXTS = [
    "Hello, world!",
    "",
    " ",
    "  two  spaces   and\ttabs\t\t, then a line\n\n\n and another \r\n end  ",
    "The year 2024 has 366 days; 1234567890 is a number, 3.14159 too.",
    "I'm sure they'll say it's what we've DON'T SHOULD'VE I'D.",
    "Grüße aus Köln: ÄÖÜ ß é ñ ç",
    "日本語のテキスト、中文文本，한국어 텍스트",
    "Привет, мир! Γειά σου Κόσμε. שלום עולם. مرحبا بالعالم",
    "emoji 😀👩‍👩‍👧‍👦🏳️‍🌈 and combining é ạ̈",
    "fn main() { println!(\"{}\", x[0] + 1); } // comment\n    return x;\n",
    "<|im_start|>user\nhi<|im_end|>\n<|im_start|>assistant\n",
    "a<|endoftext|>b <|im_end|>c",
    "\u00a0non\u2003breaking\u200bspaces\ufeff",
    "1/2 ½ ² ٣ Ⅷ x₁",
    "https://example.com/path?query=1&b=%20#frag_ment-x",
    "aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa",
    "{\"name\": \"get_weather\", \"arguments\": {\"city\": \"Paris\"}}",
    "!!!??? ... --- *** ___ '''' \"\"\"\"",
    "control \x01\x02\x7f chars",
    "the quick brown fox jumps over the lazy dog " * 5,
]

PROMPTS = [
    "The capital of France is",
    "<|im_start|>user\nWhat is the capital of Germany?<|im_end|>\n<|im_start|>assistant\n",
    "Once upon a time, there was a little girl who",
    "def fibonacci(n):\n",
    "The three primary colours are red,",
    "<|im_start|>user\nWrite a short poem about the sea.<|im_end|>\n<|im_start|>assistant\n",
    "Water boils at a temperature of",
    "1, 2, 3, 4,",
]

CONVERSATIONS = [
    [{"role": "user", "content": "Hi"}],
    [{"role": "system", "content": "Be brief."}, {"role": "user", "content": "Hi "},
     {"role": "assistant", "content": "Hello!"}, {"role": "user", "content": "Bye\n"}],
]


def weights(kind: Kind, rows: int, cols: int, random: np.random.Generator) -> np.ndarray:
    """A random matrix of a format: quantised by gguf, or bytes with scales that fit."""
    plain = (random.standard_normal((rows, cols)) * (1.2 / np.sqrt(cols))).astype(np.float32)
    if kind == Kind.F32:
        return plain
    if kind not in (Kind.Q4_K, Kind.Q5_K, Kind.Q6_K):
        return gguf.quantize(plain, kind)
    size = {Kind.Q4_K: 144, Kind.Q5_K: 176, Kind.Q6_K: 210}[kind]
    blocks = random.integers(0, 256, (rows * cols // 256, size), dtype=np.uint8)

    def put(at: int, value: float) -> None:
        spread = (value * random.uniform(0.5, 1.5, len(blocks))).astype(np.float16)
        blocks[:, at:at + 2] = spread.view(np.uint8).reshape(-1, 2)

    unit = 1.2 / np.sqrt(cols)
    if kind == Kind.Q6_K:
        put(208, unit / (74 * 18))
    else:
        levels = 15 if kind == Kind.Q4_K else 31
        put(0, unit / (37 * levels * 0.45))
        put(2, unit / (37 * levels * 0.45) * levels / 2)
    return blocks.reshape(rows, -1)


def small(path: Path, source: gguf.GGUFReader, family: str, pre: str, kinds: list[Kind], seed: int,
          *, head: int = 64, spm: bool = False, rope: dict | None = None,
          factors: bool = False, tied: bool = True) -> None:
    """Writes a model of two layers."""
    random = np.random.default_rng(seed)
    writer = gguf.GGUFWriter(path, family)
    width, inner, heads, kv, layers = 256, 512, 4, 2, 2
    writer.add_context_length(1024)
    writer.add_embedding_length(width)
    writer.add_block_count(layers)
    writer.add_feed_forward_length(inner)
    writer.add_head_count(heads)
    writer.add_head_count_kv(kv)
    writer.add_key_length(head)
    writer.add_value_length(head)
    writer.add_rope_dimension_count(head)
    writer.add_rope_freq_base(10000.0)
    writer.add_layer_norm_rms_eps(1e-5)
    for key, value in (rope or {}).items():
        add = {str: writer.add_string, float: writer.add_float32, int: writer.add_uint32}
        add[type(value)](f"{family}.rope.{key}", value)
    count = tokenizer(writer, source, pre, spm)
    number = iter(range(1000))

    def kind() -> Kind:
        return kinds[next(number) % len(kinds)]

    def matrix(name: str, rows: int, cols: int, of: Kind | None = None) -> None:
        of = of or kind()
        data = weights(of, rows, cols, random)
        writer.add_tensor(name, data, raw_dtype=of)

    def vector(name: str, size: int, scale: float, shift: float) -> None:
        data = (random.standard_normal(size) * scale + shift).astype(np.float32)
        writer.add_tensor(name, data)

    matrix("token_embd.weight", count, width, Kind.Q8_0 if tied else Kind.F16)
    for i in range(layers):
        vector(f"blk.{i}.attn_norm.weight", width, 0.1, 1)
        matrix(f"blk.{i}.attn_q.weight", heads * head, width)
        matrix(f"blk.{i}.attn_k.weight", kv * head, width)
        matrix(f"blk.{i}.attn_v.weight", kv * head, width)
        matrix(f"blk.{i}.attn_output.weight", width, heads * head)
        if family == "qwen2":
            vector(f"blk.{i}.attn_q.bias", heads * head, 0.3, 0)
            vector(f"blk.{i}.attn_k.bias", kv * head, 0.3, 0)
            vector(f"blk.{i}.attn_v.bias", kv * head, 0.3, 0)
        if family == "qwen3":
            vector(f"blk.{i}.attn_q_norm.weight", head, 0.2, 1.5)
            vector(f"blk.{i}.attn_k_norm.weight", head, 0.2, 1.5)
        vector(f"blk.{i}.ffn_norm.weight", width, 0.1, 1)
        matrix(f"blk.{i}.ffn_gate.weight", inner, width)
        matrix(f"blk.{i}.ffn_up.weight", inner, width)
        matrix(f"blk.{i}.ffn_down.weight", width, inner)
    vector("output_norm.weight", width, 0.3, 3)
    if not tied:
        matrix("output.weight", count, width, kinds[-1])
    if factors:
        writer.add_tensor("rope_freqs.weight",
                          np.linspace(1, 8, head // 2).astype(np.float32))
    writer.write_header_to_file()
    writer.write_kv_data_to_file()
    writer.write_tensors_to_file()
    writer.close()


def tokenizer(writer: gguf.GGUFWriter, source: gguf.GGUFReader, pre: str, spm: bool) -> int:
    """A part of the real model's vocabulary, or one of Llama 2's kind made of the texts above."""
    if spm:
        tokens, kinds = ["<unk>", "<s>", "</s>"], [2, 3, 3]
        tokens += [f"<0x{i:02X}>" for i in range(256)]
        kinds += [6] * 256
        seen = dict.fromkeys(tokens)
        plain = "\u2581".join(["", *" ".join(TEXTS[:11]).split()])
        for size in (2, 3, 4, 5, 1):
            for at in range(len(plain) - size):
                piece = plain[at:at + size]
                if len(tokens) < 1500 and piece not in seen and (hash_of(piece) % 3 or size == 1):
                    seen[piece] = None
                    tokens.append(piece)
                    kinds.append(1)
        tokens.append("<|im_end|>")
        kinds.append(4)
        writer.add_tokenizer_model("llama")
        writer.add_token_list(tokens)
        writer.add_token_scores([0.0] * 259 + [-float(i) for i in range(len(tokens) - 259)])
        writer.add_token_types(kinds)
        writer.add_bos_token_id(1)
        writer.add_eos_token_id(2)
        writer.add_unk_token_id(0)
        return len(tokens)
    field = lambda name: source.fields[name].contents()
    tokens = field("tokenizer.ggml.tokens")[:TOKENS]
    known = set(tokens)
    merges = [m for m in field("tokenizer.ggml.merges") if m.replace(" ", "") in known]
    writer.add_tokenizer_model("gpt2")
    writer.add_tokenizer_pre(pre)
    writer.add_token_list(tokens)
    writer.add_token_types(field("tokenizer.ggml.token_type")[:TOKENS])
    writer.add_token_merges(merges)
    writer.add_bos_token_id(1)
    writer.add_eos_token_id(2)
    return len(tokens)


def hash_of(text: str) -> int:
    value = 0
    for byte in text.encode():
        value = (value * 31 + byte) % 1_000_003
    return value


class LlamaCpp:
    """A llama.cpp server of one model."""

    def __init__(self, model: Path) -> None:
        with socket.socket() as free:
            free.bind(("127.0.0.1", 0))
            self.port = free.getsockname()[1]
        self.process = subprocess.Popen([sys.executable, "-c", SERVER, str(model), str(self.port)],
                                        stdin=subprocess.PIPE, stdout=subprocess.DEVNULL,
                                        stderr=subprocess.DEVNULL)
        for _ in range(600):
            try:
                self.get("/health")
                return
            except OSError:
                if self.process.poll() is not None:
                    raise SystemExit(f"llama.cpp does not take {model}") from None
                time.sleep(0.1)
        raise SystemExit("llama.cpp does not start")

    def get(self, path: str) -> None:
        urllib.request.urlopen(f"http://127.0.0.1:{self.port}{path}", timeout=5).read()

    def post(self, path: str, body: dict) -> dict:
        request = urllib.request.Request(f"http://127.0.0.1:{self.port}{path}",
                                         json.dumps(body).encode(),
                                         {"Content-Type": "application/json"})
        return json.load(urllib.request.urlopen(request, timeout=600))

    def close(self) -> None:
        self.process.stdin.close()
        self.process.wait(30)


def ask(model: Path, prompts: list[str], length: int) -> dict:
    server = LlamaCpp(model)
    try:
        def tokens(text: str, special: bool) -> list[int]:
            body = {"content": text, "add_special": special, "parse_special": special}
            return server.post("/tokenize", body)["tokens"]

        texts = [{"text": t, "plain": tokens(t, False), "prompt": tokens(t, True)} for t in TEXTS]
        runs = []
        for prompt in prompts:
            given = tokens(prompt, True)
            answer = server.post("/completion", {
                "prompt": given, "n_predict": length, "temperature": 0, "return_tokens": True,
                "cache_prompt": False, "n_probs": 1, "ignore_eos": True,
            })
            # Where a token is a part of a character, llama.cpp gives fewer entries than tokens.
            chances = [entry["logprob"] for entry in answer["completion_probabilities"]]
            if len(chances) != len(answer["tokens"]):
                chances = []
            runs.append({"prompt": given, "tokens": answer["tokens"], "logprobs": chances})
        chats = []
        for messages in CONVERSATIONS:
            answer = server.post("/apply-template", {"messages": messages})
            chats.append({"messages": messages, "prompt": answer["prompt"]})
        return {"model": model.name, "texts": texts, "runs": runs, "chats": chats}
    finally:
        server.close()


def main() -> None:
    real, folder = Path(sys.argv[1]), Path(sys.argv[2])
    folder.mkdir(parents=True, exist_ok=True)
    source = gguf.GGUFReader(real)
    yarn = {"scaling.type": "yarn", "scaling.factor": 4.0, "scaling.original_context_length": 256}
    models = {
        "llama-k.gguf": dict(family="llama", pre="llama-bpe", kinds=[Kind.Q4_K, Kind.Q6_K],
                             factors=True, tied=False),
        "qwen2-5bit.gguf": dict(family="qwen2", pre="qwen2", kinds=[Kind.Q5_0, Kind.Q5_1, Kind.Q5_K],
                                rope=yarn),
        "qwen3-mixed.gguf": dict(family="qwen3", pre="qwen2", kinds=[Kind.Q8_0, Kind.Q4_0, Kind.Q4_1],
                                 head=128),
        "llama-float.gguf": dict(family="llama", pre="", kinds=[Kind.F16, Kind.BF16, Kind.F32],
                                 spm=True, rope={"scaling.type": "linear", "scaling.factor": 2.0},
                                 tied=False),
        "llama-gpt2.gguf": dict(family="llama", pre="gpt-2", kinds=[Kind.Q8_0]),
    }
    answers = []
    for seed, (name, options) in enumerate(models.items()):
        small(folder / name, source, seed=seed, **options)
        answers.append(ask(folder / name, PROMPTS[:4], 48))
    answers.append(ask(real, PROMPTS, 64))
    target = folder / "reference.json"
    target.with_suffix(".tmp").write_text(json.dumps(answers))
    os.replace(target.with_suffix(".tmp"), target)


if __name__ == "__main__":
    main()
