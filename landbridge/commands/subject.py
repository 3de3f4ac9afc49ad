"""`landbridge subject`: who looked at a subject's records, and its keys in logs.

Each command is loaded when it is called.
"""

from typing import Final

from cyclopts import App

COMMANDS: Final = {
    "accesses": (
        "subject_accesses:accesses",
        "Say who looked at a subject's records, and prove it.",
    ),
    "key": ("subject_key:key", "Write a subject's keys in a log for an auditor."),
    "erase": ("subject_key:erase", "Erase a subject's keys: its entries no longer lead to it."),
}

app = App(name="subject", help="See who looked at a subject; erase its keys.")
for _name, (_place, _help) in COMMANDS.items():
    app.command(f"landbridge.commands.{_place}", name=_name, help=_help)
