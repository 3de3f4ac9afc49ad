"""Tries a node in every respect, one after the other, and goes on after what fails.

    report = asyncio.run(conform(Path("node.toml"), Path("federation.toml")))

1. Read the configuration and sample subjects from the agency's own database.
2. Make a throw-away federation around the node, with memoranda for the agency's own datasets.
3. Start the node and ask it.
4. Look back on evidence and log.
"""

import hashlib
from collections.abc import Callable, Sequence
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Final

from landbridge.clock import system_clock
from landbridge.errors import LandbridgeError, Reason, refuse
from landbridge.federation import Federation
from node.config import load_node_config
from node.conformance import (
    answer_checks,
    consent_checks,
    fault_checks,
    log_checks,
    policy_checks,
    row_checks,
    trust_checks,
)
from node.conformance.report import Report
from node.conformance.subjects import sample_subjects
from node.conformance.trial import Trial
from node.conformance.verdict import (
    Check,
    NonconformityError,
    NotApplicableError,
    Outcome,
    Verdict,
)

CHECKS: Final[Sequence[Check[Trial]]] = (
    *answer_checks.CHECKS,
    *policy_checks.CHECKS,
    *consent_checks.CHECKS,
    *row_checks.CHECKS,
    *trust_checks.CHECKS,
    *fault_checks.CHECKS,
    *log_checks.CHECKS,
)


async def conform(
    config_path: Path,
    federation_path: Path,
    *,
    given: Sequence[str] = (),
    passed: Callable[[Outcome], None] = lambda _: None,
) -> Report:
    """Try a node; `passed` is told of each check as soon as it is made.

    `given` are subjects to ask for, as scheme:value, beside those that the database shows.

    Raises:
        LandbridgeError: LB-11xx, LB-2xxx when the node cannot be built or its database not read;
            LB-1002 to LB-1004 for a given subject that is none.
    """
    started_at, configuration = system_clock(), digest_of(config_path)
    outcomes: list[Outcome] = []
    with TemporaryDirectory(prefix="landbridge-conform-") as folder:
        trial = prepared(config_path, federation_path, Path(folder), given=given)
        await trial.start()
        try:
            await trial.choose()
            for check in CHECKS:
                outcomes.append(await make(check, trial))
                passed(outcomes[-1])
        finally:
            await trial.stop()
    return Report(
        agency=trial.agency,
        federation=trial.federation.name,
        configuration=configuration,
        datasets=tuple(dataset.name for dataset in trial.datasets),
        untried=tuple(name for name, subjects in trial.subjects.items() if not subjects),
        started_at=started_at,
        ended_at=system_clock(),
        outcomes=tuple(outcomes),
    )


def prepared(
    config_path: Path,
    federation_path: Path,
    folder: Path,
    *,
    given: Sequence[str] = (),
) -> Trial:
    """Make everything for a trial within an empty folder; the node is not started yet.

    Raises:
        LandbridgeError: LB-11xx, LB-2xxx when the configuration is wrong, its database not read, or
            without any record.
    """
    federation = Federation.load(federation_path)
    config = load_node_config(config_path, federation)
    (folder / "sample").mkdir()
    named = [federation.schemes.parse(text) for text in given]
    subjects = sample_subjects(config, federation, folder / "sample", named)
    if not any(subjects.values()):
        raise refuse(
            Reason.USAGE,
            "there is nothing to try: no dataset holds an identifier that could be asked for",
            where=str(config_path),
            next_step="name some that have records, with --subject SCHEME:VALUE",
        )
    trial = Trial(config, federation, federation_path, folder, subjects=subjects, given=named)
    policy_checks.prepare(trial)
    consent_checks.prepare(trial)
    return trial


def digest_of(path: Path) -> str:
    """Return the SHA-256 of a file, in hex.

    Raises:
        LandbridgeError: LB-1106 when it cannot be read.
    """
    try:
        return hashlib.sha256(path.read_bytes()).hexdigest()
    except OSError as error:
        raise refuse(
            Reason.USAGE, f"the file cannot be read: {error.strerror}", where=str(path)
        ) from error


async def make(check: Check[Trial], trial: Trial) -> Outcome:
    """Try a node in one respect."""
    try:
        verdict, seen = Verdict.PASS, await check.run(trial)
    except NotApplicableError as error:
        verdict, seen = Verdict.NOT_APPLICABLE, str(error)
    except NonconformityError as error:
        verdict, seen = Verdict.FAIL, str(error)
    except LandbridgeError as error:
        verdict, seen = Verdict.FAIL, f"refused with {error.code}: {error.message}"
    except Exception as error:  # noqa: BLE001  what breaks the trial does not conform
        verdict, seen = Verdict.FAIL, f"the node broke the trial ({type(error).__name__})"
    return Outcome(check.name, check.about, verdict, seen)
