"""Let a relative link hold where the file lies and where the documentation shows it.

README.md and CHANGELOG.md are included, not copied, so their text is read from the root of the repository and from
`docs/`: `docs/errors.md` becomes the page `errors.md`, and a link back to `../README.md` the first page. What is no
page (LICENSE, an example) is offered as a download. A link to a file that is not there stops the build.
"""

from __future__ import annotations

import os
import re
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from sphinx.application import Sphinx

PAGES = {
    "README.md": "docs/index.md",
    "CHANGELOG.md": "docs/changelog.md",
}  # shown, from the root: on which page

# Fenced blocks come first, so that what looks like a link inside one is left alone.
LINK = re.compile(
    r"(?ms)^(?P<fence>`{3,}|~{3,}).*?^(?P=fence)\s*$|\]\((?P<target>[^)\s]+)(?=[)\s])"
)


def rewrite(text: str, folder: Path, root: Path, start: str = "docs") -> str:
    """The text of a file that lies in `folder`, with its links as seen from `root`/`start`."""

    def relink(match: re.Match[str]) -> str:
        target = match["target"]
        if target is None or "://" in target or target.startswith(("#", "mailto:")):
            return match[0]
        path, hash_, anchor = target.partition("#")
        linked = (folder / path).resolve()
        if not linked.exists():
            raise FileNotFoundError(
                f"a page in {folder} links to {target}, which does not exist"
            )
        inside = linked.relative_to(root).as_posix()
        return f"]({os.path.relpath(PAGES.get(inside, inside), start)}{hash_}{anchor}"

    return LINK.sub(relink, text)


def included(app: Sphinx, relative_path: Path, parent: str, content: list[str]) -> None:
    """Sphinx's `include-read`."""
    docs = Path(app.srcdir).resolve()
    content[0] = rewrite(content[0], (docs / relative_path).parent, docs.parent)


def read(app: Sphinx, page: str, content: list[str]) -> None:
    """Sphinx's `source-read`."""
    docs = Path(app.srcdir).resolve()
    folder = (docs / page).parent
    content[0] = rewrite(
        content[0], folder, docs.parent, folder.relative_to(docs.parent).as_posix()
    )


def setup(app: Sphinx) -> dict[str, bool]:
    """Sphinx's entry point for extensions."""
    app.connect("include-read", included)
    app.connect("source-read", read)
    return {"parallel_read_safe": True, "parallel_write_safe": True}
