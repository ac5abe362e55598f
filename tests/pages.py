"""What tests read off an HTML page."""

from html.parser import HTMLParser


class Page(HTMLParser):
    """What a page shows: its text by element, and its scripts."""

    def __init__(self, text):
        super().__init__()
        self.open, self.texts, self.tags, self.attributes = [], [], [], []
        self.feed(text)

    def handle_starttag(self, tag, attributes):
        self.tags.append(tag)
        self.attributes.append((tag, dict(attributes)))
        if tag not in ("meta", "br", "wbr", "link", "img", "input"):
            self.open.append(tag)

    def handle_endtag(self, tag):
        assert self.open.pop() == tag, f"</{tag}> closes another element"

    def handle_data(self, data):
        self.texts.append((self.open[-1] if self.open else "", data))

    def shown(self):
        return " ".join(data for tag, data in self.texts if tag not in ("script", "style"))
