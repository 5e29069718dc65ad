"""A report as an HTML page: its content tree as nested lists, and nothing of it as markup."""

from __future__ import annotations

from html.parser import HTMLParser

from pydicom import Dataset

from tests.support.reports import make_image, make_request, written
from worker.render.html import report_page


class Lists(HTMLParser):
    """How deep each line is, and every tag that is met."""

    def __init__(self, page: str) -> None:
        super().__init__()
        self.depth, self.lines, self.tags = 0, [], set()
        self.feed(page)

    def handle_starttag(self, tag, _attributes):
        self.tags.add(tag)
        self.depth += tag == "ul"

    def handle_endtag(self, tag):
        self.depth -= tag == "ul"

    def handle_data(self, text):
        if text.strip():
            self.lines.append((self.depth, text.strip()))


def report() -> Dataset:
    return written(make_request(make_image((50.0, 60.0, 120.0, 140.0))), "sr")


def test_every_line_is_as_deep_as_its_content_item():
    lists = Lists(report_page(report()).decode())
    assert lists.depth == 0
    assert (2, "Measurement Group") in lists.lines
    assert (3, "Finding: Nodule") in lists.lines
    assert (3, "Certainty of Finding: 87 %") in lists.lines


def test_what_a_report_says_is_never_markup():
    hostile = report()
    hostile.SeriesDescription = "<script>alert(1)</script>"
    for item in hostile.ContentSequence:
        if item.ValueType == "TEXT":
            item.TextValue = "<img src=x onerror=alert(1)> & more"
    lists = Lists(report_page(hostile).decode())
    assert lists.tags == {"html", "meta", "title", "h1", "ul", "li"}
    assert any("<script>alert(1)</script>" in line for _, line in lists.lines)
