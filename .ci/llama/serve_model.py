"""Serves the model file that the argument names: llama.cpp's own HTTP server, on a free port of the
loopback address. Writes its base URL once it listens, and serves until it is ended.
"""

import signal
import sys

import xllamacpp

params = xllamacpp.CommonParams()
params.model.path = sys.argv[1]
params.n_ctx = 2048
params.n_parallel = 1
params.ctx_shift = False
params.cpuparams.n_threads = 1
params.verbosity = 2  # warnings and errors
params.sampling.seed = 1
# Without this a random model ends one reply in some hundreds before its first word.
params.sampling.ignore_eos = True

# The server stops when the variable is gone.
server = xllamacpp.Server(params)
print(server.listening_address, flush=True)
signal.pause()
