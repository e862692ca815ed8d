"""`python -m tests.bench.big_file`: one text file of 5 GB is collected and decoded; seconds and peak memory.

The file holds the same plain rows of penalties over and over, which decoding does not mind.
"""

import argparse
import os
import shutil
from datetime import date

from creditlake.catalog import load_catalog
from creditlake.settings import read_settings
from creditlake.simulate.plain import PlainDraws
from creditlake.simulate.plain_files import write_plain
from tests.bench.run import REPOSITORY, measure
from tests.parties import LEGAL, NATURAL

DAY = date(2026, 11, 16)
DATASET = "market_regulation.penalty_decision"
ROWS = 20_000


def main() -> None:
    """Write the file, then collect and decode it."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--gigabytes", type=float, default=5.0)
    size = int(parser.parse_args().gigabytes * 1e9)
    home = REPOSITORY / "var" / "bench" / "big-file"
    shutil.rmtree(home, ignore_errors=True)
    catalog = load_catalog(read_settings().catalog)
    contract = catalog.contracts[DATASET]
    inbox = home / "inbox" / contract.department
    inbox.mkdir(parents=True)
    path = write_plain(PlainDraws(contract, catalog, LEGAL, NATURAL, DAY, seed=1), inbox, 0, ROWS)
    times = path.stat()
    _, _, rows = path.read_bytes().partition(b"\n")
    with path.open("ab") as whole:
        while whole.tell() < size:
            whole.write(rows)
    os.utime(path, (times.st_atime, times.st_mtime))
    print(f"{path.name}: {path.stat().st_size / 1e9:.1f} GB of {contract.delivery.encoding}")
    environment = os.environ | {"CREDITLAKE_HOME": str(home), "CREDITLAKE_SUBJECT_KEY": "benchmark key"}
    command = str(REPOSITORY / ".venv/bin/creditlake")
    for step in ("collect", "decode"):
        measure(step, [command, step, "--business-date", DAY.isoformat()], environment, home / f"{step}.log")
    print((home / "decode.log").read_text())
    shutil.rmtree(home)


if __name__ == "__main__":
    main()
