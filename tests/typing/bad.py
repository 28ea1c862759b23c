"""Misuses: both type checkers refuse each line marked `# bad`, and no other."""

import finsecure

number: int = finsecure.error.FinSecureError("no").message  # bad: a message is a str
