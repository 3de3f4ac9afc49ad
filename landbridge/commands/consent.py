"""`landbridge consent`: consents of persons, for consent desks, for the persons and for checkers.

Each command is loaded when it is called.
"""

from typing import Final

from cyclopts import App

_HERE: Final = "landbridge.commands"

COMMANDS: Final = {
    "give": ("consent_give:give", "Write and sign a person's consent."),
    "bind": ("consent_bind:bind", "Say, as a consent desk, whose key a person's key is."),
    "show": ("consent_show:show", "Show a consent record in sentences."),
    "verify": ("consent_verify:verify", "Hold a consent record against a trust bundle."),
    "revoke": ("consent_revoke:revoke", "Revoke a consent."),
}

app = App(name="consent", help="Give, show, verify and revoke consents of persons.")
for _name, (_place, _help) in COMMANDS.items():
    app.command(f"{_HERE}.{_place}", name=_name, help=_help)
