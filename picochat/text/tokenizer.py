"""Tokenizers: byte-level BPE, characters or words, all lossless and all one JSON file.

Three kinds, one library (`tokenizers`), one promise: any text comes back from its ids unchanged.
- bpe: byte-level byte-pair encoding, digits one by one. The split is the one llama.cpp calls "smollm".
- char: one token for each character of the training text; others fall back to their UTF-8 bytes.
- word: the commonest words, then characters, then bytes.

Special tokens mark the structure of a text. They are never read out of a text: a user who types `<|im_end|>` gets ordinary
characters. Which of them mean what, the `TurnFormat` tells that travels with the tokenizer.

Any other `tokenizer.json` serves too. A SentencePiece one puts a space in front of every text; here only whole texts get it
(`encode_document`), so that pieces of a text can be encoded one by one and come back unchanged.
"""

from __future__ import annotations

import codecs
import hashlib
import json
import re
from collections import Counter
from collections.abc import Iterable, Sequence
from functools import cached_property
from pathlib import Path
from typing import Literal

from tokenizers import AddedToken, Regex, decoders, models, pre_tokenizers, trainers
from tokenizers import Tokenizer as Backend

from picochat.errors import CheckpointError, ConfigError, DataError
from picochat.text.foreign_pieces import BYTE_TOKEN, byte_table, without_prefix
from picochat.text.turns import CHATML, END_OF_TEXT, IM_END, IM_START, TurnFormat

Kind = Literal["bpe", "char", "word"]
KINDS: tuple[str, ...] = ("bpe", "char", "word")

SPECIAL_TOKENS = (END_OF_TEXT, IM_START, IM_END)

LARGEST = 1_048_576
"""The most ids: a damaged file may ask for billions."""
LONG = 10_000
"""Texts with more characters are encoded in a way that lets other threads of the program work meanwhile."""

_PROBE = "Hello, world!  It's 2026:\n\tna\u00efve caf\u00e9 \u20ac \U0001f600 <tag> [x]"
_WORDS = r" ?\p{L}+| ?\p{N}+| ?[^\s\p{L}\p{N}]+|\s+(?!\S)|\s+"
_ENVELOPE = '{"turns": '


class Tokenizer:
    """Text to ids and back.

    Args:
        backend: a `tokenizers.Tokenizer`. The special tokens of ChatML are added where it lacks them; those that another
            format names must be there.
        turns: how conversations are written.

    Attributes:
        start_of_text: the token in front of a plain text.
        end_of_text: the token that ends one; with ChatML the same.
        ends: the tokens that end the assistant's turn.

    Raises:
        CheckpointError: a token that the format names is missing, or an id is too large.
    """

    def __init__(self, backend: Backend, turns: TurnFormat = CHATML) -> None:
        missing = [token for token in turns.tokens if backend.token_to_id(token) is None]
        if missing and turns != CHATML:
            raise CheckpointError(f"The tokenizer has no token {missing[0]!r}, which its turn format needs.")
        special = {token.content for token in backend.get_added_tokens_decoder().values() if token.special}
        # in ChatML's order; what is in the vocabulary keeps its place and only becomes special
        wanted = SPECIAL_TOKENS if turns == CHATML else turns.tokens
        if plain := [token for token in wanted if token not in special]:
            backend.add_special_tokens([AddedToken(token, special=True, normalized=False) for token in plain])
        # before it is written out as JSON: the library would count through all the ids
        self.vocab_size: int = max(backend.get_vocab(with_added_tokens=True).values()) + 1
        if self.vocab_size > LARGEST:
            raise CheckpointError(f"The tokenizer has ids up to {self.vocab_size:,}; picochat takes at most {LARGEST:,}.")
        self.turns = turns
        # text is only ever text: markers typed by a user are cut into ordinary pieces
        backend.encode_special_tokens = True
        backend.no_truncation()
        backend.no_padding()
        self._backend = backend
        description = json.loads(backend.to_str())
        self._pieces, self._prefix = without_prefix(backend, description)
        self._added = {index: str(token.content) for index, token in backend.get_added_tokens_decoder().items()}
        self.special_ids = frozenset(index for index, token in backend.get_added_tokens_decoder().items() if token.special)
        self.start_of_text, self.end_of_text = self.id_of(turns.start_of_text), self.id_of(turns.end_of_text)
        self.ends = frozenset(map(self.id_of, turns.ends))
        self._bytes = byte_table(backend, description["decoder"])
        # five alternatives a token ask for names in a chat
        self._names: dict[int, str] = {}

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
    def from_json(cls, text: str, turns: TurnFormat | None = None) -> Tokenizer:
        """Read what `to_json` wrote, or any Hugging Face `tokenizer.json`.

        Args:
            turns: how conversations are written, where the text doesn't tell; ChatML if neither does.

        Raises:
            CheckpointError: the text is not a tokenizer, or lacks a token that the format names.
        """
        try:
            if text.startswith(_ENVELOPE):
                whole = json.loads(text)
                text, turns = json.dumps(whole["tokenizer"]), TurnFormat.from_dict(whole["turns"])
            backend = Backend.from_str(text)
        except CheckpointError:
            raise
        except Exception as error:  # the library raises bare Exception
            raise CheckpointError(f"The tokenizer can't be read ({error}); it must be a tokenizer.json.") from None
        return cls(backend, turns or CHATML)

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
        """All of it as JSON: with ChatML a plain `tokenizer.json`, else one with the turn format around it."""
        if self.turns == CHATML:
            return self.library_json()
        return f'{_ENVELOPE}{json.dumps(self.turns.to_dict())}, "tokenizer": {self.library_json()}}}'

    def library_json(self) -> str:
        """The `tokenizer.json` that `tokenizers` and transformers read."""
        return self._backend.to_str()

    # -- text to ids ----------------------------------------------------------------------------------------------------

    def encode(self, text: str) -> list[int]:
        """Return the ids of `text`; never a special token, whatever the text says."""
        try:
            if len(text) > LONG:
                return self.encode_batch([text])[0]
            return self._pieces.encode(_clean(text), add_special_tokens=False).ids
        except Exception as error:  # the library raises bare Exception
            raise DataError(f"The tokenizer can't encode this text ({error}); it needs one that knows every byte.") from None

    def encode_batch(self, texts: Sequence[str]) -> list[list[int]]:
        """`encode` for many texts, on all cores."""
        batch = self._pieces.encode_batch_fast([_clean(text) for text in texts], add_special_tokens=False)
        return [encoding.ids for encoding in batch]

    def encode_document(self, text: str) -> list[int]:
        """`encode` for a text that begins here: with the space in front that some tokenizers want there."""
        return self.encode(self.opened(text))

    def opened(self, text: str) -> str:
        """A text as the tokenizer wants its beginning."""
        opens = self._prefix == "always" or (self._prefix and not text.startswith((" ", "\u2581")))
        return f" {text}" if text and opens else text

    def encode_marked(self, text: str) -> list[int]:
        """The ids of a text that we wrote ourselves: in it the names of special tokens are these tokens."""
        ids: list[int] = []
        for place, piece in enumerate(self._markers.split(text) if self.special_ids else [text]):
            # odd places are the markers; what follows one is to SentencePiece a text of its own
            if place % 2:
                ids.append(self.id_of(piece))
            else:
                ids += self.encode(self.opened(piece) if place and self._prefix == "always" else piece)
        return ids

    def id_of(self, token: str) -> int:
        """The id of a token by its name; raises `CheckpointError` where there is none."""
        index = self._backend.token_to_id(token)
        if index is None:
            raise CheckpointError(f"The tokenizer has no token {token!r}.")
        return index

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
        name = self._names.get(token)
        if name is None:
            special = token in self.special_ids
            name = str(self._backend.id_to_token(token)) if special else self._escaped(token)
            self._names[token] = name
        return name

    def _escaped(self, token: int) -> str:
        return self.token_bytes(token).decode("utf-8", errors="backslashreplace")

    # -- facts ----------------------------------------------------------------------------------------------------------

    @property
    def kind(self) -> str:
        """What sort of tokenizer this is, in a few words."""
        spec = json.loads(self.library_json())["model"]
        if spec["type"] != "BPE":
            return f"{spec['type']}"
        if not spec.get("ignore_merges"):
            return "byte-level BPE" if isinstance(self._backend.decoder, decoders.ByteLevel) else "BPE"
        pieces = (piece for piece in spec["vocab"] if piece not in SPECIAL_TOKENS and not BYTE_TOKEN.match(piece))
        return "word" if any(len(piece) > 1 for piece in pieces) else "char"

    @property
    def im_start(self) -> int:
        """ChatML's token that opens a message; raises `CheckpointError` where there is none."""
        return self.id_of(IM_START)

    @property
    def im_end(self) -> int:
        """ChatML's token that ends a message; raises `CheckpointError` where there is none."""
        return self.id_of(IM_END)

    def digest(self) -> str:
        """A hash of the tokenizer: equal digests mean equal ids."""
        return hashlib.sha256(self.to_json().encode()).hexdigest()

    @cached_property
    def _markers(self) -> re.Pattern[str]:
        """Splits a text at the names of special tokens, longer names first, and keeps them."""
        names = sorted((self._added[index] for index in self.special_ids), key=len, reverse=True)
        return re.compile(f"({'|'.join(map(re.escape, names))})")


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
    room = LARGEST if kind == "char" else vocab_size - len(SPECIAL_TOKENS) - 256
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


def _clean(text: str) -> str:
    """Text as the library takes it: lone surrogates, which come from undecodable arguments, become U+FFFD."""
    try:
        text.encode("utf-8")
    except UnicodeEncodeError:
        return text.encode("utf-8", errors="replace").decode("utf-8")
    return text
