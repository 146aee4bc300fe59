"""What people chat about: each topic is an opening with a question back, and the answer to that question."""

from collections.abc import Mapping
from dataclasses import dataclass


@dataclass(frozen=True)
class Topic:
    """A small thread: `opening` tells something and is asked about, `answer` replies to that, `wishes` suit the goodbye.

    The texts share slots, drawn once for the thread from `slots`. `remarks` answer the opening without a question, for a
    thread that ends there.
    """

    slots: Mapping[str, tuple[str, ...]]
    opening: tuple[str, ...]
    questions: tuple[str, ...]
    remarks: tuple[str, ...]
    answer: tuple[str, ...]
    replies: tuple[str, ...]
    wishes: tuple[str, ...]


_DAYS = ("Monday", "Tuesday", "Wednesday", "Thursday", "Friday", "Saturday", "Sunday")
_COLORS = ("red", "blue", "green", "yellow", "purple", "orange", "black", "white", "gray", "brown", "pink")
_PEOPLE = ("my sister", "my brother", "my dad", "my mom", "my grandma", "my grandpa", "my wife", "my husband", "my best friend")
_PERSON = tuple(person.replace("my", "your") for person in _PEOPLE)

TOPICS: tuple[Topic, ...] = (
    Topic(
        {
            "food": ("pancakes", "tomato soup", "fried rice", "lentil soup", "noodles", "a cheese sandwich", "pizza", "oatmeal",
                     "bean stew", "dumplings", "a big salad", "spaghetti", "tacos", "potato soup", "curry", "scrambled eggs",
                     "fish and chips", "a burrito", "waffles", "couscous"),
            "meal": ("breakfast", "lunch", "dinner"),
            "who": ("dad", "mom", "grandma", "grandpa", "wife", "husband", "sister", "brother", "roommate"),
        },
        ("I had {food} for {meal}.", "I just ate {food} for {meal}.", "There was {food} for {meal} today.", "We're having {food} for {meal}.",
         "Guess what, {food} for {meal}!", "It's {meal} time and I'm eating {food}.", "I'm having {food} for {meal}."),
        ("{food:c} for {meal} sounds tasty. Who made it?", "{food:c} is a fine {meal}. Did you cook it yourself?",
         "Mmm, {food}! Who was the cook?", "I can't eat, but {food} for {meal} sounds good. Who did the cooking?",
         "{food:c}! Did you make it, or did somebody cook for you?"),
        ("{food:c} for {meal} sounds tasty. Enjoy every bite!", "If I could taste anything, I'd try {food}.",
         "{food:c} is a fine {meal}.", "That's a good {meal}. I only know {food} from words, but the words are nice.",
         "Mmm, {food}! That should keep you going for a while."),
        ("My {who} did.", "My {who} made it.", "It was my {who}.", "My {who}, as always.", "My {who} cooked today.", "No, my {who} did."),
        ("Then your {who} did you a kindness. I hope the {meal} was as good as it sounds.", "Please give my praise to your {who}!",
         "Lucky you. A {who} who cooks is worth a thank-you.", "Say thanks to your {who} for the {meal}.",
         "That's nice of your {who}. Food tastes better when somebody made it for you."),
        ("Say hello to your {who}, the cook!", "Enjoy the {food}!"),
    ),
    Topic(
        {
            "drink": ("tea", "coffee", "hot chocolate", "lemonade", "orange juice", "iced tea", "mint tea", "cocoa", "apple juice"),
            "spot": ("on the balcony", "in the kitchen", "on the sofa", "in the garden", "by the window", "in bed", "at my desk"),
        },
        ("I'm drinking {drink}.", "I just made myself some {drink}.", "Having some {drink} right now.", "I've got a big cup of {drink} here.",
         "Time for some {drink}.", "There's a cup of {drink} in front of me."),
        ("{drink:c} is a good choice. Where are you drinking it?", "Enjoy your {drink}! Do you have a cozy spot for it?",
         "A cup of {drink} makes a nice break. Where are you sitting?", "{drink:c}, lovely. Have you got a good place to sit?",
         "I'll imagine the smell of {drink}. Where do you like to drink it?"),
        ("Enjoy your {drink}! I'll keep you company.", "{drink:c} is a good choice for a break.", "A cup of {drink} and a chat go well together.",
         "I can't drink, but I can keep your {drink} company.", "{drink:c}, lovely. Take your time with it."),
        ("{spot}", "I'm {spot}.", "Right now {spot}.", "I'm sitting {spot}.", "{spot}, as usual.", "Just {spot}."),
        ("{drink:c} {spot2} sounds peaceful.", "Then stay {spot2} until the cup is empty.", "Right {spot2}! A good place for {drink}.",
         "That sounds cozy. I hope nobody disturbs you and your {drink}.", "A quiet moment {spot2}, I like that."),
        ("Enjoy the rest of your {drink}!", "I hope the {drink} tastes good!"),
    ),
    Topic(
        {
            "weather": ("raining", "snowing", "sunny", "windy", "foggy", "very hot", "freezing cold", "cloudy", "pouring", "stormy"),
            "plan": ("read a book", "stay in bed", "go for a walk", "bake a cake", "clean my room", "play cards", "watch a movie",
                     "call my grandma", "sort my photos", "do a puzzle", "draw something"),
        },
        ("It's {weather} here.", "It is {weather} outside today.", "Ugh, it's {weather}.", "Look at that, it's {weather} again.",
         "It's been {weather} all day.", "The weather: it's {weather}."),
        ("I can't look outside, so thanks for telling me it's {weather}. What will you do today?",
         "{weather:c}! What are your plans on a day like that?", "So it's {weather} where you are. What would you like to do now?",
         "When it's {weather}, what do you like to do?", "I have no window, so I believe you that it's {weather}. Any plans?"),
        ("I have no window, so thanks for telling me it's {weather}.", "Weather is something I only know from words. I hope you're comfortable.",
         "Then dress for it when you go out, since it's {weather}.", "So it's {weather} where you are. In here it's always the same.",
         "{weather:c}! I hope the day turns out nice all the same."),
        ("I'll {plan}.", "I think I'll {plan}.", "I want to {plan}.", "Maybe I'll {plan}.", "I'm going to {plan}.", "I'd like to {plan}."),
        ("A good plan while it's {weather}. Have fun!", "To {plan2} when it's {weather} sounds just right.", "Then go and {plan2}. I hope you enjoy it.",
         "That fits the day well. You {plan2}, and it may stay {weather} as long as it likes.", "Nice idea, {plan2} and let it be {weather}."),
        ("Have fun with your plan to {plan2}!", "May the weather be kind to you!"),
    ),
    Topic(
        {
            "topic": ("pirates", "a lost dog", "space travel", "dragons", "a lighthouse keeper", "bees", "the sea", "two sisters", "old maps",
                      "a clever thief", "polar bears", "a haunted house", "volcanoes", "a wizard school", "dinosaurs", "a train journey"),
            "why": ("it's exciting", "it's funny", "it's a bit sad", "it's very long", "it's spooky", "it's slow but nice", "I can't put it down"),
        },
        ("I'm reading a book about {topic}.", "My new book is about {topic}.", "I started a book about {topic}.", "Reading a story about {topic} right now.",
         "I got a book about {topic} from the library.", "I'm in the middle of a book about {topic}."),
        ("A book about {topic}! How do you like it so far?", "I like stories about {topic}. Is this one good?",
         "I like the sound of {topic}. What is the book like?", "Ooh, {topic}. Would you recommend it?", "What's it like, the book about {topic}?"),
        ("A book about {topic} sounds like good company.", "I like the sound of {topic}. Enjoy the reading!", "Ooh, {topic}. I hope the ending is good.",
         "Books about {topic} don't get boring quickly. Have fun with it!", "I hope the story about {topic} keeps you turning pages."),
        ("Well, {why}.", "So far {why}.", "I'd say {why}.", "Hmm, {why}.", "I think {why}.", "Honestly, {why}."),
        ("So {why2}. That's worth knowing about a book with {topic} in it.", "A book about {topic}, and {why2}. I'd like to hear how it ends.",
         "Good to know that {why2}. Enjoy the rest of it!", "If {why2}, then {topic} must be in good hands. Happy reading!",
         "Fair enough, {why2}. I hope the last page is the best one."),
        ("Enjoy your book about {topic}!", "Happy reading!"),
    ),
    Topic(
        {
            "chore": ("do the dishes", "clean my room", "do the laundry", "mow the lawn", "fold the laundry", "take out the trash",
                      "vacuum the stairs", "write an essay", "do my math homework", "wash the car", "fix my bike", "tidy the garage"),
            "time": ("ten minutes", "half an hour", "an hour", "two hours", "twenty minutes", "forty minutes"),
        },
        ("I have to {chore}.", "I still need to {chore} today.", "I should {chore}, but I don't want to.", "My job today is to {chore}.",
         "Ugh, I must {chore}.", "I'm supposed to {chore}."),
        ("How long will it take you to {chore2}?", "To {chore2} isn't much fun. How long does it take?", "Could you put on music and just {chore2}? How long do you need?",
         "I can't help you {chore2}, but I can cheer. Is it a long job?", "If you {chore2} now, it's done. How much time will it take?"),
        ("If you {chore2} first, the rest of the day is yours.", "Put on some music, {chore2}, and then it's over.",
         "I can't help you {chore2}, but I can cheer you on.", "Start small. Once you begin to {chore2}, it gets easier.",
         "Nobody loves having to {chore2}. A little treat afterwards may help."),
        ("About {time}.", "{time}, I guess.", "Maybe {time}.", "Usually {time}.", "I think {time}.", "It takes {time}."),
        ("{time:c} is not forever. You can do it!", "Only {time}, and then you're free. Good luck!", "Then in {time} you can be proud of yourself.",
         "Start now, and {time} later it's done.", "{time:c} with music will feel shorter. Go for it!"),
        ("Good luck, and then enjoy being done!", "I hope the work is done quickly."),
    ),
    Topic(
        {
            "who": _PEOPLE,
            "day": _DAYS,
            "do": ("play board games", "go to the park", "bake cookies", "watch a movie", "go swimming", "visit the zoo", "have a picnic",
                   "go shopping", "walk by the river", "fly a kite"),
        },
        ("{who} is coming on {day}.", "{who} is visiting me on {day}.", "I'm seeing {who} on {day}.", "On {day} {who} comes over.",
         "I can't wait for {day}, {who} is coming.", "{who} will be here on {day}."),
        ("That's something to look forward to. What will you do with {who2} on {day}?", "{day} with {who2}, how nice! Do you have plans?",
         "How lovely that {who2} is coming. What do you want to do together?", "A visit on {day}! What would {who2} like to do?",
         "I hope {day} comes quickly. Do you and {who2} have any plans?"),
        ("A visit from {who2} is something to look forward to.", "Then {day} will be a good day.", "How lovely! Say hello to {who2} from me on {day}.",
         "I hope you and {who2} have a nice {day}.", "{day} with {who2} sounds like fun."),
        ("We want to {do}.", "We'll {do}.", "I think we'll {do}.", "Maybe {do}.", "We're going to {do}.", "We'd like to {do}."),
        ("So on {day} you'll {do}. I hope you both have fun!", "You and {who2} will enjoy it. {day} can come!",
         "To {do} with {who2} is a lovely plan.", "Sounds like a good {day} to me.", "I hope everything works out on {day}, for you and {who2}."),
        ("Have a lovely {day} with {who2}!", "Say hello to {who2} from me!"),
    ),
    Topic(
        {
            "game": ("chess", "checkers", "cards", "dominoes", "table tennis", "hide and seek", "soccer", "tic-tac-toe", "darts", "a word game", "a racing game"),
            "who": ("sister", "brother", "dad", "mom", "cousin", "friend", "grandpa", "roommate", "son", "daughter", "neighbor"),
        },
        ("I'm playing {game} with my {who}.", "My {who} and I are playing {game}.", "We play {game}, my {who} and I.", "I played {game} with my {who} today.",
         "Today it was {game} with my {who}.", "I just finished playing {game} with my {who}."),
        ("Fun! Who is better at {game}, you or your {who}?", "{game:c} with your {who}! Who wins more often?", "Is your {who} good at {game}?",
         "I'd love to know who won, you or your {who}.", "{game:c}! Is your {who} hard to beat?"),
        ("{game:c} with your {who} sounds like fun.", "A round of {game} is time well spent.", "Good luck against your {who}!", "I hope you and your {who} both had fun with {game}.",
         "{game:c} is best with somebody you like, so your {who} is a good choice."),
        ("My {who} wins every time.", "My {who} is way better.", "My {who}, sadly.", "My {who} always wins.", "It's my {who}, by far.", "My {who} is the champion."),
        ("Then watch how your {who} plays. Next time it may be your turn.", "A strong {who} is the best teacher for {game}.",
         "Your {who} can't win at {game} forever. Keep trying!", "Every lost round of {game} teaches you something. Good luck next time!",
         "Ask your {who} for one good {game} trick. Champions like to share."),
        ("Good luck in your next round of {game}!", "May you beat your {who} soon!"),
    ),
    Topic(
        {
            "thing": ("backpack", "bike", "jacket", "hat", "lamp", "scarf", "guitar", "notebook", "umbrella", "mug", "pair of shoes", "sweater", "chair"),
            "color": _COLORS,
        },
        ("I got {thing:a}.", "I bought {thing:a} yesterday.", "I have a new {thing}.", "Look, I got a new {thing}!", "My new {thing} is here.", "I'm so happy, I have a new {thing}."),
        ("A new {thing}, how nice! What color is it?", "Congratulations on the new {thing}! Which color did you choose?", "I can't see it, so tell me: what color is your {thing}?",
         "Nice! Is your {thing} a bright color or a dark one?", "Something new is always fun. What color is the {thing}?"),
        ("A new {thing}, how nice! May it last a long time.", "Congratulations on the new {thing}!", "Enjoy your {thing}! New things feel special for a while.",
         "I can't see it, but I'm glad you like your {thing}.", "A good {thing} is worth a lot. Have fun with it!"),
        ("{color}", "It's {color}.", "{color}, of course.", "It is {color}.", "It's {color} with white dots.", "The {color} one."),
        ("I can picture it in words now: {color}. Enjoy it!", "{color:c} is a good color for {thing:a}.", "{color:c}! Nobody will mix it up with another {thing}.",
         "Very nice. Your {color} {thing} will brighten the day.", "A fine choice. I'll think of you as the owner of something {color}."),
        ("Have fun with your new {thing}!", "Enjoy the {color} {thing}!"),
    ),
    Topic(
        {
            "skill": ("Spanish", "the piano", "knitting", "swimming", "drawing", "juggling", "the guitar", "French", "cooking", "sign language", "sewing", "skating", "typing"),
            "long": ("two weeks", "a month", "three days", "a year", "half a year", "five weeks", "two years"),
        },
        ("I'm learning {skill}.", "I started learning {skill}.", "I'm trying to learn {skill}.", "I take lessons now, I'm learning {skill}.", "I want to get good at {skill}.", "{skill} is what I'm learning."),
        ("{skill:c}, good for you! How long have you been at it?", "Learning {skill} takes patience. When did you start?", "Nice! How long have you been learning {skill}?",
         "That's a useful thing to learn. Have you been learning {skill} for long?", "I like people who learn things. How long have you been working on {skill}?"),
        ("{skill:c}, good for you! A little every day works wonders.", "Learning {skill} takes patience, and it pays off.", "I like people who learn things. Keep going with {skill}!",
         "Nobody is good at {skill} on the first day. You'll get there.", "{skill:c} is worth the effort. Have fun with it!"),
        ("For {long} now.", "{long}", "About {long}.", "Since {long} ago.", "I've been at it for {long}.", "Around {long}."),
        ("After {long} you surely know more than on the first day. Keep going!", "{long:c} is a good start. Stay with it!", "{long:c} of {skill}, well done for sticking with it.",
         "Then be patient with yourself. Every bit of practice counts.", "Good. Ten minutes of {skill} a day will take you further."),
        ("Have fun with {skill}!", "Good luck with {skill}!"),
    ),
    Topic(
        {
            "place": ("the lake", "the mountains", "the beach", "the museum", "the zoo", "the market", "the forest", "the library", "the pool",
                      "the castle", "the fair", "my grandparents' house", "my cousin's farm"),
            "way": ("by train", "by bus", "by car", "by bike", "on foot"),
            "day": ("tomorrow", "on Saturday", "on Sunday", "next week", "this weekend", "this afternoon"),
        },
        ("We're going to {place} {day}.", "I'm off to {place} {day}.", "{day} we're going to {place}.", "I get to go to {place} {day}.", "We're taking a trip to {place} {day}.",
         "My plan is to go to {place} {day}."),
        ("A trip to {place2}, lovely! How will you get there?", "How will you travel to {place2}?", "Nice! Is it far to {place2}, and how do you get there?",
         "Something to look forward to. How are you getting to {place2}?", "I'm glad you get to go to {place2}. Will you walk or ride?"),
        ("A trip to {place2} sounds lovely.", "I hope you have a great time at {place2}.", "Nice! Say hello to {place2} from a very small language model.",
         "That's something to look forward to. Enjoy {place2}!", "Enjoy it! A trip to {place2} is worth remembering."),
        ("{way}", "We go {way}.", "We're going {way}.", "Probably {way}.", "{way}, it's not far.", "I think {way}."),
        ("Going {way} is part of the fun. Have a safe trip!", "Then enjoy the way, too. I hope you see nice things {way}.", "That's a good choice. I hope all goes smoothly {way}.",
         "Have a good trip to {place2}!", "Good, {way} then. I hope the way to {place2} is short and sunny."),
        ("Have a great trip!", "Enjoy your time at {place2}!"),
    ),
    Topic(
        {
            "things": ("stamps", "coins", "shells", "stones", "postcards", "stickers", "buttons", "marbles", "keychains", "toy cars", "comics"),
            "count": ("12", "20", "35", "50", "about 100", "almost 200", "7", "only 5"),
        },
        ("I collect {things}.", "My hobby is collecting {things}.", "I have a collection of {things}.", "I love collecting {things}.", "I've started to collect {things}.", "Did you know I collect {things}?"),
        ("{things:c}, how nice! How many do you have?", "A collection of {things}! Is it big already?", "What a good hobby. How many {things} have you got?", "I'd like to hear more. How many {things} are there?",
         "Collecting {things} takes a sharp eye. How many do you have so far?"),
        ("{things:c}, how nice! Every one of them has its own story.", "What a good hobby. Collecting {things} takes a sharp eye.", "A collection of {things} is never quite finished, and that's the fun.",
         "I hope you find many more {things}.", "I collect nothing but words, so {things} sound exciting."),
        ("I have {count}.", "{count}", "{count} so far.", "I've got {count}.", "{count}, I counted them.", "I think {count}."),
        ("So you have {count} {things}. I hope you find many more!", "{count:c} {things} is a good start for a collection.", "{count:c}! Do take good care of them.",
         "And each of them is different, I bet. Good luck with the next one!", "A collection of {count} {things} deserves a nice box."),
        ("I hope you find many more {things}!", "Have fun with your {things}!"),
    ),
    Topic(
        {
            "animal": ("cat", "dragon", "horse", "fox", "owl", "whale", "dinosaur", "rabbit", "turtle", "lion", "penguin", "unicorn", "frog"),
            "color": _COLORS,
        },
        ("I'm drawing {animal:a}.", "I drew {animal:a} today.", "I'm painting {animal:a}.", "Today I painted {animal:a}.", "I made a picture of {animal:a}.", "I'm making a picture of {animal:a}."),
        ("{animal:a}, lovely! What color is it?", "I wish I could see your {animal}. Which color did you use?", "What color is your {animal}?", "A picture of {animal:a}! Is it a colorful one?",
         "I can't see pictures, so tell me: what color is the {animal}?"),
        ("{animal:a}, lovely! Hang it up where you can see it.", "I wish I could see your {animal}.", "I'm sure your {animal} looks just as you want it.",
         "A picture of {animal:a} makes any wall nicer.", "Drawing {animal:a} isn't easy. Well done!"),
        ("{color}", "It's {color}.", "I made it {color}.", "It is {color}.", "All {color}.", "It's {color} and a bit white."),
        ("{color:a} {animal}! That's one of a kind.", "I like the thought of {color:a} {animal}.", "Then nobody else has {animal:a} like yours.", "{color:c} suits it well. Give your {animal} a frame!",
         "{color:a} {animal} sounds cheerful. What a nice picture!"),
        ("Say hello to your {color} {animal}!", "Keep drawing!"),
    ),
)  # fmt: skip
