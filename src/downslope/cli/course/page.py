"""One page that shows the pictures of the course in their order, with their captions."""

from html import escape
from pathlib import Path

from downslope.cli.course.stage import Stage
from downslope.cli.files import save_text

__all__ = ["write_page"]

PAGE = """<!doctype html>
<html lang="en">
<meta charset="utf-8">
<meta name="viewport" content="width=device-width">
<title>Downslope: gradient descent in pictures</title>
<style>
body {{ max-width: 60rem; margin: 2rem auto; padding: 0 1rem; font: 1rem/1.5 system-ui, sans-serif }}
body {{ color: #222; background: #fff }}
figure {{ margin: 2.5rem 0 }}
img {{ max-width: 100%; height: auto }}
figcaption [lang=ko] {{ color: #666 }}
</style>
<h1>Gradient descent in pictures <span lang="ko">그림으로 보는 경사하강법</span></h1>
{figures}
</html>
"""

FIGURE = """<figure>
<img src="{file}" alt="{english}">
<figcaption>{number}. {english}.<br><span lang="ko">{korean}</span></figcaption>
</figure>"""


def write_page(stage: Stage) -> Path:
    """Write the page beside the pictures."""
    figures = [
        FIGURE.format(number=place, file=escape(kept.file), english=escape(kept.english), korean=escape(kept.korean))
        for place, kept in enumerate(stage.kept, start=1)
    ]
    path = stage.folder / "index.html"
    save_text(path, PAGE.format(figures="\n".join(figures)))
    return path
