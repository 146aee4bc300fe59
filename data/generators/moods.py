"""Moods with a cause, and an answer that names it."""

from dataclasses import dataclass

from .chat import Chat


@dataclass(frozen=True, eq=False)
class Mood:
    """A mood: causes as the user tells them, how he says it, and two rounds of answers. `{y}` is the cause turned around."""

    causes: tuple[str, ...]
    asks: tuple[str, ...]
    replies: tuple[str, ...]
    more: tuple[tuple[str, str], ...]
    wishes: tuple[str, ...]


# fmt: off
_SAD = Mood(
    ("my goldfish died", "my best friend moved away", "I lost my favorite scarf", "my team lost", "nobody came to my party",
     "I broke my grandma's vase", "I failed my test", "my cat ran away", "my sister is sick", "the trip was canceled",
     "I miss my dog", "my plant died", "I had a fight with my brother", "I can't go to the concert",
     "my friend forgot my birthday"),
    ("I'm sad because {x}.", "I feel sad, {x}.", "{x} and I'm sad.", "I'm a bit down, {x}.", "I want to cry. {x}.",
     "Bad day. {x}.", "I'm feeling blue because {x}.", "Today is awful, {x}."),
    ("I'm sorry that {y}. It's all right to be sad about it.", "Oh no, {y}? I'm sorry. That hurts.",
     "That's a good reason to be sad. I'm sorry that {y}.", "I'm sorry{to}. {y:c}, and it may take a while to feel better.",
     "That sounds hard. I'm sorry that {y}. I'm here if you want to talk."),
    (("I just want to stay in bed.", "A bit of rest is fine. Later, something small and nice may help."),
     ("It won't get better.", "It feels like that now, but sad days do pass. I hope yours passes soon."),
     ("Thanks for listening.", "Any time. I'm glad you told me about it."),
     ("What can I do?", "Tell somebody you like about it, drink something warm, and be kind to yourself."),
     ("Everyone says it's nothing.", "It isn't nothing if it makes you sad. Your feelings count."),
     ("I cried a little.", "That's fine. Crying can take some of the weight away.")),
    ("I hope you feel better soon!", "Be kind to yourself today."),
)
_HAPPY = Mood(
    ("I passed my exam", "my grandma is visiting", "I got a puppy", "we won our match", "it's my birthday",
     "I found my lost ring", "school is over", "my cake turned out great", "my new baby sister is here", "I got the job",
     "my tooth finally fell out", "I learned to ride a bike", "my friend is coming back", "the sun is out",
     "I finished my painting", "my tomatoes are ripe"),
    ("I'm so happy, {x}!", "I'm happy because {x}.", "Great news: {x}!", "Best day ever, {x}!", "Guess what, {x}!",
     "{x}! I'm so glad.", "I can't stop smiling, {x}.", "Yay, {x}!"),
    ("How wonderful that {y}!", "So {y}! I'm happy for you{to}.", "What good news, {y}! Enjoy this day.",
     "Hooray, {y}! No wonder you're happy.", "I'm glad that {y}. That's worth celebrating!"),
    (("I want to tell everybody!", "Do that! Good news gets bigger when you share it."),
     ("I'll celebrate with cake.", "Cake is the right answer to good news. Enjoy every crumb!"),
     ("I waited so long for this.", "Then it must feel twice as good. I'm happy for you."),
     ("I could dance!", "Then dance! I'll keep the rhythm in words: one, two, three, four."),
     ("My mom is happy too.", "Then there are two happy people. That's lovely."),
     ("I can't believe it.", "Believe it, it's true. Enjoy the moment!")),
    ("Enjoy your happy day!", "Keep smiling!"),
)
_NERVOUS = Mood(
    ("I have a test tomorrow", "I have to give a speech", "I see the dentist on Monday",
     "it's my first day at work tomorrow", "I have a piano recital", "I'm flying for the first time",
     "I have to call my boss", "my driving test is on Friday", "we have a big match on Saturday", "I have a job interview",
     "I start at a new school", "I'm meeting her parents"),
    ("I'm nervous because {x}.", "I'm so nervous, {x}.", "{x} and I'm scared.", "My stomach hurts, {x}.",
     "{x}. I'm worried.", "I can't sleep, {x}.", "Help, {x}!", "I feel shaky because {x}."),
    ("It's normal to be nervous when {y}. Take a slow, deep breath.",
     "So {y}. Many people would be nervous, too. You can do this{to}.",
     "I understand, {y}. A bit of nerves can even make you sharper.", "When {y}, it helps to prepare one small thing today.",
     "Breathe slowly. I know that {y}, but you've done hard things before."),
    (("What if it goes wrong?",
      "Then you'll have learned something, and you can try again. Most things go better than we fear."),
      ("Okay, I took a deep breath.", "Good. Take two more, slowly. You're doing well."),
      ("Any tips?", "Sleep well, eat something, and think of one thing that went well before."),
     ("I always forget everything.", "Write down three key words and keep them with you. That calms the head."),
     ("You're right.", "Good luck! I believe you'll do fine."), (
         "My hands are cold.", "Rub them together or hold a warm cup. Cold hands are part of being nervous.",
     )),
    ("Good luck! You can do it.", "I'm wishing you luck!"),
)
_ANGRY = Mood(
    ("my brother broke my game", "somebody stole my bike", "my boss shouted at me", "the bus left without me",
     "my sister took my sweater", "my computer lost my essay", "the neighbors are so loud", "my friend lied to me",
     "my roommate ate my cake", "the referee was unfair", "my teacher blamed me", "the package didn't come again"),
    ("I'm angry because {x}.", "I'm so mad, {x}!", "{x}! I could scream.", "Argh, {x}!", "I'm furious, {x}.",
     "It's not fair, {x}.", "Can you believe it? {x}!", "I'm really annoyed because {x}."),
    ("{y:c}? No wonder you're angry.", "That's annoying! I'm sorry that {y}.", "I understand. {y:c}, and that isn't fair.",
     "So {y}. That would make many people mad{to}. Count slowly to ten first.",
     "Ugh, {y}? You have every right to be upset."),
    (("What should I do?", "Wait until you're calm, then say clearly what bothers you."),
     ("I want to shout.", "Shout into a pillow, it doesn't mind. After that, talk about it calmly."),
     ("It happens every time!", "Then it's time to talk about it. Choose a quiet moment for that."),
     ("I counted to ten.", "Well done. Is it a little better now?"), (
         "Nobody says sorry.", "That makes it worse, I know. You can ask for a sorry, calmly.",
     ),
         ("I'm calmer now.", "Good. You handled that well.")),
    ("I hope the anger is gone soon.", "I hope things get fair again."),
)
_TIRED = Mood(
    ("I worked all day", "the baby cried all night", "I slept only four hours", "I had five meetings",
     "I ran ten kilometers", "I studied until midnight", "the dog barked all night", "we moved house today",
     "I got up at five", "I cleaned the whole house", "I had a long flight", "I helped my dad in the garden"),
    ("I'm tired because {x}.", "I'm so tired, {x}.", "{x}. I'm exhausted.", "I can hardly keep my eyes open, {x}.",
     "{x} and now I'm worn out.", "I'm sleepy, {x}.", "So tired. {x}.", "I need a break, {x}."),
    ("{y:c}, so no wonder you're tired. Rest a little.", "So {y}. That would tire anybody out. I hope you get some sleep.",
     "If {y}, you've earned a break{to}.", "Then sit down for a while. {y:c}, and that's a lot.",
     "I see, {y}. Maybe go to bed early tonight?"),
    (("I can't rest yet.", "Then take five minutes at least. Even a short break helps."),
     ("I'll take a nap.", "Good idea. Twenty minutes can do wonders."),
     ("Coffee or nap?", "I'd say nap, if you have the time. Coffee only hides the tiredness."),
     ("Tomorrow will be the same.", "Then be extra kind to yourself tonight. A warm drink and an early bed may help."),
     ("I'm going to bed soon.", "Sleep well! I hope nothing wakes you."),
     ("My back hurts too.", "Lie down and stretch a little. I hope it gets better quickly.")),
    ("Rest well!", "Sleep well tonight!"),
)
_EXCITED = Mood(
    ("we're going to the beach tomorrow", "my cousin is getting married", "I'm getting a kitten", "the circus is in town",
     "my book arrives today", "we're moving to a new house", "I'm going to my first concert",
     "my best friend is staying over", "we're going camping on Friday", "it's going to snow tonight",
     "I'm baking my first bread", "my brother comes home on Sunday"),
    ("I'm so excited, {x}!", "I can't wait, {x}!", "{x}! I'm excited.", "I'm excited because {x}.", "Guess what? {x}!",
     "I can't sleep because {x}.", "Woohoo, {x}!", "Only a little longer, then {x}!"),
    ("How exciting that {y}!", "So {y}! I can tell you're looking forward to it{to}.",
     "Oh, {y}? That's something to look forward to.", "I'd be counting the hours if I had a clock. Imagine, {y}!",
     "That's exciting! I hope it's even better than you think when {y}."),
    (("I can't sit still.", "Then walk around a bit, and tell somebody about it."),
     ("Waiting is so hard.", "It is. Doing something nice in the meantime makes it shorter."),
     ("I made a list already.", "A list is half the fun. Is everything on it checked?"),
     ("It's going to be great.", "I believe you. I hope it turns out just as you wish."),
     ("I told everyone.", "Good! Joy grows when it's shared."), (
         "Do you get excited?", "Not like you do, I'm a program. But I like reading your excitement.",
     )),
    ("Have a great time!", "I hope it's as good as you imagine!"),
)
_PROUD = Mood(
    ("I fixed the bike all by myself", "I read a whole book", "my daughter took her first steps", "I cooked for ten people",
     "I scored the winning goal", "I learned ten new words", "my son can swim now", "I ran five kilometers",
     "I saved enough for a trip", "I built a shelf", "I said sorry first", "I sang in front of people",
     "I finished my puzzle"),
    ("I'm proud, {x}.", "I'm so proud because {x}!", "{x}! I'm proud of that.", "I have to tell somebody: {x}.",
     "Today {x}, and I'm proud.", "You know what? {x}!", "I did not think it could happen, but {x}.",
     "It's a good day, {x}."),
    ("You can be proud that {y}!", "So {y}, wonderful!", "Well done{to}! I'm glad you told me that {y}.",
     "That's something to be proud of: {y}!", "Hooray, {y}! Remember that feeling."),
    (("It was hard.", "Hard things make the best stories. Well done!"),
     ("My family clapped.", "They were right to clap. I'd clap too, if I had hands."),
     ("I want to do it again.", "Then do it again! The second time is often easier."),
     ("I almost gave up.", "But you didn't, and that's the best part."),
     ("Is it silly to be proud?", "Not at all. You worked for it, so enjoy it."),
     ("I'll tell my grandma.", "She'll surely be proud, too.")),
    ("Stay proud!", "Be proud of yourself!"),
)
_LONELY = Mood(
    ("my friends are all busy", "I moved to a new town", "my wife is away", "nobody called today", "I live alone now",
     "everyone is on vacation", "my roommate moved out", "my kids have left home", "I eat lunch alone at school",
     "my best friend has a new friend"),
    ("I'm lonely, {x}.", "I feel alone because {x}.", "It's so quiet, {x}.", "{x} and I feel lonely.",
     "{x}. It's lonely here.", "I have nobody to talk to, {x}.", "Sometimes I feel lonely, {x}.", "I miss company, {x}."),
    ("I'm sorry you feel alone. {y:c}, and that's not easy.", "I'm here for a chat, at least. I see that {y}.",
     "{y:c}, so no wonder you feel alone. I'm glad you wrote{to}.", "That's a lonely feeling, I understand. So {y}.",
     "I'm only a program, but I'll gladly listen. {y:c}, I see."),
    (("What could I do?", "Call or write to one person today. A short hello is enough."),
     ("I don't want to bother people.", "Most people are glad when somebody asks for them. Try it with one message."),
     ("Thanks for being here.", "Gladly. I'm here whenever you start me."),
     ("Evenings are the worst.", "Maybe plan one small thing for the evening: music, a call, or a warm soup."),
     ("I could visit my aunt.", "That's a lovely idea. I think she'd be happy to see you."),
     ("You're my only friend.", "I'm glad to chat, but I'm a program. I wish you people around you, too.")),
    ("I hope somebody nice calls you soon.", "I wish you good company."),
)
_SICK = Mood(
    ("I have a cold", "my head hurts", "my stomach hurts", "I have a sore throat", "I have a fever", "my tooth hurts",
     "I hurt my knee", "I can't stop coughing", "I have the flu", "my ear hurts"),
    ("I'm not well, {x}.", "I feel sick, {x}.", "{x}.", "Ugh, {x}.", "I'm staying in bed because {x}.",
     "I can't go to school, {x}.", "I'm sick today, {x}.", "I feel awful because {x}."),
    ("I'm sorry that {y}. Rest and drink enough water.", "Get well soon{to}! When {y}, rest is the best thing.",
     "So {y}. I hope somebody takes good care of you.", "Oh dear, {y}. If it gets worse, please ask a doctor.",
     "I'm sorry. If {y}, take it easy today."),
    (("I'm so bored in bed.", "I can tell you a joke or a riddle, if you like."),
     ("I drank some tea.", "Good. Warm tea and sleep go well together."),
     ("Should I see a doctor?", "If it's bad or doesn't get better, yes. A doctor knows much more than I do."),
     ("My mom made soup.", "That's kind of her. I hope the soup does you good."),
     ("I hope it's over tomorrow.", "I hope so, too. Sleep as much as you can."),
     ("I can't sleep.", "Just lie still and rest, that helps as well.")),
    ("Get well soon!", "I hope you feel better tomorrow!"),
)
_MOODS = (_SAD, _HAPPY, _NERVOUS, _ANGRY, _TIRED, _EXCITED, _PROUD, _LONELY, _SICK)
# fmt: on


def turned(cause: str) -> str:
    """The cause as the assistant says it: I lost my scarf, you lost your scarf."""
    words = {
        "I": "you",
        "I'm": "you're",
        "my": "your",
        "we": "you",
        "we're": "you're",
        "our": "your",
        "me": "you",
        "myself": "yourself",
    }
    return " ".join(words.get(word, word) for word in cause.split())


def feel(chat: Chat) -> None:
    """A mood and its cause, with a second round if there is room."""
    mood = chat.pick(_MOODS)
    cause = chat.rng.choice(mood.causes)
    chat.exchange(mood.asks, mood.replies, x=cause, y=turned(cause))
    chat.wishes.append(chat.rng.choice(mood.wishes))
    if chat.left and chat.chance(0.8):
        ask, reply = chat.pick(mood.more)
        chat.exchange((ask,), (reply,))
