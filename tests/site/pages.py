"""What the tests of several explorers do in a page."""


def pixels(page, locator):
    """The canvas as it stands after the next frame."""
    return locator.evaluate(
        "node => new Promise(done => requestAnimationFrame(() => requestAnimationFrame(() => done(node.toDataURL()))))"
    )


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
