"""llama.cpp beside us: llama_cpp.py MODEL THREADS; each line of standard input is a prompt, and is
answered with one line of JSON. Needs xllamacpp."""

import json
import os
import socket
import sys
import time
import urllib.request

from xllamacpp import CommonParams, Server

with socket.socket() as free:
    free.bind(("127.0.0.1", 0))
    port = free.getsockname()[1]
p = CommonParams()
p.model.path = sys.argv[1]
p.hostnames = ["127.0.0.1"]
p.port = port
p.use_jinja = True
p.fit_params = False
p.n_ctx = 8192
p.n_parallel = 1
p.cpuparams.n_threads = int(sys.argv[2])
p.cpuparams_batch.n_threads = int(sys.argv[2])
out = os.dup(1)
os.dup2(2, 1)
server = Server(p)


def post(path, body):
    request = urllib.request.Request(f"http://127.0.0.1:{port}{path}", json.dumps(body).encode(),
                                     {"Content-Type": "application/json"})
    return json.load(urllib.request.urlopen(request, timeout=600))


for line in sys.stdin:
    asked = json.loads(line)
    prompt = post("/apply-template", {"messages": [{"role": "user", "content": asked["prompt"]}]})

    def run(count):
        cpu, wall = time.process_time(), time.perf_counter()
        answer = post("/completion", {"prompt": prompt["prompt"], "n_predict": count, "top_k": 1,
                                      "temperature": 0, "cache_prompt": True})
        wall, cpu = time.perf_counter() - wall, time.process_time() - cpu
        return answer["tokens_evaluated"], answer["tokens_predicted"], wall, cpu

    read = run(1)
    # The second time all but its last token is in the cache: what it takes is the answer.
    whole = run(asked["tokens"])
    answer = {"prompt_tokens": read[0], "prompt_wall": read[2], "prompt_cpu": read[3],
              "tokens": whole[1], "wall": whole[2], "cpu": whole[3]}
    os.write(out, (json.dumps(answer) + "\n").encode())
