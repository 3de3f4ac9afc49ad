"""`landbridge repair`: a subject has made good what a record tells of.

Each command is loaded when it is called.
"""

from typing import Final

from cyclopts import App

COMMANDS: Final = {
    "request": ("repair_request:request", "Ask for the repair of a record, for its subject."),
    "review": ("repair_decide:review", "Take a request for review, as the deciding agency."),
    "decide": ("repair_decide:decide", "Decide a request: repaired or refused."),
    "send": ("case_send:send", "Hand a signed step in again that may not have arrived."),
    "list": ("dispute_list:list_repairs", "List the repairs at a node, with their clocks."),
    "show": ("case_show:show_repair", "Show a repair from its beginning."),
    "export": ("case_export:export_repair", "Write a repair with its proofs as one file."),
}

app = App(name="repair", help="Ask for the repair of a record, follow it, decide it.")
for _name, (_place, _help) in COMMANDS.items():
    app.command(f"landbridge.commands.{_place}", name=_name, help=_help)
