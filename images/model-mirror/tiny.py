"""Makes a language model of half a megabyte that loads at once and recites the alphabet for as long as it may.

    tiny.py FILE                 the model that recites
    tiny.py FILE embedding       the same weights as a model that embeds: it has a vector for a text, and no words

The file is GGUF version 3 (https://github.com/ggml-org/ggml/blob/master/docs/gguf.md), architecture `llama`, 32-bit
floats. Only the standard library is used and the generator is seeded, so every machine writes the same bytes.
"""

from __future__ import annotations

import random
import string
import struct
import sys
from array import array
from collections.abc import Iterator
from pathlib import Path

WIDTH, LAYERS, HEADS, KV_HEADS, FEED_FORWARD, CONTEXT = 64, 2, 4, 2, 128, 4096
SEED = 20
ALIGNMENT = 32  # of each tensor's data, in bytes: the format's default

# Token types of the format: normal, unknown, control, byte.
NORMAL, UNKNOWN, CONTROL, BYTE = 1, 2, 3, 6
SPOKEN = [*string.ascii_lowercase, "▁"]
VOCABULARY = [
    ("<unk>", UNKNOWN),
    ("<s>", CONTROL),
    ("</s>", CONTROL),
    *((f"<0x{byte:02X}>", BYTE) for byte in range(256)),
    *((piece, NORMAL) for piece in SPOKEN),
]

Value = str | int | float | list[str] | list[float] | list[int]


def text(value: str) -> bytes:
    """A string as the format has it: length in bytes, then UTF-8."""
    data = value.encode()
    return struct.pack("<Q", len(data)) + data


def field(key: str, value: Value) -> bytes:
    """One metadata entry: key, type number, value. Integers have 32 bits: unsigned, or signed within lists."""
    match value:
        case str():
            body = struct.pack("<I", 8) + text(value)
        case int():
            body = struct.pack("<II", 4, value)
        case float():
            body = struct.pack("<If", 6, value)
        case [str(), *_]:
            body = struct.pack("<IIQ", 9, 8, len(value)) + b"".join(text(str(item)) for item in value)
        case [float(), *_]:
            body = struct.pack(f"<IIQ{len(value)}f", 9, 6, len(value), *value)
        case _:
            body = struct.pack(f"<IIQ{len(value)}i", 9, 5, len(value), *value)
    return text(key) + body


def metadata(*, embedding: bool = False) -> dict[str, Value]:
    return {
        "general.architecture": "llama",
        "general.name": "tiny-embed" if embedding else "tiny-random",
        # The mean of all tokens' vectors: by this field Ollama tells a model that embeds.
        **({"llama.pooling_type": 1} if embedding else {}),
        "general.file_type": 0,
        "llama.context_length": CONTEXT,
        "llama.embedding_length": WIDTH,
        "llama.block_count": LAYERS,
        "llama.feed_forward_length": FEED_FORWARD,
        "llama.attention.head_count": HEADS,
        "llama.attention.head_count_kv": KV_HEADS,
        "llama.attention.layer_norm_rms_epsilon": 1e-5,
        "llama.rope.dimension_count": WIDTH // HEADS,
        "llama.vocab_size": len(VOCABULARY),
        "tokenizer.ggml.model": "llama",
        "tokenizer.ggml.tokens": [token for token, _ in VOCABULARY],
        "tokenizer.ggml.scores": [0.0] * len(VOCABULARY),
        "tokenizer.ggml.token_type": [kind for _, kind in VOCABULARY],
        "tokenizer.ggml.bos_token_id": 1,
        "tokenizer.ggml.eos_token_id": 2,
        "tokenizer.ggml.unknown_token_id": 0,
    }


def noise(numbers: random.Random, rows: int, columns: int, scale: float) -> array[float]:
    return array("f", ((numbers.random() * 2 - 1) * scale for _ in range(rows * columns)))


def tensors() -> Iterator[tuple[str, tuple[int, ...], array[float]]]:
    """Name, shape (fastest dimension first, as the format wants it) and values of each tensor."""
    numbers = random.Random(SEED)
    vocabulary = len(VOCABULARY)
    embeddings = noise(numbers, vocabulary, WIDTH, 1.0)
    yield "token_embd.weight", (WIDTH, vocabulary), embeddings
    # A token's output row is the embedding of the one before it in the alphabet, so each letter calls for the next.
    # The end token and raw bytes have no weight: an answer is plain text, never ends by itself, and never repeats a
    # token (for which Ollama would stop it).
    letters = embeddings[-WIDTH * len(SPOKEN) :]
    silent = array("f", bytes(4 * WIDTH * (vocabulary - len(SPOKEN))))
    yield "output.weight", (WIDTH, vocabulary), silent + letters[-WIDTH:] + letters[:-WIDTH]
    yield "output_norm.weight", (WIDTH,), array("f", [1.0] * WIDTH)
    key_width = WIDTH // HEADS * KV_HEADS
    for layer in range(LAYERS):
        for norm in ("attn_norm", "ffn_norm"):
            yield f"blk.{layer}.{norm}.weight", (WIDTH,), array("f", [1.0] * WIDTH)
        shapes = {
            "attn_q": (WIDTH, WIDTH),
            "attn_k": (WIDTH, key_width),
            "attn_v": (WIDTH, key_width),
            "attn_output": (WIDTH, WIDTH),
            "ffn_gate": (WIDTH, FEED_FORWARD),
            "ffn_up": (WIDTH, FEED_FORWARD),
            "ffn_down": (FEED_FORWARD, WIDTH),
        }
        for name, (columns, rows) in shapes.items():
            yield f"blk.{layer}.{name}.weight", (columns, rows), noise(numbers, rows, columns, 0.05)


def gguf(*, embedding: bool = False) -> bytes:
    """The whole model file."""
    fields = [field(key, value) for key, value in metadata(embedding=embedding).items()]
    infos, blocks, offset = [], [], 0
    for name, shape, values in tensors():
        if sys.byteorder == "big":
            values.byteswap()
        data = values.tobytes()
        infos.append(text(name) + struct.pack(f"<I{len(shape)}QIQ", len(shape), *shape, 0, offset))
        blocks.append(data + bytes(-len(data) % ALIGNMENT))
        offset += len(blocks[-1])
    head = b"GGUF" + struct.pack("<IQQ", 3, len(infos), len(fields)) + b"".join(fields) + b"".join(infos)
    return head + bytes(-len(head) % ALIGNMENT) + b"".join(blocks)


if __name__ == "__main__":
    Path(sys.argv[1]).write_bytes(gguf(embedding=sys.argv[2:] == ["embedding"]))
