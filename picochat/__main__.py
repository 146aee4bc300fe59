"""`python -m picochat`."""

from picochat.cli import main

if __name__ == "__main__":
    main()
