"""Tokenizers: byte-level BPE, characters or words, all lossless and all one JSON file.

Three kinds, one library (`tokenizers`), one promise: any text comes back from its ids unchanged.
- bpe: byte-level byte-pair encoding, digits one by one. The split is the one llama.cpp calls "smollm".
- char: one token for each character of the training text; others fall back to their UTF-8 bytes.
- word: the commonest words, then characters, then bytes.

Special tokens mark the structure of a text. They are never read out of a text: a user who types `<|im_end|>` gets ordinary
characters.
"""

from __future__ import annotations

import codecs
import hashlib
import json
import re
from collections import Counter
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Literal

from tokenizers import AddedToken, Regex, decoders, models, pre_tokenizers, trainers
from tokenizers import Tokenizer as Backend

from picochat.errors import CheckpointError, ConfigError, DataError

Kind = Literal["bpe", "char", "word"]
KINDS: tuple[str, ...] = ("bpe", "char", "word")

END_OF_TEXT = "<|endoftext|>"
IM_START = "<|im_start|>"
IM_END = "<|im_end|>"
SPECIAL_TOKENS = (END_OF_TEXT, IM_START, IM_END)

LONG = 10_000
"""Texts with more characters are encoded in a way that lets other threads of the program work meanwhile."""

_PROBE = "Hello, world!  It's 2026:\n\tna\u00efve caf\u00e9 \u20ac \U0001f600 <tag> [x]"
_WORDS = r" ?\p{L}+| ?\p{N}+| ?[^\s\p{L}\p{N}]+|\s+(?!\S)|\s+"
_BYTE_TOKEN = re.compile(r"<0x([0-9A-F]{2})>\Z")


class Tokenizer:
    """Text to ids and back.

    Args:
        backend: a `tokenizers.Tokenizer`; the special tokens of the chat format are added where it lacks them.
    """

    def __init__(self, backend: Backend) -> None:
        missing = [token for token in SPECIAL_TOKENS if backend.token_to_id(token) is None]
        if missing:
            backend.add_special_tokens([AddedToken(token, special=True, normalized=False) for token in missing])
        # text is only ever text: markers typed by a user are cut into ordinary pieces
        backend.encode_special_tokens = True
        backend.no_truncation()
        backend.no_padding()
        self._backend = backend
        self.vocab_size: int = max(backend.get_vocab(with_added_tokens=True).values()) + 1
        self.end_of_text, self.im_start, self.im_end = (_id_of(backend, token) for token in SPECIAL_TOKENS)
        self.special_ids = frozenset(index for index, token in backend.get_added_tokens_decoder().items() if token.special)
        self._bytes = self._make_byte_table()

    # -- making one -----------------------------------------------------------------------------------------------------

    @classmethod
    def train(cls, texts: Iterable[str], kind: str = "bpe", vocab_size: int = 4096) -> Tokenizer:
        """Learn a vocabulary from `texts`.

        Args:
            texts: the training text, in pieces of any size.
            kind: "bpe", "char" or "word".
            vocab_size: the most tokens; small texts give fewer. "char" takes every character there is.

        Raises:
            ConfigError: an unknown kind, or a vocabulary too small to hold every byte.
        """
        if kind not in KINDS:
            raise ConfigError(f"There is no tokenizer '{kind}'; choose one of {', '.join(KINDS)}.")
        if kind != "char" and vocab_size < 256 + len(SPECIAL_TOKENS):
            raise ConfigError(
                f"vocab-size {vocab_size} is too small: 256 bytes and {len(SPECIAL_TOKENS)} markers need at least "
                f"{256 + len(SPECIAL_TOKENS)}."
            )
        if kind == "bpe":
            return cls(_train_bpe(texts, vocab_size))
        return cls(_count_pieces(texts, kind, vocab_size))

    @classmethod
    def from_json(cls, text: str) -> Tokenizer:
        """Read what `to_json` wrote, or any Hugging Face `tokenizer.json`.

        Raises:
            CheckpointError: the text is not a tokenizer.
        """
        try:
            return cls(Backend.from_str(text))
        except Exception as error:  # the library raises bare Exception
            raise CheckpointError(f"The tokenizer can't be read ({error}); it must be a tokenizer.json.") from None

    @classmethod
    def from_file(cls, path: Path) -> Tokenizer:
        """Read a `tokenizer.json`; raises `DataError` where there is none, `CheckpointError` where it is damaged."""
        try:
            text = path.read_text(encoding="utf-8")
        except FileNotFoundError:
            raise DataError(f"There is no tokenizer file {path}; give a tokenizer.json, or bpe, char or word.") from None
        except (OSError, UnicodeDecodeError) as error:
            raise DataError(f"The tokenizer {path} can't be read ({error}).") from None
        tokenizer = cls.from_json(text)
        if tokenizer.decode(tokenizer.encode(_PROBE)) != _PROBE:
            raise DataError(
                f"The tokenizer {path} does not give a text back unchanged, which picochat needs; "
                "take a byte-level one, or let picochat train its own."
            )
        return tokenizer

    def to_json(self) -> str:
        """The whole tokenizer as JSON, readable by `tokenizers` and transformers."""
        return self._backend.to_str()

    # -- text to ids ----------------------------------------------------------------------------------------------------

    def encode(self, text: str) -> list[int]:
        """Return the ids of `text`; never a special token, whatever the text says."""
        try:
            if len(text) > LONG:
                return self.encode_batch([text])[0]
            return self._backend.encode(_clean(text), add_special_tokens=False).ids
        except Exception as error:  # the library raises bare Exception
            raise DataError(f"The tokenizer can't encode this text ({error}); it needs one that knows every byte.") from None

    def encode_batch(self, texts: Sequence[str]) -> list[list[int]]:
        """`encode` for many texts, on all cores."""
        batch = self._backend.encode_batch_fast([_clean(text) for text in texts], add_special_tokens=False)
        return [encoding.ids for encoding in batch]

    # -- ids to text ----------------------------------------------------------------------------------------------------

    def token_bytes(self, token: int) -> bytes:
        """The bytes that `token` stands for: none for special tokens and for ids outside the vocabulary."""
        return self._bytes[token] if 0 <= token < len(self._bytes) else b""

    def decode(self, ids: Iterable[int]) -> str:
        """Return the text of `ids`; special tokens give nothing, broken UTF-8 gives U+FFFD."""
        return b"".join(self.token_bytes(token) for token in ids).decode("utf-8", errors="replace")

    def stream(self) -> StreamDecoder:
        """A decoder that takes one id after the other."""
        return StreamDecoder(self)

    def piece(self, token: int) -> str:
        """A readable name of one token, for people: markers by name, bytes that are no text as escapes."""
        if token in self.special_ids:
            return str(self._backend.id_to_token(token))
        return self.token_bytes(token).decode("utf-8", errors="backslashreplace")

    # -- facts ----------------------------------------------------------------------------------------------------------

    @property
    def kind(self) -> str:
        """What sort of tokenizer this is, in a few words."""
        spec = json.loads(self.to_json())["model"]
        if spec["type"] != "BPE":
            return f"{spec['type']}"
        if not spec.get("ignore_merges"):
            return "byte-level BPE" if isinstance(self._backend.decoder, decoders.ByteLevel) else "BPE"
        pieces = (piece for piece in spec["vocab"] if piece not in SPECIAL_TOKENS and not _BYTE_TOKEN.match(piece))
        return "word" if any(len(piece) > 1 for piece in pieces) else "char"

    def digest(self) -> str:
        """A hash of the tokenizer: equal digests mean equal ids."""
        return hashlib.sha256(self.to_json().encode()).hexdigest()

    def _make_byte_table(self) -> list[bytes]:
        table = [b""] * self.vocab_size
        byte_level = '"ByteLevel"' in json.dumps(json.loads(self.to_json()).get("decoder"))
        for piece, index in self._backend.get_vocab(with_added_tokens=True).items():
            if index in self.special_ids:
                continue
            if byte_level:
                table[index] = _from_byte_level(piece)
            elif match := _BYTE_TOKEN.match(piece):
                table[index] = bytes([int(match[1], 16)])
            else:
                table[index] = piece.encode("utf-8", errors="replace")
        return table


class StreamDecoder:
    """Turns ids into text one by one, holding back bytes until they make a whole character."""

    def __init__(self, tokenizer: Tokenizer) -> None:
        self._tokenizer = tokenizer
        self._decoder = codecs.getincrementaldecoder("utf-8")(errors="replace")

    def feed(self, token: int) -> str:
        """The text that `token` completes; empty while a character is half there."""
        return self._decoder.decode(self._tokenizer.token_bytes(token))

    def flush(self) -> str:
        """What is left at the end: U+FFFD for a character that never became whole."""
        return self._decoder.decode(b"", final=True)


def _train_bpe(texts: Iterable[str], vocab_size: int) -> Backend:
    backend = Backend(models.BPE())
    backend.pre_tokenizer = pre_tokenizers.Sequence(
        [pre_tokenizers.Digits(individual_digits=True), pre_tokenizers.ByteLevel(add_prefix_space=False, use_regex=True)]
    )
    backend.decoder = decoders.ByteLevel()
    trainer = trainers.BpeTrainer(
        vocab_size=vocab_size,
        special_tokens=[AddedToken(token, special=True, normalized=False) for token in SPECIAL_TOKENS],
        initial_alphabet=sorted(pre_tokenizers.ByteLevel.alphabet()),
        show_progress=False,
    )
    backend.train_from_iterator((_clean(text) for text in texts), trainer)
    return backend


def _count_pieces(texts: Iterable[str], kind: str, vocab_size: int) -> Backend:
    """Characters or words, as a BPE model without merges: what is no piece falls apart into characters, then bytes."""
    words = pre_tokenizers.Split(Regex(_WORDS), behavior="isolated")
    characters: Counter[str] = Counter()
    pieces: Counter[str] = Counter()
    for text in map(_clean, texts):
        characters.update(text)
        if kind == "word":
            pieces.update(piece for piece, _ in words.pre_tokenize_str(text))
    room = 1_048_576 if kind == "char" else vocab_size - len(SPECIAL_TOKENS) - 256
    ordered = [*SPECIAL_TOKENS, *(f"<0x{byte:02X}>" for byte in range(256))]
    # by count, then by code point, so that the same text gives the same ids
    for piece, _ in sorted(characters.items(), key=lambda item: (-item[1], item[0]))[:room]:
        ordered.append(piece)
    taken = set(ordered)
    for piece, _ in sorted(pieces.items(), key=lambda item: (-item[1], item[0])):
        if len(ordered) >= vocab_size:
            break
        if piece not in taken:
            ordered.append(piece)
    vocab = {piece: index for index, piece in enumerate(ordered)}
    backend = Backend(models.BPE(vocab=vocab, merges=[], byte_fallback=True, ignore_merges=True))
    backend.pre_tokenizer = words if kind == "word" else pre_tokenizers.Split(Regex(r"[\s\S]"), behavior="isolated")
    backend.decoder = decoders.Sequence([decoders.ByteFallback(), decoders.Fuse()])
    backend.add_special_tokens([AddedToken(token, special=True, normalized=False) for token in SPECIAL_TOKENS])
    return backend


def _id_of(backend: Backend, token: str) -> int:
    index = backend.token_to_id(token)
    if index is None:
        raise CheckpointError(f"The tokenizer has no token {token}; picochat's chat format needs it.")
    return index


def _clean(text: str) -> str:
    """Text as the library takes it: lone surrogates, which come from undecodable arguments, become U+FFFD."""
    try:
        text.encode("utf-8")
    except UnicodeEncodeError:
        return text.encode("utf-8", errors="replace").decode("utf-8")
    return text


def _byte_level_alphabet() -> dict[str, int]:
    """The printable character that byte-level BPE writes for each byte (GPT-2's table), the other way round."""
    printable = [*range(0x21, 0x7F), *range(0xA1, 0xAD), *range(0xAE, 0x100)]
    table = {chr(byte): byte for byte in printable}
    rest = (byte for byte in range(256) if byte not in set(printable))
    table.update({chr(256 + offset): byte for offset, byte in enumerate(rest)})
    return table


_ALPHABET = _byte_level_alphabet()


def _from_byte_level(piece: str) -> bytes:
    """Bytes of a byte-level piece; a piece outside the alphabet (an added word) is plain text."""
    try:
        return bytes(_ALPHABET[character] for character in piece)
    except KeyError:
        return piece.encode("utf-8", errors="replace")
