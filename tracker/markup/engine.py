"""The engines' output, sanitized: only what a page may show is left."""

import nh3

from tracker.markup import creole, dialect, links, marks, plain

_TAGS = {
    *("a", "blockquote", "br", "code", "dd", "del", "div", "dl", "dt", "em"),
    *("h1", "h2", "h3", "h4", "h5", "h6"),
    *("hr", "img", "li", "ol", "p", "pre", "span", "strong", "sub", "sup"),
    *("table", "tbody", "td", "th", "thead", "tr", "u", "ul"),
}
_ATTRIBUTES = {
    "a": {"class", "data-is-external-link", "href", "rel", "title"},
    "div": {"class"},
    "img": {"alt", "src", "title"},
    "ol": {"start"},
    "span": {"class"},
    "td": {"align"},
    "th": {"align"},
    **{f"h{level}": {"id"} for level in range(1, 7)},
}
_CLEANER = nh3.Cleaner(
    tags=_TAGS,
    attributes=_ATTRIBUTES,
    url_schemes=links.SCHEMES,
    link_rel=None,
)


def render(markup: str, raw: str) -> str:
    """The text as safe HTML. The engines escape; the cleaner is there should one of them err."""
    if markup == "markdown":
        return marks.mark(_CLEANER.clean(links.link_bare(dialect.render(raw))))
    if markup == "creole":
        return marks.mark(_CLEANER.clean(creole.render(raw)))
    return plain.render(raw)
