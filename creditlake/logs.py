"""What commands, applications and worker processes say, and where: one line each on stderr."""

import logging
import sys


def start_logging() -> None:
    """Send log lines of this process to stderr."""
    logging.basicConfig(level=logging.INFO, stream=sys.stderr, format="%(levelname)s %(message)s")
    for chatty in ("httpx", "py4j"):  # a line per question to Airflow or the JVM is noise
        logging.getLogger(chatty).setLevel(logging.WARNING)
