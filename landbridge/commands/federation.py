"""`landbridge federation`: who belongs to it, how members come and go, which datasets there are."""

from cyclopts import App

app = App(name="federation", help="Join a federation, take members in, and see who is there.")

_COMMANDS = {
    "apply": ("federation_apply:apply", "Ask to join: makes keys, hands in the application."),
    "accept": ("federation_accept:accept", "Take an applicant in, or a suspended member back."),
    "suspend": ("federation_suspend:suspend", "Shut a member out for now, everywhere."),
    "leave": ("federation_suspend:leave", "End a membership; what it signed stays verifiable."),
    "show": ("federation_show:show", "List members, their parties, and the datasets they publish."),
}
for _name, (_place, _help) in _COMMANDS.items():
    app.command(f"landbridge.commands.{_place}", name=_name, help=_help)
