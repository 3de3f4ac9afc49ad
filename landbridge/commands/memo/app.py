"""`landbridge memo`: memoranda for the people who agree on them, from draft to history.

Each command is loaded when it is called.
"""

from typing import Final

from cyclopts import App

_HERE: Final = "landbridge.commands.memo"

COMMANDS: Final = {
    "lint": ("lint:lint", "Check memoranda; each mistake is told with its place."),
    "show": ("show:show", "Show a memorandum in sentences, as text or as a page to sign by."),
    "explain": ("explain:explain", "Say which clause allows or refuses, and what would change it."),
    "matrix": ("matrix:matrix", "Show who can see what."),
    "diff": ("diff:diff", "Show exactly what a change allows and refuses."),
    "try": ("try_draft:try_draft", "Replay a node's log under a draft."),
    "sign": ("sign:sign", "Add one party's signature."),
    "detach": ("detached:detach", "Write out what a machine without a network is to sign."),
    "attach": ("detached:attach", "Add a signature that was made elsewhere."),
    "send": ("send:send", "Hand signed documents to the gateway, which passes them on."),
    "fetch": ("send:fetch", "Fetch the signed documents that a party may see."),
    "status": ("status:status", "Say where each memorandum stands in its life."),
    "amend": ("amend:amend", "Write the draft of a successor."),
    "suspend": ("notices:suspend", "Stop a memorandum, or clauses of it, for a time."),
    "resume": ("notices:resume", "Let what was suspended stand again."),
    "terminate": ("notices:terminate", "End a memorandum, or clauses of it."),
    "lapse": ("lapse:lapse", "Say who loses what, and when."),
    "audit": ("audit:audit", "Find grants that are unused, overlap or are too wide."),
    "export": ("exchange:export", "Write a memorandum as an ODRL agreement."),
    "import": ("exchange:import_", "Read a memorandum from an ODRL agreement."),
}

app = App(name="memo", help="Write, try, sign and follow memoranda; explain what they do.")
for _name, (_place, _help) in COMMANDS.items():
    app.command(f"{_HERE}.{_place}", name=_name, help=_help)
