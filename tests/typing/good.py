"""Real uses, as users write them: mypy --strict and pyright strict accept every line."""

import finsecure
from typing_extensions import assert_type

assert_type(finsecure.error.FinSecureError("no").message, str)
