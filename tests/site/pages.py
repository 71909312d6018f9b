"""What the tests of several explorers do in a page."""

import base64
import io
import re

import torch
from PIL import Image


def sentence(page, name="place"):
    return page.locator(f".pw-{name}").inner_text()


def chosen(page):
    """The patch, token or pixel that the page's first sentence is about."""
    return int(re.match(r"\w+ (\d+)", sentence(page))[1])


def select(page, label):
    return page.locator("label", has_text=label).locator("select")


def both_ready(page):
    page.wait_for_function("() => document.querySelectorAll('.explorer[data-ready]').length === 2")
    return page


def widths_of(page):
    """Give a page the width of a screen, a tablet and two telephones, one after the other."""
    for width in (1280, 760, 390, 320):
        page.set_viewport_size({"width": width, "height": 900})
        yield width


def press_at(canvas, row, column, *, grid, act="click"):
    """Press, tap or hover the middle of a cell of the grid that a canvas shows."""
    box = canvas.bounding_box()
    spot = {"x": (column + 0.5) / grid[1] * box["width"], "y": (row + 0.5) / grid[0] * box["height"]}
    getattr(canvas, act)(position=spot)


def pixels(page, locator):
    """The canvas as it stands after the next frame."""
    return locator.evaluate(
        "node => new Promise(done => requestAnimationFrame(() => requestAnimationFrame(() => done(node.toDataURL()))))"
    )


def colors(page, canvas, spots):
    """The colors of a canvas at (x, y), as shares of its width and height."""
    drawn = Image.open(io.BytesIO(base64.b64decode(pixels(page, canvas).partition(",")[2]))).convert("RGB")
    found = [drawn.getpixel((int(x * drawn.width), int(y * drawn.height))) for x, y in spots]
    return torch.tensor(found, dtype=torch.float64)


def centers(rows, columns, off=0.5):
    return [((column + off) / columns, (row + off) / rows) for row in range(rows) for column in range(columns)]


def picture_file(kind="PNG", mode="RGB", color=0, size=(300, 200), middle=None, **options):
    """A picture of one color, or with a middle third of another, as the bytes of a file."""
    file, drawn = io.BytesIO(), Image.new(mode, size, color)
    if middle is not None:
        drawn.paste(middle, tuple(side * third // 3 for third in (1, 2) for side in size))
    drawn.save(file, kind, **options)
    return file.getvalue()


def upload(page, content, name="own.png"):
    page.get_by_label("Your own photo…").set_input_files({"name": name, "mimeType": "image/png", "buffer": content})


def upload_own(page, content):
    """Upload a picture and wait until the explorer shows it, which until then shows another."""
    shown = select(page, "Photograph").element_handle()
    assert shown.evaluate("node => node.value") != "your photo"
    upload(page, content)
    page.wait_for_function("node => node.value === 'your photo'", arg=shown)


def swipe(page, right, down, steps=10, over=None):
    """Draw a finger over the first canvas or what is named, from a third of its width, two thirds of its height."""
    over = over or page.locator(".pw-explorer [role=slider]").first
    over.scroll_into_view_if_needed()
    box, session = over.bounding_box(), page.context.new_cdp_session(page)
    left, top = box["x"] + box["width"] / 3, box["y"] + box["height"] * 2 / 3
    for step in range(steps + 1):
        point = {"x": left + right * step / steps, "y": top + down * step / steps}
        kind = "touchMove" if step else "touchStart"
        session.send("Input.dispatchTouchEvent", {"type": kind, "touchPoints": [point]})
    session.send("Input.dispatchTouchEvent", {"type": "touchEnd", "touchPoints": []})


def status(page):
    page.wait_for_timeout(50)
    return page.get_by_role("status").text_content()
