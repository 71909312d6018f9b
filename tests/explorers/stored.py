"""What a page stores, read back."""

import base64
import html
import json
import re

import torch


def page_state(bundle):
    return json.loads(html.unescape(re.search(r'data-state="([^"]*)"', bundle["text/html"])[1]))


def decoded(code):
    text = "".join(f"{byte:08b}" for byte in base64.b64decode(code["data"]))
    count, bits = torch.Size(code["shape"]).numel(), code["bits"]
    levels = torch.tensor([int(text[at * bits : (at + 1) * bits], 2) for at in range(count)])
    return (code["low"] + levels / (2**bits - 1) * (code["high"] - code["low"])).view(code["shape"])
