"""First names of many cultures, pet names and family members."""

import random

from .chat import listed

# fmt: off
NAMES: tuple[str, ...] = listed(
    """
    Aaliyah Aaron Abdul Abena Abigail Adam Adaeze Adele Aditi Adrian Agnes Ahmed Aiko Aisha Akira Alan Alejandro Alice
    Alicia Alina Amal Amara Amelia Amina Amir Amit Ana Anders Andre Andrea Anika Anita Anna Anton Anya Arjun Arthur Asha
    Astrid Aurora Ava Ayesha Ayo Aziz Barbara Bashir Beatriz Ben Benjamin Bianca Bilal Bjorn Boris Brian Bridget Bruno
    Camila Carlos Carmen Caroline Cecilia Chen Chiara Chidi Chloe Christine Clara Claudia Colin Connor Dalia Dana Daniel
    Daria David Deepa Deniz Derek Diego Dmitri Dolores Dora Duc Dylan Edgar Efe Ekaterina Elena Elif Elias Elijah Elisa
    Ella Ellen Elsa Emeka Emil Emily Emma Emre Enrique Erik Esther Ethan Eva Fabio Farah Fatima Felix Fernando Fiona
    Florence Francesca Frank Freya Gabriel Gemma George Gerald Giorgio Giulia Gloria Goran Grace Greta Gustav Hamid Hana
    Hannah Harold Haruto Hassan Heidi Helen Henrik Henry Hiroshi Hugo Hussein Ibrahim Ida Ikram Imani Ines Ingrid Irene
    Irina Isaac Isabel Ivan Ivy Jack Jada Jakub James Jamila Jan Jasmine Javier Jelena Jenny Jin Joanna Joao Johan Jonas
    Jorge Josef Josh Juan Judith Julia Jun Kaito Kamal Karen Karim Karl Katya Kavita Keiko Kemal Kenji Kenneth Khadija
    Kiran Klaus Kofi Kwame Lakshmi Lara Lars Laura Layla Leila Lena Leo Leon Liam Lin Linh Liv Lorenzo Lucas Lucia Luis
    Luka Lupe Mabel Magnus Mai Maja Malik Manuel Marco Margaret Maria Marie Marta Martin Mary Matteo Maya Mehmet Mei Mia
    Miguel Mila Milan Minh Miriam Mohamed Mona Mukesh Murat Nadia Naomi Nasser Natasha Neha Nia Nicolas Nikhil Nils Nina
    Noah Noor Nora Obi Olga Oliver Olivia Olu Omar Oscar Otto Pablo Paige Paolo Parisa Patrick Paul Pavel Pedro Penelope
    Peter Petra Philip Pia Pierre Pilar Priya Quinn Rachel Rafael Rahul Raj Ramona Rania Rashid Ravi Rebecca Renata Reza
    Ricardo Rita Robert Rohan Rosa Ruben Ruth Ryan Sabine Sadia Said Sakura Salma Sam Samira Samuel Sandra Sanjay
    Santiago Sara Sasha Sean Selma Sergio Shirin Sigrid Silvia Simon Sindre Sofia Sonia Stefan Stella Suki Sunita Sven
    Taro Tamar Tanya Tara Tariq Teresa Thandi Theo Thomas Tiago Tim Tobias Tomasz Tove Tunde Uma Ursula Valentina Vera
    Victor Vijay Viktor Wanda Wei Wendy William Wren Xavier Ximena Yara Yasmin Yolanda Youssef Yuki Yusuf Zainab Zara
    Zeynep Zoe Zuri
    """
)

PET_NAMES: tuple[str, ...] = listed(
    """
    Biscuit Pepper Rocket Pickle Waffles Luna Max Milo Coco Peanut Shadow Ginger Noodle Pumpkin Ziggy Daisy Rex Bella
    Simba Socks Muffin Olive Mango Cookie Bandit Domino Pebbles Buttons Clover Tofu Smokey Patches Marble Truffle Fudge
    Hazel Figaro Otis Poppy Scout Sunny Tiger Bubbles Flash Maple Mochi Nugget Snowy Turbo Whiskers
    """
)

RELATIVES: tuple[str, ...] = (
    "brother", "sister", "cousin", "friend", "son", "daughter", "husband", "wife", "uncle", "aunt", "neighbor",
)

WOMEN: tuple[str, ...] = listed(
    """
    Abigail Aisha Amina Anna Astrid Beatriz Bianca Bridget Camila Carmen Chiara Chloe Clara Daria Deepa Elena Elif Emily
    Emma Esther Eva Fatima Fiona Freya Giulia Greta Hannah Heidi Helen Ines Ingrid Irina Isabel Jasmine Julia Kavita
    Keiko Khadija Laura Layla Leila Lucia Maria Marta Maya Mei Miriam Nadia Naomi Natasha Neha Nina Nora Olga Olivia
    Petra Priya Rosa Sakura Samira Sofia Sunita Thandi Valentina Wanda Yasmin Yolanda Zainab Zara Zeynep Zoe Zuri
    """
)
MEN: tuple[str, ...] = listed(
    """
    Aaron Abdul Ahmed Alejandro Amir Anders Anton Arjun Bashir Ben Bilal Bruno Carlos Chidi Daniel David Diego Dmitri
    Dylan Emeka Emre Enrique Erik Ethan Fabio Felix Frank George Gustav Haruto Hassan Henry Hiroshi Hugo Ibrahim Ivan
    Jack Jakub Javier Jonas Juan Kenji Klaus Kofi Kwame Lars Liam Lorenzo Luis Malik Marco Martin Matteo Mehmet Miguel
    Milan Mohamed Nikhil Nils Oliver Omar Otto Pablo Paul Pedro Peter Rafael Raj Ravi Robert Rohan Samuel Santiago Stefan
    Sven Tariq Thomas Tomasz Tunde Vijay Viktor William Youssef Yusuf
    """
)
# fmt: on

_ONSETS = listed("b br c ch d dr f fl g gr h j k l m n p pr r s sh st t th tr v w y z")
_VOWELS = listed("a e i o u a e i o ai ea ee ia io oa")
_ENDINGS = listed("l la lin m mir n na nd nor r ra rin s sa sk t th v x")
_FEMALE = ("sister", "daughter", "wife", "aunt")
_MALE = ("brother", "son", "husband", "uncle")


def name_of(relative: str, rng: random.Random) -> str:
    """A name for the relative, one that most readers expect for a sister or a brother."""
    names = WOMEN if relative.endswith(_FEMALE) else MEN if relative.endswith(_MALE) else NAMES
    return rng.choice(names)


def invented(rng: random.Random) -> str:
    """A name that nobody has: whoever is asked for it must have listened, as it can't be known by heart."""
    syllables = "".join(rng.choice(_ONSETS) + rng.choice(_VOWELS) for _ in range(rng.choice((1, 2, 2))))
    return (syllables + rng.choice(_ENDINGS)).capitalize()
