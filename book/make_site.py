"""Make of the built pages a folder for any server and a zip for any disk: _build/site and _build/patchwork-….zip.

Some servers hide folders whose names begin with an underscore, so in the copy none does.
"""

import re
import shutil
import sys
import zipfile
from pathlib import Path

from version import version

ROOT = Path(__file__).parents[1]


def plain_names(site):
    """Take the underscore from the names of the site's folders, and from whatever in its pages leads there."""
    names = [folder.name for folder in site.glob("_*") if folder.is_dir()]
    for name in names:
        (site / name).rename(site / name[1:])
    lead = re.compile(rf"""((?:href|src|content)="[^"]*?)(?<![\w-])_({"|".join(name[1:] for name in names)})/""")
    for page in site.rglob("*.html"):
        page.write_text(lead.sub(r"\1\2/", page.read_text("utf-8")), "utf-8")


def make_site(built, site):
    """Copy the built pages to a folder for a server."""
    shutil.rmtree(site, ignore_errors=True)
    shutil.copytree(built, site, ignore=shutil.ignore_patterns(".buildinfo"))
    plain_names(site)


def zip_site(site, path):
    """Pack the site to be opened from a disk; what only a server needs stays out."""
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as packed:
        for each in sorted(site.rglob("*")):
            if each.is_file() and each.name not in (".nojekyll", "404.html", "robots.txt", "sitemap.xml"):
                packed.write(each, Path(path.stem, each.relative_to(site)))


if __name__ == "__main__":
    build = ROOT / "_build"
    if not (build / "html" / "index.html").is_file():
        sys.exit("There are no pages yet: run `make site`, which builds them first.")
    make_site(build / "html", build / "site")
    packed = build / f"patchwork-{version()}.zip"
    zip_site(build / "site", packed)
    print(f"For a server: {build / 'site'}\nFor a disk:   {packed}")
