"""Writes two very small sentence models with random weights, and what sentence-transformers makes
of some texts with them, for the tests of ours.

    pip install sentence-transformers
    python tiny_reference.py core/src/model/embedding/testdata
"""

import json
import shutil
import sys
from pathlib import Path

import torch
from safetensors.torch import load_file, save_file
from sentence_transformers import SentenceTransformer, models
from tokenizers import BertWordPieceTokenizer
from transformers import BertConfig, BertModel, BertTokenizerFast

PIECES = """[PAD] [UNK] [CLS] [SEP] [MASK] a b c d e f g h i j k l m n o p q r s t u v w x y z ##a ##b
##c ##d ##e ##f ##g ##h ##i ##j ##k ##l ##m ##n ##o ##p ##q ##r ##s ##t ##u ##v ##w ##x ##y ##z the
cat dog sat on mat ##s ##ing query passage : , . ! ? 1 2 3""".split()
TEXTS = [
    "",
    "cat",
    "The cat sat on the mat.",
    "Dogs, cats? And 123 other 日本 things!",
    " ".join(["the dog sat on a mat and sang"] * 40),
    "query",
    "zebra quartz jukebox",
]


def write(folder, size, heads, wide, layers, pooling, dtype, prompts, limit):
    shutil.rmtree(folder, ignore_errors=True)
    work = folder.with_name(folder.name + ".work")
    work.mkdir(parents=True)
    pieces = list(dict.fromkeys(PIECES))
    (work / "vocab.txt").write_text("\n".join(pieces) + "\n")
    tokenizer = BertTokenizerFast.from_pretrained(str(work), do_lower_case=True)
    tokenizer.save_pretrained(str(work))
    torch.manual_seed(size)
    config = BertConfig(
        vocab_size=len(pieces), hidden_size=size, num_attention_heads=heads, intermediate_size=wide,
        num_hidden_layers=layers, max_position_embeddings=64, initializer_range=0.4,
    )
    bert = BertModel(config, add_pooling_layer=False).eval()
    with torch.no_grad():
        for name, tensor in bert.named_parameters():
            if name.endswith("bias") or "LayerNorm" in name:
                tensor += torch.randn_like(tensor) * 0.3
        bert.to(dtype).float()
    bert.save_pretrained(str(work))
    model = SentenceTransformer(
        modules=[
            models.Transformer(str(work), max_seq_length=limit),
            models.Pooling(size, pooling_mode=pooling),
            models.Normalize(),
        ],
        prompts=prompts, device="cpu",
    )
    model.save(str(folder), create_model_card=False)
    shutil.rmtree(work)
    weights = load_file(str(folder / "model.safetensors"))
    save_file({k: v.to(dtype).contiguous() for k, v in weights.items()}, str(folder / "model.safetensors"))
    (folder / "vocab.txt").write_text("\n".join(pieces) + "\n")
    model = SentenceTransformer(str(folder), device="cpu", model_kwargs={"torch_dtype": torch.float32})
    rows = []
    for prompt in ("query", "document"):
        known = prompts.get(prompt) or ""
        vectors = model.encode([known + text for text in TEXTS], normalize_embeddings=True)
        rows.append([[round(float(x), 6) for x in vector] for vector in vectors])
    (folder / "expected.json").write_text(
        json.dumps({"texts": TEXTS, "query": rows[0], "document": rows[1]}) + "\n")


out = Path(sys.argv[1])
write(out / "tiny-mean", 40, 5, 72, 2, "mean", torch.float32, {}, 48)
write(out / "tiny-cls", 32, 2, 100, 1, "cls", torch.float16, {"query": "query: ", "document": "passage: "}, 64)
# As older folders are: pieces in a list only.
(out / "tiny-cls" / "tokenizer.json").unlink()
