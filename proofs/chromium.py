"""Which Chromium the browser tests drive: Debian's, or the one that CHROMIUM names."""

import os
import shutil

PATH = os.environ.get("CHROMIUM") or shutil.which("chromium") or "/usr/bin/chromium"
ARGUMENTS = (
    "--no-sandbox",  # CI runs as root; the pages are our own
    "--disable-gpu",
    "--disable-quic",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
    "--no-first-run",
)
PHONE = {"width": 360, "height": 740}

MISSING = f"no Chromium at {PATH}: install one (Debian: apt-get install chromium) or set CHROMIUM"


def is_there() -> bool:
    """Whether there is one to start."""
    return os.access(PATH, os.X_OK)
