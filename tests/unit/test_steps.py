"""The steps as commands call them: decoding in several processes gives what one process gives."""

from collections.abc import Iterator
from datetime import date
from pathlib import Path

import pytest

from creditlake import steps
from creditlake.decode import DecodeError
from creditlake.settings import settings
from creditlake.simulate.plain import PlainDraws
from creditlake.simulate.plain_files import write_plain
from tests.parties import LEGAL, NATURAL

DAY = date(2026, 11, 16)
DATASETS = ("tax.a_level_taxpayer", "court.judgment_defaulter", "market_regulation.penalty_decision")
ROWS = 20


@pytest.fixture
def delivered(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """An installation by environment, as worker processes see it, with three datasets collected."""
    monkeypatch.setenv("CREDITLAKE_HOME", str(tmp_path))
    monkeypatch.setenv("CREDITLAKE_SUBJECT_KEY", "test key")
    settings.cache_clear()
    catalog = steps.read_catalog()
    for name in DATASETS:
        contract = catalog.contracts[name]
        draws = PlainDraws(contract, catalog, LEGAL, NATURAL, DAY, seed=7)
        inbox = tmp_path / "inbox" / contract.department
        inbox.mkdir(parents=True)
        write_plain(draws, inbox, 0, ROWS)
        steps.collect(name, DAY.isoformat())
    yield tmp_path
    settings.cache_clear()


@pytest.mark.slow
def test_a_large_day_is_decoded_in_processes_and_a_failed_group_keeps_no_other(
    delivered: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(steps, "DECODE_TOGETHER_BYTES", 0)
    (raw,) = (delivered / "lake" / "raw" / "tax").rglob("*.csv")
    sound = raw.read_bytes()
    raw.chmod(0o644)
    raw.write_bytes(sound[:-1])
    with pytest.raises(DecodeError, match="a_level_taxpayer"):
        steps.decode(DAY.isoformat())
    raw.write_bytes(sound)
    assert steps.decode(DAY.isoformat()) == {"ok": 1, "blocked": 0, "rows": ROWS}
    assert steps.decode(DAY.isoformat()) == {"ok": 0, "blocked": 0, "rows": 0}
