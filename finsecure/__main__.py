"""`python -m finsecure`: the command line, wherever the `finsecure` script is not on the path."""

import sys

from .cli import main

if __name__ == "__main__":
    sys.exit(main())
