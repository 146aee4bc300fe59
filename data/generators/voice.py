"""How a user types: careful, hasty, all lower case, with British spelling or with slips of the finger."""

import random
import re
from dataclasses import dataclass

_BRITISH = {
    "favorite": "favourite",
    "color": "colour",
    "colors": "colours",
    "neighbor": "neighbour",
    "mom": "mum",
    "gray": "grey",
}
_SHORT = {
    "you": "u",
    "please": "pls",
    "okay": "ok",
    "thanks": "thx",
    "because": "cuz",
    "your": "ur",
    "are": "r",
    "tomorrow": "tmrw",
    "favorite": "fav",
    "really": "rly",
    "goodbye": "bye",
    "tonight": "2nite",
    "people": "ppl",
}
_SLIPS = {
    "the": "teh",
    "what": "waht",
    "remember": "rember",
    "tomorrow": "tomorow",
    "favorite": "favrite",
    "called": "caled",
    "because": "becuase",
    "really": "realy",
    "friend": "freind",
    "name": "nmae",
    "please": "plaese",
    "today": "todya",
    "capital": "captial",
    "animal": "aminal",
    "language": "langauge",
    "thanks": "thnaks",
    "which": "wich",
    "about": "abuot",
    "computer": "computter",
    "answer": "anwser",
    "question": "qestion",
    "know": "konw",
    "letter": "leter",
    "and": "adn",
    "does": "deos",
    "have": "ahve",
    "with": "wiht",
    "month": "mnoth",
    "opposite": "oposite",
    "would": "woud",
}
_SLOT = re.compile(r"(\{[^}]*\})")
_WORD = re.compile(r"[A-Za-z]+(?:'[a-z]+)?")
_SENTENCE = re.compile(r"(^|[.!?]\s+)([a-z])")


def sentence_case(text: str) -> str:
    """The text with a capital at the start of every sentence."""
    return _SENTENCE.sub(lambda match: match.group(1) + match.group(2).upper(), text)


@dataclass(frozen=True)
class Voice:
    """One user's habits at the keyboard; they stay the same through a conversation."""

    lower: bool = False
    bare: bool = False
    no_apostrophe: bool = False
    no_comma: bool = False
    british: bool = False
    short: bool = False
    slips: bool = False

    @staticmethod
    def draw(rng: random.Random) -> "Voice":
        """Habits by chance: half of all users write carefully, the others don't."""
        lower = rng.random() < 0.5
        bare = rng.random() < (0.75 if lower else 0.1)
        return Voice(
            lower=lower,
            bare=bare,
            no_apostrophe=bare and rng.random() < 0.5,
            no_comma=bare and rng.random() < 0.5,
            british=rng.random() < 0.12,
            short=lower and rng.random() < 0.12,
            slips=rng.random() < 0.07,
        )

    def template(self, template: str, rng: random.Random) -> str:
        """The sentence as this user types it. Slots are left alone: a name or a word to spell must stay readable."""
        parts = _SLOT.split(template)
        parts[::2] = [self._words(part, rng) for part in parts[::2]]
        text = "".join(parts)
        if self.bare:
            text = text.rstrip(".?").rstrip() or text
        if self.no_comma:
            text = text.replace(",", "") or text
        return text

    def finish(self, text: str) -> str:
        """The sentence with its slots filled in, put into this user's case."""
        return text.lower() if self.lower else sentence_case(text)

    def _words(self, text: str, rng: random.Random) -> str:
        def change(match: re.Match[str]) -> str:
            word = match.group()
            changed = word.lower()
            if self.british:
                changed = _BRITISH.get(changed, changed)
            if self.short and rng.random() < 0.6:
                changed = _SHORT.get(changed, changed)
            if self.slips and rng.random() < 0.5:
                changed = _SLIPS.get(changed, changed)
            if self.no_apostrophe:
                changed = changed.replace("'", "")
            if changed == word.lower():
                return word
            return changed.capitalize() if word[0].isupper() else changed

        return _WORD.sub(change, text)
