"""`landbridge log`: verifiable logs for their owners, auditors and witnesses.

Each command is loaded when it is called.
"""

from typing import Final

from cyclopts import App

_HERE: Final = "landbridge.commands.log"

COMMANDS: Final = {
    "verify": ("verify:verify", "Verify a log, or its published tiles, entry by entry."),
    "export": ("export:export", "Publish a log as static tiles."),
    "prove": ("prove:prove", "Write the proof of one entry as a file of its own."),
    "search": ("search:search", "Find the entries on a subject, with the subject's key."),
    "backup": ("backup:backup", "Copy a log while it is written."),
    "restore": ("backup:restore", "Put a copy of a log back, if no newer head is known of it."),
    "witnesses": ("witnesses:witnesses", "Say who has seen how much of which log."),
    "audit": ("audit:audit_logs", "Hold two or three logs against one another."),
    "monitor": ("monitor:monitor", "Do so again and again, and raise alarms."),
}

app = App(name="log", help="Verify, publish, back up, audit and watch verifiable logs.")
for _name, (_place, _help) in COMMANDS.items():
    app.command(f"{_HERE}.{_place}", name=_name, help=_help)
