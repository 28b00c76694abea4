"""``python -m roop_host``."""

from roop_host.cli import main

main()
