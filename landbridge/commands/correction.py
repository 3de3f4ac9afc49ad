"""`landbridge correction`: those who received what was wrong are told, and say that they know.

Each command is loaded when it is called.
"""

from typing import Final

from cyclopts import App

COMMANDS: Final = {
    "issue": (
        "correction_issue:issue",
        "Correct a record, and sign a notice to everyone who received it.",
    ),
    "fetch": ("correction_fetch:fetch", "Fetch the notices to an agency, and show them."),
    "acknowledge": ("correction_fetch:acknowledge", "Acknowledge a notice."),
    "status": ("correction_status:status", "Say who has been told, and who has not acknowledged."),
}

app = App(name="correction", help="Tell who received what was wrong; acknowledge.")
for _name, (_place, _help) in COMMANDS.items():
    app.command(f"landbridge.commands.{_place}", name=_name, help=_help)
