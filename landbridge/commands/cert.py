"""`landbridge cert`: the certificates and keys of a federation, for those who answer for them."""

from cyclopts import App

app = App(name="cert", help="Make, follow and rotate a federation's certificates and keys.")

_COMMANDS = {
    "init": ("cert_init:init", "Make a federation's authority, its root and its first parties."),
    "serve": ("cert_serve:serve", "Run the authority until it is told to stop."),
    "issue": ("cert_issue:issue", "Invite a party, once, to its first certificate."),
    "enrol": ("cert_enrol:enrol", "Take up an invitation: keys are made here and stay here."),
    "renew": ("cert_renew:renew", "Renew the certificates of parties that serve nothing."),
    "rotate": ("cert_rotate:app", "Replace a root, an issuing authority, a leaf or a signing key."),
    "status": ("cert_status:status", "Say who holds, trusts and has acknowledged what; who lags."),
    "revoke": ("cert_revoke:revoke", "End a party's certificate within a second."),
    "taint": ("cert_taint:taint", "Give up an authority or a signing key that was stolen."),
    "lint": ("cert_lint:lint", "Hold certificates and revocation lists against their profile."),
    "bundle": ("cert_bundle:bundle", "Show a trust bundle, fetch it, or bring it to a party."),
}
for _name, (_place, _help) in _COMMANDS.items():
    app.command(f"landbridge.commands.{_place}", name=_name, help=_help)
