"""The files that a page carries as data URIs."""

import base64
import html
import re


def page_files(page: str) -> dict[str, str]:
    """Return the text of every file that a page offers, by name."""
    links = re.findall(r'<a download="([^"]+)" href="data:[^;]+;charset=utf-8;base64,([^"]*)">', page)
    return {html.unescape(name): base64.b64decode(content, validate=True).decode("utf-8") for name, content in links}
