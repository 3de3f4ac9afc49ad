"""Imports run down the layers that pyproject.toml states, and the statement has teeth."""

import os
import shutil
import subprocess
import sys
import tomllib
from pathlib import Path
from typing import Any

import pytest

ROOT = Path(__file__).parents[2]
PACKAGES = ("landbridge", "gateway", "node", "certs")
SETTINGS = tomllib.loads((ROOT / "pyproject.toml").read_text())["tool"]["importlinter"]
CONTRACTS: dict[str, dict[str, Any]] = {
    contract["name"]: contract for contract in SETTINGS["contracts"]
}
DOMAIN = CONTRACTS["the domain knows neither gRPC nor protobuf nor logging"]["source_modules"]
WIRE = CONTRACTS["generated code is touched only at the wire"]["allowed_importers"]
ABOVE = ["landbridge.commands", "landbridge.process_log", "landbridge.v1"]


def lint(folder: Path) -> str:
    done = subprocess.run(
        [Path(sys.executable).with_name("lint-imports"), "--no-cache", "--no-logo"],
        cwd=folder,
        env={**os.environ, "PYTHONPATH": str(folder), "COLUMNS": "200"},
        capture_output=True,
        text=True,
        check=False,
    )
    return done.stdout + done.stderr


def test_every_contract_is_kept() -> None:
    report = lint(ROOT)
    assert f"{len(CONTRACTS)} kept, 0 broken" in report, report


def test_every_module_is_domain_or_wire() -> None:
    modules = {
        f"landbridge.{path.stem}"
        for path in (ROOT / "landbridge").iterdir()
        if path.suffix == ".py" or (path / "__init__.py").exists()
    } - {"landbridge.__init__"}
    assert modules == {name for name in (*DOMAIN, *WIRE, *ABOVE) if name.startswith("landbridge.")}
    assert not set(DOMAIN) & set(WIRE)


OFFENCES = {
    "gateway and node never meet; both stand on certs": (
        "gateway/planner.py",
        "import node.responder",
    ),
    "landbridge stands on nothing of ours, its commands apart": (
        "landbridge/federation.py",
        "import certs.authority",
    ),
    "landbridge: commands above the wire, the wire above the domain": (
        "landbridge/utils.py",
        "",
    ),
    "gateway: entry, face, job, steps": ("gateway/planner.py", "import gateway.service"),
    "node: entry, face, job, steps": ("node/config.py", "import node.responder"),
    "certs: registrar, federations, parties, certificates": (
        "certs/profiles.py",
        "import certs.authority",
    ),
    "registrar: process, job, acts, registry": (
        "certs/registrar/registry.py",
        "import certs.registrar.job",
    ),
    "certs.renewal: the agent above what it keeps fresh": (
        "certs/renewal/office.py",
        "import certs.renewal.agent",
    ),
    "memorandum: signed documents above the text, the text above its words": (
        "landbridge/memorandum/grant.py",
        "import landbridge.memorandum.signature",
    ),
    "policy: explanations above decisions": (
        "landbridge/policy/decision.py",
        "import landbridge.policy.authorization",
    ),
    "library: what comes in above what is kept": (
        "landbridge/library/opened.py",
        "import landbridge.library.intake",
    ),
    "consent: what it is held against above what it says": (
        "landbridge/consent/kind.py",
        "import landbridge.consent.verification",
    ),
    "exchange: reading above writing, formats above their terms": (
        "landbridge/exchange/odrl_terms.py",
        "import landbridge.exchange.odrl",
    ),
    "the conformance kit: its run above its checks": (
        "node/conformance/verdict.py",
        "import node.conformance.run",
    ),
    "trust: the store above the rules, these above the parts": (
        "landbridge/trust/approval.py",
        "import landbridge.trust.store",
    ),
    "rpc: what a process shows, above what it checks": (
        "landbridge/rpc/certificate.py",
        "import landbridge.rpc.guard",
    ),
    "the domain knows neither gRPC nor protobuf nor logging": (
        "landbridge/memorandum/condition.py",
        "import grpc",
    ),
    "the decisions of gateway and node know neither gRPC nor logging": (
        "node/responder.py",
        "import landbridge.process_log",
    ),
    "generated code is touched only at the wire": (
        "landbridge/trust/bundle.py",
        "from landbridge.v1 import query_pb2",
    ),
    "no cycles": ("certs/profiles.py", "import certs.authority"),
}


@pytest.fixture(scope="module")
def report_of_offences(tmp_path_factory: pytest.TempPathFactory) -> str:
    folder = tmp_path_factory.mktemp("offences")
    for package in PACKAGES:
        shutil.copytree(
            ROOT / package, folder / package, ignore=shutil.ignore_patterns("__pycache__")
        )
    shutil.copy(ROOT / "pyproject.toml", folder)
    for file, line in OFFENCES.values():
        with (folder / file).open("a") as source:
            source.write(f"\n{line}\n")
    return lint(folder)


@pytest.mark.parametrize("name", CONTRACTS)
def test_contract_is_broken_by_an_offence(report_of_offences: str, name: str) -> None:
    assert name in OFFENCES
    assert f"{name} BROKEN" in report_of_offences
