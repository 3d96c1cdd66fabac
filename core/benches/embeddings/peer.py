"""The usual stack on the same texts: sentence-transformers on torch.

    python peer.py MODEL_FOLDER TEXTS_FILE [THREADS]
"""

import sys
import time

import torch
from sentence_transformers import SentenceTransformer

folder, path, *threads = sys.argv[1:]
if threads:
    torch.set_num_threads(int(threads[0]))
texts = open(path, encoding="utf-8").read().splitlines()
model = SentenceTransformer(folder, device="cpu")
model.encode(texts[:64])
best = best_cpu = float("inf")
for _ in range(3):
    start, cpu = time.perf_counter(), time.process_time()
    model.encode(texts, batch_size=32, show_progress_bar=False)
    best, best_cpu = min(best, time.perf_counter() - start), min(best_cpu, time.process_time() - cpu)
print(f"sentence-transformers, batch 32, {torch.get_num_threads()} threads, torch {torch.__version__}: "
      f"{len(texts) / best:.0f} texts/s (best of 3), {best_cpu / len(texts) * 1e6:.0f} us of CPU a text")
