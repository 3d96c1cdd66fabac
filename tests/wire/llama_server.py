"""Serves a GGUF file with llama.cpp until standard input is closed: llama_server.py FILE PORT"""

import sys

from xllamacpp import CommonParams, Server, llama_pooling_type

parameters = CommonParams()
parameters.model.path = sys.argv[1]
parameters.hostnames = ["127.0.0.1"]
parameters.port = int(sys.argv[2])
parameters.use_jinja = True
parameters.fit_params = False
parameters.n_ctx = 8192
parameters.n_parallel = 1
# Of the same model: what it is at the end of a text, averaged.
parameters.embedding = True
parameters.pooling_type = llama_pooling_type.LLAMA_POOLING_TYPE_MEAN
# One thread: threads of llama.cpp wait for each other in loops, which is slow on a busy machine.
parameters.cpuparams.n_threads = 1

server = Server(parameters)
sys.stdin.read()
