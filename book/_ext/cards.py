"""The card that a link to a page becomes where it is shared: title and description beside the book's mark."""

import textwrap

from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.figure import Figure
from matplotlib.patches import Rectangle

SIZE = (1200, 630)  # pixels, as those who show cards ask for
INK, PAPER, QUIET, ACCENT = "#1b2430", "#fbfaf6", "#5b6470", "#c8401a"  # those of the pages
MARK = ((None, 0.3, 0.16), (0.3, 0.75, 0.95), (0.16, 0.95, 0.45))  # how dark the logo's patches are; None asks


def draw_card(path, book, title, description):
    """Draw a page's card, a PNG of 1200 × 630 pixels."""
    figure = Figure(figsize=(SIZE[0] / 100, SIZE[1] / 100), dpi=100, facecolor=PAPER)
    for row, shades in enumerate(MARK):
        for column, shade in enumerate(shades):
            corner = (0.78 + 0.055 * column, 0.72 - 0.105 * row)
            look = {"color": INK, "alpha": shade} if shade else {"color": ACCENT}
            figure.add_artist(Rectangle(corner, 0.045, 0.086, linewidth=0, transform=figure.transFigure, **look))
    figure.text(0.06, 0.85, book, color=QUIET, fontsize=26, va="top")
    lines = textwrap.wrap(title, 24)
    figure.text(0.06, 0.74, "\n".join(lines), color=INK, fontsize=44, weight="bold", va="top", linespacing=1.15)
    below = textwrap.fill(description, 58)
    figure.text(0.06, 0.08, below, color=QUIET, fontsize=24, va="bottom", linespacing=1.4)
    path.parent.mkdir(parents=True, exist_ok=True)
    FigureCanvasAgg(figure).print_png(path)
