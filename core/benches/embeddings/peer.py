"""The usual Python stack on the same texts: sentence-transformers on torch.

    python peer.py MODEL_FOLDER TEXTS_FILE

For each line on its input it embeds all texts once, and answers with a line: seconds, and seconds of
processor time. Its first line says what it is. It takes as many threads as the process may use cores.
"""

import os
import sys
import time

import torch
from sentence_transformers import SentenceTransformer

folder, path = sys.argv[1:]
torch.set_num_threads(len(os.sched_getaffinity(0)))
with open(path, encoding="utf-8") as file:
    texts = file.read().splitlines()
model = SentenceTransformer(folder, device="cpu")
model.encode(texts[:64])
print(f"sentence-transformers on torch {torch.__version__}, batch 32, {torch.get_num_threads()} threads",
      flush=True)
for _ in sys.stdin:
    start, used = time.perf_counter(), time.process_time()
    model.encode(texts, batch_size=32, show_progress_bar=False)
    print(time.perf_counter() - start, time.process_time() - used, flush=True)
