"""The slash commands of the chat, and the list of all there are."""

from __future__ import annotations

from picochat.chat.commands import Command, CommandRegistry, FrontEnd
from picochat.chat.completion import Completion, as_path, choose, complete_choice, complete_preset, complete_setting
from picochat.chat.history_actions import HISTORY_COMMANDS
from picochat.chat.keys import keymap
from picochat.chat.model_files import complete_model
from picochat.chat.preferences import save_preference, write_preferences
from picochat.chat.run_actions import RUN_COMMANDS
from picochat.chat.session import ChatSession
from picochat.chat.settings import PANEL_FIELDS, PRESETS, ChatSettings, choices
from picochat.errors import PicochatError
from picochat.locations import preferences


def _help(front_end: FrontEnd, argument: str) -> None:
    if argument:
        command = COMMANDS.find(argument)
        also = f" Also: {', '.join('/' + alias for alias in command.aliases)}." if command.aliases else ""
        front_end.say(f"{command.usage}: {command.help}{also}")
        return
    front_end.show_help()


def _reset(front_end: FrontEnd, _: str) -> None:
    front_end.session.reset()
    front_end.clear()
    front_end.say("New conversation. The model has forgotten the old one.")


def _set(front_end: FrontEnd, argument: str) -> None:
    name, _, value = argument.partition(" ")
    if not name:
        front_end.say(describe_settings(front_end.session.settings))
        return
    front_end.session.change(name, value)
    front_end.settings_changed()
    name = name.replace("-", "_")
    front_end.say(f"{name} is now {front_end.session.settings.text_of(name) or 'unset'}.")


def _preset(front_end: FrontEnd, argument: str) -> None:
    if argument not in PRESETS:
        raise PicochatError(f"There is no preset '{argument}'; choose one of {', '.join(PRESETS)}.")
    front_end.session.settings = front_end.session.settings.changed(**PRESETS[argument])
    front_end.settings_changed()
    front_end.say(describe_settings(front_end.session.settings))


def _save(front_end: FrontEnd, _: str) -> None:
    path = preferences()
    write_preferences(path, front_end.session.settings)
    front_end.say(f"Settings saved in {path}.")


def _theme(front_end: FrontEnd, argument: str) -> None:
    session = front_end.session
    if not argument:
        front_end.say(f"The theme is {session.settings.theme}; there are {', '.join(choices('theme'))}.")
        return
    session.change("theme", argument)
    front_end.settings_changed()
    # looks are not something to choose anew every time
    save_preference(preferences(), session.settings, "theme")


def _keys(front_end: FrontEnd, argument: str) -> None:
    session = front_end.session
    name, _, key = argument.partition(" ")
    if key:
        own = {**session.settings.keys, name: key}
        keymap(session.settings.changed(keys=own).keys, COMMANDS)
        session.change("keys", f"{name}={key.replace(' ', '')}")
        front_end.settings_changed()
    keys = keymap(session.settings.keys, COMMANDS)
    if name and name not in keys:
        keymap({name: ""}, COMMANDS)
    shown = {name: keys[name]} if name else {each: text for each, text in keys.items() if text}
    width = max(map(len, shown))
    front_end.say("\n".join(f"{each:<{width}}  {text or 'none'}" for each, text in shown.items()))


def _mode(front_end: FrontEnd, argument: str) -> None:
    session = front_end.session
    other = "single" if session.mode == "conversation" else "conversation"
    session.change("mode", argument or other)
    front_end.settings_changed()
    if session.mode == "conversation":
        front_end.say("Conversation mode: the model sees what was said before.")
    else:
        front_end.say("Single-prompt mode: each message is answered on its own.")


def _status(front_end: FrontEnd, _: str) -> None:
    session = front_end.session
    engine = session.require_engine()
    entries = len(session.conversation.entries)
    lines = [
        f"model     {engine.info.summary()}",
        f"device    {engine.info.device}, {engine.info.precision}, {engine.info.runtime}",
        f"mode      {session.mode}",
        f"messages  {entries}" + (f", the first {d} beyond the window" if (d := session.conversation.dropped) else ""),
        f"context   {session.context_used} of {engine.context} tokens",
        f"cache     {engine.cached} of {engine.context} tokens, {engine.backend.cache_bytes / 1e6:,.1f} MB when full"
        + (f", one of {engine.caches}" if engine.caches > 1 else ""),
    ]
    if session.draft_model is not None:
        guesses = engine.draft.info.summary() if engine.draft is not None else f"{session.draft_model} has another tokenizer"
        lines.append(f"draft     {guesses}")
    if engine.info.measured:
        ways = sorted(engine.info.measured.items(), key=lambda item: -item[1])
        lines.insert(2, f"measured  {', '.join(f'{way} {rate:,.0f}' for way, rate in ways)} tokens a second")
    if (last := session.last) and last.stop:
        lines.append("last      " + ", ".join(filter(None, (f"{last.count} tokens", last.pace, f"seed {last.seed}"))))
    front_end.say("\n".join([*lines, describe_settings(session.settings)]))


def _info(front_end: FrontEnd, _: str) -> None:
    info = front_end.session.require_engine().info
    training = info.training
    facts = {
        "file": str(info.path),
        "architecture": info.architecture,
        "parameters": f"{info.parameters:,}",
        "vocabulary": f"{info.vocab_size:,}",
        "context": f"{info.context:,} tokens",
        "trained on": training.get("data"),
        "steps": training.get("step"),
        "tokens seen": f"{training['tokens']:,}" if "tokens" in training else None,
        "validation": f"{training['val_bpb']:.3f} bits per byte" if "val_bpb" in training else None,
    }
    front_end.say("\n".join(f"{name:<13} {value}" for name, value in facts.items() if value is not None))


def _regenerate(front_end: FrontEnd, _: str) -> None:
    front_end.answer(lambda cancelled: front_end.session.regenerate(cancelled))


def _continue(front_end: FrontEnd, _: str) -> None:
    front_end.answer(lambda cancelled: front_end.session.resume(cancelled=cancelled))


def _undo(front_end: FrontEnd, _: str) -> None:
    front_end.session.undo()
    front_end.conversation_changed()


def _edit(front_end: FrontEnd, _: str) -> None:
    session = front_end.session
    if session.mode == "single":
        front_end.edit(session.last_question().text)
        return
    text = session.undo()
    front_end.conversation_changed()
    front_end.edit(text)


def _system(front_end: FrontEnd, argument: str) -> None:
    session = front_end.session
    if argument:
        session.change("system", "" if argument.lower() == "none" else argument)
        front_end.settings_changed()
    front_end.say(f"System prompt: {session.settings.system}" if session.settings.system else "There is no system prompt.")


def _copy(front_end: FrontEnd, _: str) -> None:
    session = front_end.session
    if session.mode == "single":
        answers = [session.last.text] if session.last is not None else []
    else:
        messages = (entry.message for entry in session.conversation.entries)
        answers = [message.content for message in messages if message.role == "assistant"]
    if not answers:
        raise PicochatError("There is no answer to copy yet.")
    front_end.copy(answers[-1])


def _load(front_end: FrontEnd, argument: str) -> None:
    if not argument:
        raise PicochatError("/load needs the path of a model file or run folder.")
    front_end.load(str(as_path(argument)))


_modes, _themes = complete_choice("mode"), complete_choice("theme")


def _complete_key(session: ChatSession, typed: str) -> list[Completion]:
    keys = keymap(session.settings.keys, COMMANDS)
    return [] if " " in typed else choose(typed, [Completion(name, text or "no key") for name, text in keys.items()])


def describe_commands() -> str:
    """All commands, a line each."""
    width = max(len(command.usage) for command in COMMANDS)
    return "\n".join(f"{command.usage:<{width}}  {command.help}" for command in COMMANDS)


def describe_settings(settings: ChatSettings) -> str:
    """The settings of the panel, a line each."""
    width = max(map(len, PANEL_FIELDS))
    return "\n".join(f"{name:<{width}}  {settings.text_of(name) or 'auto'}" for name in PANEL_FIELDS)


COMMANDS: CommandRegistry = CommandRegistry(
    [
        Command(
            "help",
            "List the commands, or explain one.",
            _help,
            "[command]",
            aliases=("h", "?"),
            complete=lambda _, typed: choose(typed, [Completion(command.name, command.help) for command in COMMANDS]),
            key="f1",
        ),
        Command("settings", "Show or hide the settings.", lambda front_end, _: front_end.show_settings(), key="f2"),
        Command("set", "Change a setting, e.g. /set temperature 0.5", _set, "name value", complete=complete_setting),
        Command("preset", f"Take settings by name: {', '.join(PRESETS)}.", _preset, "name", complete=complete_preset),
        Command("save", "Keep the settings for the next chats.", _save),
        Command(
            "mode", "Switch between conversation and single prompts.", _mode, "[name]", complete=complete_choice("mode")
        ),
        Command(
            "theme", "Choose the colors of the screen, and keep them.", _theme, "[name]", complete=complete_choice("theme")
        ),
        Command("keys", "List the keys, or change one: /keys probs ctrl+t", _keys, "[name key]", complete=_complete_key),
        Command(
            "regenerate",
            "Answer the last message anew.",
            _regenerate,
            aliases=("retry",),
            while_answering=False,
            key="ctrl+r",
        ),
        Command("continue", "Go on with an answer that was cut off.", _continue, while_answering=False),
        Command("edit", "Change the last message and send it again.", _edit, while_answering=False),
        Command("undo", "Take back the last message and its answer.", _undo, while_answering=False),
        Command("copy", "Copy the last answer.", _copy),
        Command("system", "Show or set what the model is told first; none takes it away.", _system, "[text]"),
        Command("probs", "Color answers by how sure the model was.", lambda front_end, _: front_end.show_probabilities()),
        Command(
            "inspect",
            "Look at an answer token by token, and go on from another choice.",
            lambda front_end, _: front_end.inspect_answer(),
            while_answering=False,
            key="f3",
        ),
        Command(
            "context", "Show exactly what the model sees, token by token.", lambda front_end, _: front_end.show_context()
        ),
        Command(
            "tokens",
            "Show the tokens of a text, or of the last message.",
            lambda front_end, text: front_end.show_tokens(text),
            "[text]",
        ),
        Command("reset", "Start a new conversation.", _reset, aliases=("new",), while_answering=False, key="ctrl+n"),
        Command("clear", "Clear the screen; the conversation goes on.", lambda front_end, _: front_end.clear()),
        Command("status", "Model, device, context used and settings.", _status),
        Command("info", "Facts of the model and its training.", _info),
        Command(
            "load",
            "Load another model; the conversation stays.",
            _load,
            "path",
            while_answering=False,
            complete=complete_model,
        ),
        *RUN_COMMANDS,
        *HISTORY_COMMANDS,
        Command("quit", "Leave.", lambda front_end, _: front_end.quit(), aliases=("exit", "q"), key="ctrl+q"),
    ]
)
