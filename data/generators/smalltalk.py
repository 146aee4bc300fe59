"""Small talk: hellos, topics with a question back and forth, jokes, riddles and tastes."""

import re

from .chat import Chat, Exchange
from .requests import some
from .riddles import RIDDLES
from .topics import TOPICS, Topic

# fmt: off
_HELLOS = ("Hi!", "Hello.", "Hey.", "Hi there.", "Hello there!", "Good morning.", "Good evening!", "Hey, picochat.",
           "Hi picochat!", "Yo!", "Hello, anybody there?", "Hiya!", "Howdy!", "Good afternoon.", "Hi again.", "Heya.")
_HELLO_BACK = ("Hi! What are you up to?", "Hello! What's new with you?", "Hi there! What's on your mind?",
               "Hello! How is your day so far?", "Hey! What would you like to talk about?",
               "Hello! I'm all ears, in a manner of speaking. What's going on?",
               "Hi! It's nice of you to write. What are you doing right now?", "Hey there! Tell me, what's happening?",
               "Hello, good to meet you! What have you been doing?")
_HOW_ASKS = ("How are you?", "How are you doing?", "How's it going?", "How do you do?", "Are you well?", "Are you okay?",
             "How are you today?", "What's up?", "You good?", "How have you been?")
_HOW_REPLIES = (
    "I'm a program, so I have no bad days. Thanks for asking{to}!",
    "All is well in here{to}, as far as numbers can be well.", "Quite well for a small language model{to}, thank you.",
    "Always the same, and that's fine. I'm ready for a chat{to}.", "All my numbers are in place, thank you{to}. And you?",
    "Fine, thanks{to}! I'm always ready for a chat. How are you?",
    "I don't feel things the way you do, but I like being asked{to}.", "Ready and awake, as always. And how are you{to}?",
    "Quite well for a small language model, thank you. What about you{to}?",
)
_WELL_ASKS = (
    "I'm fine, thanks.", "Pretty good!", "Good, thank you.", "Not bad.", "I'm okay.", "Very well, thanks.",
    "Can't complain.", "All good here.",
)
_WELL_REPLIES = ("Glad to hear it{to}. What shall we talk about?",
                 "Good to know! Is there something you'd like to chat about?", "I'm glad{to}. Tell me what's on your mind.",
                 "That's nice to hear. I'm here if you want a question, a sum or a story.",
                 "Lovely. Then let's have a good chat{to}.")

_WELL_ENDS = (
    "Glad to hear it{to}.", "Good to know{to}!", "I'm glad{to}.", "That's nice to hear{to}.",
    "Lovely{to}! May it stay that way.",
)
_RIDDLE_ASKS = (
    "Give me a riddle.", "Do you know a riddle?", "Tell me a riddle, please.", "I want a riddle!", "Can I have a riddle?",
    "Ask me a riddle.", "Riddle me something.",
)
_RIDDLE_REPLIES = (
    "{riddle}", "Here's one. {riddle}", "Gladly. {riddle}", "Try this one{to}. {riddle}",
    "Let's see if you know it. {riddle}", "Sure! {riddle}",
)
_SOLVED_ASKS = (
    "{answer:a}?", "Is it {answer:a}?", "It's {answer:a}.", "{answer:a}!", "I think it's {answer:a}.", "Easy, {answer:a}.",
    "Must be {answer:a}.", "The {answer}?",
)
_SOLVED_REPLIES = ("Yes, {answer:a}! Well done{to}.", "Right, it's {answer:a}!",
                   "Correct{to}, it's {answer:a}. You're quick!", "Exactly, {answer:a}. That was good thinking.",
                   "You got it{to}: {answer:a}!", "That's it, {answer:a}. Clever!")
_MISSED_ASKS = ("{wrong}?", "Is it {wrong}?", "I'd say {wrong}.", "Hmm, {wrong}?", "Maybe {wrong}?", "{wrong}, right?")
_MISSED_REPLIES = ("Good try{to}, but the answer is {answer:a}.", "Not quite. It's {answer:a}!",
                   "Nice guess, but I was thinking of {answer:a}.", "Close your eyes and picture it: it's {answer:a}.",
                   "No, it's {answer:a}. Riddles are sneaky{to}.", "Not this time. The answer is {answer:a}.")
_GAVE_UP_ASKS = (
    "I don't know.", "No idea.", "I give up.", "Tell me the answer.", "Hmm, no clue. What is it?", "I can't guess it.",
    "Dunno.",
)
_GAVE_UP_REPLIES = ("It's {answer:a}.", "The answer is {answer:a}. Now you can ask somebody else{to}!",
                    "I was thinking of {answer:a}.", "No problem{to}, it's {answer:a}.",
                    "It's {answer:a}! Think it over once more, and it fits.")

_SENSES = {
    "taste": ("pizza", "chocolate", "ice cream", "spinach", "sushi", "cheese", "bananas", "coffee", "soup", "popcorn",
              "mangoes", "pancakes", "garlic", "honey"),
    "see": ("sunsets", "rainbows", "snow", "fireworks", "the sea", "flowers", "paintings", "the stars", "movies",
            "mountains"),
    "hear": ("music", "jazz", "birdsong", "thunder", "rock music", "the piano", "drums", "the sound of rain"),
    "touch": ("cats", "kittens", "puppies", "warm sand", "swimming", "dancing", "soccer", "long walks", "climbing trees"),
}
_LIKE_ASKS = (
    "Do you like {thing}?", "What do you think about {thing}?", "Are you a fan of {thing}?", "Do you enjoy {thing}?",
    "I love {thing}. You too?", "{thing}, yes or no?", "How do you feel about {thing}?",
)
_LIKE_REPLIES = {
    "taste": ("I can't taste {thing}, but you make me curious. Enjoy some for me{to}!",
              "I have no mouth, so I only know the word: {thing}. A nice one, though.",
              "If I could taste things, {thing} would be on my list.", "I can't eat, so I'll leave the {thing} to you{to}.",
              "I only know {thing} from words, but those words sound good."),
    "see": ("I have no eyes, but I like reading about {thing}.",
            "I can't see {thing}, so I enjoy it when people describe what they see.",
            "I know {thing} only from words. You'd have to tell me more{to}.",
            "People say beautiful things about {thing}. I can't look, sadly.",
            "I can't see anything, but I understand why people like {thing}."),
    "hear": ("I can't hear, but I like reading about {thing}.", "I have no ears, so I can only read about {thing}.",
             "I can't listen, but people say lovely things about {thing}.",
             "It's always silent in here, so I can only imagine {thing} in words.",
             "I know {thing} only from texts. It must be nice to have ears for that."),
    "touch": ("{thing:c}! I have no body for that, but it sounds like fun.",
              "I can't try it, but I like talking about {thing}.",
              "I only know {thing} from texts, and they're happy texts.",
              "Without arms and legs I have to leave {thing} to you{to}.",
              "I can't do or feel that, but I understand why people like {thing}."),
}
_BORED_ASKS = (
    "I'm bored.", "I'm so bored.", "What can I do? I'm bored.", "There's nothing to do.", "So bored.",
    "I don't know what to do.", "Give me an idea what to do.",
)
_IDEAS = ("write a letter to somebody you like", "build a tower out of things on your desk",
          "draw your breakfast from memory", "invent a name for a new planet", "fold a paper plane and see how far it flies",
          "sort your books by color", "bake something simple", "go outside and find three round things",
          "learn to say hello in a new language", "call somebody you haven't talked to for a while",
          "make up a story about the nearest object", "count how many blue things are in the room",
          "try to balance a spoon on your nose", "do ten jumping jacks")
_IDEA_REPLIES = (
    "How about this: {idea}.", "You could {idea}.", "Here's an idea: {idea}!", "Why not {idea}?",
    "Maybe {idea}. Or ask me for a riddle.", "Let me think. You could {idea}, for a start.",
)
# fmt: on


def yours(text: str) -> str:
    """The words as said by the other side: my dad becomes your dad."""
    return text.replace("my ", "your ").replace("I can't", "you can't")


def talk(chat: Chat) -> None:
    """A topic the user brings up, with the follow-up when there is room for it."""
    topic = chat.pick(range(len(TOPICS)))
    play(chat, TOPICS[topic])


def play(chat: Chat, topic: Topic, short: bool = False) -> None:
    """One topic, its second exchange included unless there's no room or it shall be short."""
    slots = {key: chat.rng.choice(values) for key, values in topic.slots.items()}
    slots |= {f"{key}2": yours(value) for key, value in slots.items()}
    follows = not short and chat.left > 1
    if not follows:
        chat.exchange(topic.opening, topic.remarks, **slots)
    else:
        chat.exchange(topic.opening, topic.questions, **slots)
        chat.exchange(topic.answer, topic.replies, **slots)
    told = "".join(topic.opening if not follows else topic.opening + topic.answer)
    wishes = [wish for wish in topic.wishes if all(f"{{{slot}" in told for slot in _slots(wish))]
    if wishes:
        chat.wish(chat.rng.choice(wishes), **slots)


def _slots(template: str) -> set[str]:
    """The slots a text needs, the user's side of them."""
    return {slot.rstrip("2") for slot in re.findall(r"\{(\w+)", template)}


def remark(chat: Chat) -> None:
    """A topic the user mentions, answered in one exchange."""
    play(chat, TOPICS[chat.pick(range(len(TOPICS)))], short=True)


def hello(chat: Chat) -> None:
    """A hello that asks what's going on."""
    chat.exchange(_HELLOS, _HELLO_BACK)


def how_are_you(chat: Chat) -> None:
    """The user asks how the assistant is doing, and may tell the same of himself; a second time it's a joke instead."""
    if not chat.first("how are you"):
        joke(chat)
        return
    back = chat.left > 1 and chat.chance(0.6)
    chat.turn_to(_HOW_ASKS, [reply for reply in _HOW_REPLIES if reply.endswith("?") is back])
    if back:
        chat.exchange(_WELL_ASKS, _WELL_REPLIES if chat.left > 2 else _WELL_ENDS)


def joke(chat: Chat) -> None:
    """A joke, and sometimes a second one."""
    some(chat, "jokes")


def curiosity(chat: Chat) -> None:
    """A small true fact on request."""
    some(chat, "curiosities")


def riddle(chat: Chat) -> None:
    """A riddle, then a right guess, a wrong one or none; without room for the guess, a joke."""
    if chat.left < 2:
        joke(chat)
        return
    question, answer, wrong = chat.pick(RIDDLES)
    chat.turn_to(_RIDDLE_ASKS, _RIDDLE_REPLIES, riddle=question)
    asks, replies = chat.rng.choice(
        ((_SOLVED_ASKS, _SOLVED_REPLIES), (_MISSED_ASKS, _MISSED_REPLIES), (_GAVE_UP_ASKS, _GAVE_UP_REPLIES))
    )
    chat.exchange(asks, replies, answer=answer, wrong=wrong)


def taste(chat: Chat) -> None:
    """The user asks whether the assistant likes something that only a body can enjoy."""
    sense = chat.rng.choice(tuple(_SENSES))
    chat.turn_to(_LIKE_ASKS, _LIKE_REPLIES[sense], thing=chat.pick(_SENSES[sense]))


def bored(chat: Chat) -> None:
    """The user is bored and gets an idea; a second time it's a curiosity instead."""
    if not chat.first("bored"):
        curiosity(chat)
        return
    chat.turn_to(_BORED_ASKS, _IDEA_REPLIES, idea=chat.pick(_IDEAS))


_MIX: tuple[tuple[Exchange, int], ...] = (
    (talk, 8),
    (joke, 2),
    (riddle, 2),
    (curiosity, 2),
    (taste, 3),
    (bored, 1),
    (how_are_you, 1),
)


def compose(chat: Chat) -> None:
    """A chat of small things."""
    if chat.length > 2 and chat.chance(0.3):
        hello(chat)
        talk(chat)
    elif chat.chance(0.15):
        how_are_you(chat)
    while chat.left:
        chat.one_of(_MIX)
