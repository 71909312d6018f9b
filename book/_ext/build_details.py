"""What a reader opens: ``:class: dropdown`` boxes and hidden cells as native ``<details>``, which need no script."""

from html import escape

from docutils import nodes
from myst_nb.sphinx_ import HideCodeCellNode
from sphinx.transforms.post_transforms import SphinxPostTransform


class Details(nodes.General, nodes.Element):
    """A box whose content the reader opens."""


class Summary(nodes.TextElement):
    """The line that opens it."""


class DropdownBoxes(SphinxPostTransform):
    """Turn every box of the class ``dropdown`` into details; its title becomes the summary."""

    default_priority = 900  # after exercises and solutions have resolved their titles
    formats = ("html",)

    def run(self, **kwargs):
        """Go through the page's boxes."""
        for box in list(self.document.findall(lambda node: isinstance(node, nodes.Admonition))):
            if "dropdown" in box["classes"]:
                box.replace_self(self.details(box))

    def details(self, box):
        """Rebuild one box."""
        title = box.children[0] if isinstance(box.children[0], nodes.title) else nodes.title("", box.tagname.title())
        for link in list(title.findall(nodes.reference)):  # the line itself is clicked: no link in it
            link.replace_self(link.children)
        summary = Summary("", "", *title.children, classes=["admonition-title"])
        classes = ["admonition", *(name for name in box["classes"] if name != "dropdown")]
        return Details("", summary, *box.children[1:], ids=box["ids"], names=box["names"], classes=classes)


class SolutionCode(SphinxPostTransform):
    """Name the hidden cell after a solution for what it is."""

    default_priority = 910  # after the boxes, and after myst_nb has wrapped the hidden cells
    formats = ("html",)

    def run(self, **kwargs):
        """Go through the solutions."""
        for box in self.document.findall(Details):
            after = box.next_node(descend=False, siblings=True)
            if "solution" in box["classes"] and after is not None:
                for code in after.findall(HideCodeCellNode):
                    code["prompt_show"] = "Solution: the code"


def visit_details(self, node):
    """Open the box."""
    self.body.append(self.starttag(node, "details"))


def depart_details(self, node):
    """Close the box."""
    self.body.append("</details>\n")


def visit_summary(self, node):
    """Open its line."""
    self.body.append(self.starttag(node, "summary", ""))


def depart_summary(self, node):
    """Close its line."""
    self.body.append("</summary>\n")


def visit_hidden_cell(self, node):
    """Open a hidden cell: the words on the line are its name, before and after."""
    classes = " ".join(["cell-details", *node["classes"]])
    self.body.append(f'<details class="{escape(classes)}">\n<summary>{escape(node["prompt_show"])}</summary>\n')


def setup(app):
    """Register the nodes and the transform; hidden cells are written our way."""
    app.setup_extension("myst_nb")
    app.add_node(Details, html=(visit_details, depart_details))
    app.add_node(Summary, html=(visit_summary, depart_summary))
    app.add_node(HideCodeCellNode, override=True, html=(visit_hidden_cell, depart_details))
    app.add_post_transform(DropdownBoxes)
    app.add_post_transform(SolutionCode)
    return {"parallel_read_safe": True, "parallel_write_safe": True}
