"""`landbridge dispute`: a subject challenges a record; the agency decides.

Each command is loaded when it is called.
"""

from typing import Final

from cyclopts import App

COMMANDS: Final = {
    "open": ("dispute_open:open_", "Open a dispute on a record, for its subject."),
    "send": ("case_send:send", "Hand a signed step in again that may not have arrived."),
    "list": ("dispute_list:list_", "List the disputes at a node, with their clocks."),
    "show": ("case_show:show_dispute", "Show a dispute from its beginning."),
    "decide": ("dispute_decide:decide", "Decide a dispute: upheld, corrected or rejected."),
    "export": ("case_export:export_dispute", "Write a dispute with its proofs as one file."),
}

app = App(name="dispute", help="Challenge a record, follow the dispute, decide it.")
for _name, (_place, _help) in COMMANDS.items():
    app.command(f"landbridge.commands.{_place}", name=_name, help=_help)
