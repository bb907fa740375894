"""Reads a page as a browser does."""

import html.parser
import re

VOID = {"meta", "br", "link", "img", "hr", "input"}


class Checker(html.parser.HTMLParser):
    """Collects ids, addresses and text, and sees to it that elements are closed in order."""

    def __init__(self):
        super().__init__()
        self.open, self.ids, self.targets, self.words = [], [], [], []

    def handle_starttag(self, tag, attributes):
        if tag not in VOID:
            self.open.append(tag)
        for name, value in attributes:
            if name == "id":
                self.ids.append(value)
            if name in ("href", "src", "xlink:href", "action"):
                self.targets.append(value)

    def handle_startendtag(self, tag, attributes):
        self.handle_starttag(tag, attributes)
        if tag not in VOID:
            self.open.pop()

    def handle_endtag(self, tag):
        assert self.open.pop() == tag

    def handle_data(self, data):
        self.words.append(data)


def check(text):
    """The words of a page that is whole: closed elements, ids of its own, and nothing to load."""
    checker = Checker()
    checker.feed(text)
    checker.close()
    assert checker.open == []
    assert len(checker.ids) == len(set(checker.ids))
    assert all(t.startswith(("#", "data:")) for t in checker.targets)
    assert all(t[1:] in checker.ids for t in checker.targets if not t.startswith("data:"))
    assert set(re.findall(r"url\(#([^)]*)\)", text)) <= set(checker.ids)
    return " ".join(" ".join(checker.words).split())
