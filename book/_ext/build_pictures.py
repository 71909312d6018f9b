"""Pictures made light: notebook PNGs become WebP, and every picture carries its size, so that no text jumps."""

from hashlib import sha256
from io import BytesIO
from pathlib import Path

from docutils import nodes
from PIL import Image
from sphinx.transforms.post_transforms.images import BaseImageConverter

QUALITY = 70


def smallest_webp(picture):
    """Encode a picture without loss and with little, and keep the smaller."""
    encoded = []
    for options in ({"lossless": True}, {"quality": QUALITY, "method": 5}):
        buffer = BytesIO()
        picture.save(buffer, "WEBP", **options)
        encoded.append(buffer.getvalue())
    return min(encoded, key=len)


class WebPConverter(BaseImageConverter):
    """Replace each PNG by a WebP of the same size. Its name comes from the PNG's bytes: none is encoded twice."""

    default_priority = 210

    def match(self, node):
        """Take local PNGs only."""
        return self.app.builder.format == "html" and node["uri"].endswith(".png") and "://" not in node["uri"]

    def handle(self, node):
        """Encode, and point the node to the result."""
        source = Path(self.app.srcdir, node["uri"])
        data = source.read_bytes()
        target = Path(self.imagedir, f"{sha256(data).hexdigest()[:16]}.webp")
        if not target.exists():
            target.parent.mkdir(parents=True, exist_ok=True)
            with Image.open(BytesIO(data)) as picture:
                target.write_bytes(smallest_webp(picture))
        original, node["uri"], node["candidates"] = node["uri"], str(target), {"*": str(target)}
        self.env.original_image_uri[str(target)] = original
        self.env.images.add_file(self.env.docname, str(target))


class PictureSizes(BaseImageConverter):
    """Note each picture's size in pixels, and let all but a page's first wait until the reader comes near."""

    default_priority = 220

    def apply(self, **kwargs):
        """Go through the page's pictures in order."""
        for position, node in enumerate(self.document.findall(nodes.image)):
            path = Path(self.app.srcdir, node["uri"])
            if path.suffix in {".webp", ".png", ".jpg", ".jpeg"} and path.is_file():
                with Image.open(path) as picture:
                    node["pixels"] = picture.size  # build_theme's writer puts them into the page
            node["loading"] = "lazy" if position else "link"


def setup(app):
    """Register the two transforms."""
    app.add_post_transform(WebPConverter)
    app.add_post_transform(PictureSizes)
    return {"parallel_read_safe": True, "parallel_write_safe": True}
