"""Writes a small model of random weights to the file that the argument names.

Its vocabulary has no merges, so that a text has a token for each of its bytes and `converse.py` can
calculate what a prompt has to cost.
"""

import sys

import gguf
import numpy

CONTEXT = 2048
EMBEDDING = 32
FEED_FORWARD = 64
HEADS = 4
# `converse.py` knows this form, too.
CHAT_TEMPLATE = (
    "{% for message in messages %}{{ message.role }}: {{ message.content }}\n{% endfor %}"
    "{% if add_generation_prompt %}assistant: {% endif %}"
)

vocabulary = [
    ("<unk>", gguf.TokenType.UNKNOWN),
    ("<s>", gguf.TokenType.CONTROL),
    ("</s>", gguf.TokenType.CONTROL),
    *((f"<0x{byte:02X}>", gguf.TokenType.BYTE) for byte in range(256)),
    # Without a token of its own a space costs three, because the tokenizer writes it as U+2581.
    *((text, gguf.TokenType.NORMAL) for text in ["\u2581", *map(chr, range(0x21, 0x7F))]),
]

writer = gguf.GGUFWriter(sys.argv[1], "llama")
writer.add_context_length(CONTEXT)
writer.add_embedding_length(EMBEDDING)
writer.add_block_count(1)
writer.add_feed_forward_length(FEED_FORWARD)
writer.add_head_count(HEADS)
writer.add_head_count_kv(HEADS)
writer.add_rope_dimension_count(EMBEDDING // HEADS)
writer.add_layer_norm_rms_eps(1e-5)
writer.add_vocab_size(len(vocabulary))

writer.add_tokenizer_model("llama")
writer.add_tokenizer_pre("default")
writer.add_token_list([text for text, _ in vocabulary])
writer.add_token_types([kind for _, kind in vocabulary])
writer.add_token_scores([0.0] * len(vocabulary))
writer.add_unk_token_id(0)
writer.add_bos_token_id(1)
writer.add_eos_token_id(2)
writer.add_chat_template(CHAT_TEMPLATE)

random = numpy.random.default_rng(seed=1)


def add_random(name, *shape):
    writer.add_tensor(name, random.normal(scale=0.2, size=shape).astype(numpy.float32))


def add_norm(name):
    writer.add_tensor(name, numpy.ones(EMBEDDING, dtype=numpy.float32))


add_random("token_embd.weight", len(vocabulary), EMBEDDING)
add_norm("blk.0.attn_norm.weight")
for part in ("attn_q", "attn_k", "attn_v", "attn_output"):
    add_random(f"blk.0.{part}.weight", EMBEDDING, EMBEDDING)
add_norm("blk.0.ffn_norm.weight")
add_random("blk.0.ffn_gate.weight", FEED_FORWARD, EMBEDDING)
add_random("blk.0.ffn_up.weight", FEED_FORWARD, EMBEDDING)
add_random("blk.0.ffn_down.weight", EMBEDDING, FEED_FORWARD)
add_norm("output_norm.weight")
add_random("output.weight", len(vocabulary), EMBEDDING)

writer.write_header_to_file()
writer.write_kv_data_to_file()
writer.write_tensors_to_file()
writer.close()
