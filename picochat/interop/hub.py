"""Pages of the Hugging Face hub, made and filled. Where the hub is, HF_ENDPOINT says, as for all programs that use it."""

from __future__ import annotations

import re
from collections.abc import Iterator
from contextlib import contextmanager
from importlib import import_module
from pathlib import Path
from typing import Any, Literal

from picochat.errors import ConfigError, OutputError

Kind = Literal["model", "space"]

_PART = r"[A-Za-z0-9](?:[\w.-]{0,94}[A-Za-z0-9_])?"
_NAME = re.compile(rf"(?:{_PART}/)?{_PART}\Z", re.ASCII)


def check_name(name: str) -> None:
    """Raise `ConfigError` for a name that the hub does not take."""
    if not _NAME.match(name) or "--" in name or ".." in name or name.endswith(".git") or len(name) > 96:
        raise ConfigError(
            f"A model can't be called {name!r} on the hub; give NAME or OWNER/NAME, of letters, digits, '-', '_' and '.'."
        )


class Hub:
    """The hub, for one user.

    Args:
        token: what allows to write; `None` takes the environment's or the one that `hf auth login` has kept.

    Raises:
        ConfigError: huggingface_hub is not installed, or there is no token.
    """

    def __init__(self, token: str | None = None) -> None:
        try:
            from huggingface_hub import HfApi, get_token
        except ImportError:
            raise ConfigError("Pushing needs the package huggingface_hub; run `pip install huggingface_hub`.") from None
        token = token or get_token()
        if not token:
            raise ConfigError(
                "There is no token for the Hugging Face hub; make one that may write on its page Settings, Access Tokens, "
                "and set HF_TOKEN to it, or run `hf auth login`; --dry-run DIR needs none."
            )
        self._api: Any = HfApi(token=token)

    @property
    def place(self) -> str:
        """Its address."""
        return str(self._api.endpoint)

    def full_name(self, name: str) -> str:
        """OWNER/NAME of a name that may lack its owner, who is then the user; the token is tried in any case.

        Raises:
            ConfigError, OutputError: the hub doesn't know the token, or can't be reached.
        """
        with self._told(name):
            user = self._api.whoami()["name"]
        return name if "/" in name else f"{user}/{name}"

    def create(self, name: str, kind: Kind, *, private: bool = False, update: bool = False) -> str:
        """Make an empty page and return its address; with `update` one that is there serves as well.

        Raises:
            ConfigError, OutputError: it is there already, may not be made, or the hub can't be reached.
        """
        more = {"space_sdk": "gradio"} if kind == "space" else {}
        with self._told(name):
            return str(self._api.create_repo(name, repo_type=kind, private=private or None, exist_ok=update, **more))

    def upload(self, folder: Path, name: str, kind: Kind, *, quiet: bool = True) -> None:
        """Put a folder's files onto a page.

        Args:
            quiet: show no progress on stderr.

        Raises:
            ConfigError, OutputError: that is not allowed, or the hub can't be reached.
        """
        if quiet:
            import_module("huggingface_hub.utils").disable_progress_bars()
        with self._told(name):
            self._api.upload_folder(
                repo_id=name, folder_path=str(folder), repo_type=kind, commit_message="Pushed by picochat"
            )

    @contextmanager
    def _told(self, name: str) -> Iterator[None]:
        """Say in one sentence what went wrong."""
        try:
            yield
        except Exception as error:  # all that a network can do
            status = getattr(getattr(error, "response", None), "status_code", None)
            reason = _reason(error)
            told: dict[int, str] = {
                401: f"The hub does not know this token ({reason}); make a new one that may write, or run `hf auth login`.",
                402: f"The hub wants to be paid for {name} ({reason}); leave --space out, or see to your plan.",
                403: f"This token may not write to {name} on the hub ({reason}); take one that may, or another owner.",
                404: f"The hub has no place for {name} ({reason}); is the owner spelled rightly?",
                409: f"{name} is on the hub already; give another name, or --update to put the files into it.",
            }
            if status in told:
                raise OutputError(told[status]) from None
            if status is not None:
                raise OutputError(f"The hub at {self.place} refused {name} with status {status} ({reason}).") from None
            raise OutputError(
                f"The hub at {self.place} can't be reached for {name} ({reason}); try again, or see what would be pushed "
                "with --dry-run DIR."
            ) from None


def _reason(error: Exception) -> str:
    """What an error says, in one short line: the hub's own words where there are any."""
    said = getattr(error, "server_message", None) or str(error) or type(error).__name__
    return " ".join(str(said).split())[:200].rstrip(".")
