"""The teacher in numpy: a BERT sentence model read from its folder, and its WordPiece.

Written from the description of the model, not for speed: it is also what the embedder in Rust is
compared with.
"""

import json
import math
import mmap
import unicodedata
from pathlib import Path

import numpy as np


def tensors(path):
    """The tensors of a safetensors file, float32."""
    with open(path, "rb") as file:
        data = mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ)
    head = 8 + int.from_bytes(data[:8], "little")
    kinds = {"F32": np.float32, "F16": np.float16}
    found = {}
    for name, entry in json.loads(data[8:head]).items():
        if name == "__metadata__" or entry["dtype"] not in kinds:
            continue
        begin, end = entry["data_offsets"]
        raw = np.frombuffer(data[head + begin : head + end], kinds[entry["dtype"]])
        found[name] = raw.reshape(entry["shape"]).astype(np.float32)
    return found


# Abramowitz and Stegun 7.1.26: off by 1.5e-7 at most.
_ERF = [0.254829592, -0.284496736, 1.421413741, -1.453152027, 1.061405429]


def gelu(x):
    """x * Phi(x), in place, row blocks that stay in the cache."""
    for at in range(0, len(x), 64):
        block = x[at : at + 64]
        z = np.abs(block) * np.float32(math.sqrt(0.5))
        t = 1 / (1 + np.float32(0.3275911) * z)
        poly = np.full_like(t, _ERF[4])
        for c in _ERF[3::-1]:
            poly *= t
            poly += np.float32(c)
        poly *= t
        np.multiply(z, z, out=z)
        np.negative(z, out=z)
        np.exp(z, out=z)
        tail = poly * z * np.float32(0.5)
        block *= np.where(block > 0, 1 - tail, tail)
    return x


def norm(x, weight, bias, eps):
    x -= x.mean(-1, keepdims=True)
    x *= 1 / np.sqrt((x * x).mean(-1, keepdims=True) + np.float32(eps))
    x *= weight
    x += bias
    return x


class WordPiece:
    """The uncased tokenizer of BERT: clean, lower, strip accents, split, longest match."""

    def __init__(self, vocab):
        self.tokens = vocab
        self.ids = {token: i for i, token in enumerate(vocab)}
        self.cache = {}

    @staticmethod
    def words(text):
        out = []
        for c in text:
            code = ord(c)
            kind = unicodedata.category(c)
            if c in " \t\n\r" or kind == "Zs":
                out.append(" ")
            elif code == 0 or code == 0xFFFD or kind in ("Cc", "Cf", "Co", "Cs"):
                continue
            elif (
                0x4E00 <= code <= 0x9FFF or 0x3400 <= code <= 0x4DBF
                or 0x20000 <= code <= 0x2A6DF or 0x2A700 <= code <= 0x2B73F
                or 0x2B740 <= code <= 0x2B81F or 0x2B920 <= code <= 0x2CEAF
                or 0xF900 <= code <= 0xFAFF or 0x2F800 <= code <= 0x2FA1F
            ):
                out.append(f" {c} ")
            else:
                out.append(c)
        text = "".join(out)
        if not text.isascii():
            text = unicodedata.normalize("NFD", text)
            text = "".join(c for c in text if unicodedata.category(c) != "Mn")
        text = "".join(c.lower() for c in text)
        out = []
        for c in text:
            code = ord(c)
            mark = (
                33 <= code <= 47 or 58 <= code <= 64 or 91 <= code <= 96 or 123 <= code <= 126
                or unicodedata.category(c).startswith("P")
            )
            out.append(f" {c} " if mark else c)
        return "".join(out).split()

    def word(self, word):
        """The pieces of one word, or the unknown token."""
        found = self.cache.get(word)
        if found is not None:
            return found
        pieces, at = [], 0
        while at < len(word):
            for end in range(len(word), at, -1):
                piece = word[at:end] if at == 0 else "##" + word[at:end]
                if piece in self.ids:
                    pieces.append(self.ids[piece])
                    at = end
                    break
            else:
                pieces = None
                break
        if pieces is None or len(word) > 100:
            pieces = [self.ids["[UNK]"]]
        self.cache[word] = pieces
        return pieces

    def __call__(self, text):
        return [piece for word in self.words(text) for piece in self.word(word)]


class Bert:
    """Sentences to vectors of length 1, mean pooling."""

    def __init__(self, folder, max_tokens=256):
        folder = Path(folder)
        self.config = json.loads((folder / "config.json").read_text())
        vocab = (folder / "vocab.txt").read_text(encoding="utf-8").split("\n")
        self.tokenizer = WordPiece(vocab[: self.config["vocab_size"]])
        self.max_tokens = max_tokens
        t = tensors(folder / "model.safetensors")
        self.words = t["embeddings.word_embeddings.weight"]
        self.places = t["embeddings.position_embeddings.weight"] + t["embeddings.token_type_embeddings.weight"][0]
        self.norm = t["embeddings.LayerNorm.weight"], t["embeddings.LayerNorm.bias"]
        self.layers = []
        for i in range(self.config["num_hidden_layers"]):
            def part(name):
                name = f"encoder.layer.{i}.{name}"
                return t[name + ".weight"], t[name + ".bias"]

            q, k, v = (part(f"attention.self.{n}") for n in ("query", "key", "value"))
            qkv = np.ascontiguousarray(np.concatenate([q[0], k[0], v[0]]).T), np.concatenate([q[1], k[1], v[1]])

            def dense(name):
                w, b = part(name)
                return np.ascontiguousarray(w.T), b

            self.layers.append((
                qkv, dense("attention.output.dense"), part("attention.output.LayerNorm"),
                dense("intermediate.dense"), dense("output.dense"), part("output.LayerNorm"),
            ))

    def hidden(self, ids):
        """The last layer for rows of equal length, shape (rows, tokens, size)."""
        eps = self.config["layer_norm_eps"]
        heads = self.config["num_attention_heads"]
        n, length = ids.shape
        x = self.words[ids] + self.places[:length]
        size = x.shape[-1]
        x = norm(x.reshape(n * length, size), *self.norm, eps)
        for (wqkv, bqkv), (wo, bo), n1, (w1, b1), (w2, b2), n2 in self.layers:
            qkv = x @ wqkv
            qkv += bqkv
            q, k, v = qkv.reshape(n, length, 3, heads, size // heads).transpose(2, 0, 3, 1, 4)
            s = np.matmul(q, k.swapaxes(-1, -2))
            s *= np.float32(1 / math.sqrt(size // heads))
            s -= s.max(-1, keepdims=True)
            np.exp(s, out=s)
            s /= s.sum(-1, keepdims=True)
            a = np.matmul(s, v).transpose(0, 2, 1, 3).reshape(n * length, size)
            a = a @ wo
            a += bo
            x = norm(x + a, *n1, eps)
            h = x @ w1
            h += b1
            gelu(h)
            h = h @ w2
            h += b2
            x = norm(x + h, *n2, eps)
        return x.reshape(n, length, size)

    def embed_ids(self, sequences, tokens_per_batch=2048, report=None):
        """Vectors of token sequences (without the special tokens), in order."""
        cls, sep = self.tokenizer.ids["[CLS]"], self.tokenizer.ids["[SEP]"]
        room = self.max_tokens - 2
        order = sorted(range(len(sequences)), key=lambda i: min(len(sequences[i]), room))
        out = np.zeros((len(sequences), self.words.shape[1]), np.float32)
        at = 0
        while at < len(order):
            length = min(len(sequences[order[at]]), room)
            end = at
            limit = max(1, tokens_per_batch // (length + 2))
            while end < len(order) and end - at < limit and min(len(sequences[order[end]]), room) == length:
                end += 1
            rows = order[at:end]
            ids = np.array([[cls, *sequences[i][:room], sep] for i in rows])
            out[rows] = self.hidden(ids).mean(1)
            at = end
            if report:
                report(at, len(order))
        out /= np.linalg.norm(out, axis=1, keepdims=True)
        return out

    def embed(self, texts, **kw):
        return self.embed_ids([self.tokenizer(text) for text in texts], **kw)
