"""`landbridge cert rotate bundle-key`: another key signs trust bundles, by two administrators."""

from landbridge.commands.act import ActOptions, Prepared, run_act
from landbridge.commands.act_line import ActLine
from landbridge.trust.approval import Act

_DEFAULTS = ActOptions()


def bundle_key(*, options: ActOptions = _DEFAULTS) -> int:
    """Replace the key that signs trust bundles; two administrators run it.

    The authority makes the next key and keeps it. Every party accepts it by the administrators'
    approval; a card or an invitation made before does not know it.

    Args:
        options: Who acts, and how.
    """

    async def prepare(line: ActLine) -> Prepared:
        subject = line.bundle.content.bundle_key
        first = line.statement(Act.BUNDLE_KEY_REPLACE, subject)
        if options.dry_run:
            return Prepared(first)
        # The authority makes the next key at the first request, and tells it at every one.
        made = (await line.submit(first)).result
        statement = line.statement(Act.BUNDLE_KEY_REPLACE, subject, attachment=made)
        return Prepared(statement, made, "give out new cards: landbridge federation show --card")

    return run_act(options, prepare)
