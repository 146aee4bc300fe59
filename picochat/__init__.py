"""picochat: train a small GPT from scratch on your own text, and talk to it in the terminal."""

__version__ = "0.1.0"
