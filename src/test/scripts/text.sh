#!/bin/sh
# Makes the texts that models are trained and judged on: text.sh FOLDER [PACKAGES-FOLDER]
# Fetches documentation packages of Debian (needs apt-get, dpkg and python3), takes the text out of their HTML and
# writes train.txt, heldout.txt and SOURCES.txt, and the smaller pair that the command line carries, which is SQLite's
# documentation alone. Every sixteenth document is held out whole. With a second folder, packages that lie there are
# taken instead of fetched.
set -eu
[ $# -ge 1 ] || { echo "usage: text.sh FOLDER [PACKAGES-FOLDER]" >&2; exit 2; }
out=$1
packages=${2:-$out/packages}
mkdir -p "$out/root" "$packages"
# Public domain; MIT or Apache-2.0; Apache-2.0; PostgreSQL licence.
for package in sqlite3-doc rust-doc apache2-doc postgresql-doc-15; do
    ls "$packages/$package"_*.deb >/dev/null 2>&1 || (cd "$packages" && apt-get -q download "$package")
    dpkg -x "$packages/$package"_*.deb "$out/root"
done
python3 - "$out" <<'PYTHON'
import hashlib, html.parser, pathlib, re, sys

out = pathlib.Path(sys.argv[1])
docs = out / "root/usr/share/doc"

class Text(html.parser.HTMLParser):
    SKIP = {"script", "style", "nav", "head", "svg", "button", "select", "noscript"}
    BLOCK = {"p", "div", "br", "li", "tr", "h1", "h2", "h3", "h4", "h5", "h6", "pre", "table", "dt", "dd", "ul", "ol",
             "section", "article", "blockquote", "hr"}

    def __init__(self):
        super().__init__(convert_charrefs=True)
        self.parts, self.skipped, self.pre = [], 0, 0

    def handle_starttag(self, tag, attrs):
        self.skipped += tag in self.SKIP
        self.pre += tag == "pre"
        if tag in self.BLOCK:
            self.parts.append("\n")
        elif tag in ("td", "th"):
            self.parts.append(" ")

    def handle_endtag(self, tag):
        self.skipped -= tag in self.SKIP and self.skipped > 0
        self.pre -= tag == "pre" and self.pre > 0
        if tag in self.BLOCK:
            self.parts.append("\n")

    def handle_data(self, data):
        if not self.skipped:
            self.parts.append(data if self.pre else re.sub(r"\s+", " ", data))

def text(path):
    parser = Text()
    parser.feed(path.read_text("utf-8", "replace"))
    joined = "".join(parser.parts)
    joined = re.sub(r"[ \t]+\n", "\n", joined)
    joined = re.sub(r"\n {1,3}(?=\S)", "\n", joined)
    joined = re.sub(r"^\s*Small\. Fast\. Reliable\..*?\nSearch\n\s*About\n.*?Purchase\n", "", joined, flags=re.S)
    return re.sub(r"\n{3,}", "\n\n", joined).strip() + "\n\n\n"

def collect(files):
    train, held = [], []
    seen = set()
    for path in files:
        body = text(path)
        key = hashlib.sha256(body.encode()).digest()
        if len(body) < 500 or key in seen:
            continue
        seen.add(key)
        name = str(path.relative_to(docs)).encode()
        (held if hashlib.sha256(name).digest()[0] < 16 else train).append(body)
    return "".join(train).encode(), "".join(held).encode()

books = ["book", "reference", "nomicon", "rust-by-example", "rustc", "embedded-book", "edition-guide", "cargo",
         "rustdoc", "alloc", "std/collections", "std/io", "std/fs", "std/net", "std/process", "std/sync", "std/thread"]
sources = {
    "sqlite3-doc (public domain)": sorted((docs / "sqlite3").rglob("*.html")),
    "rust-doc (MIT or Apache-2.0)": sorted(p for b in books for p in (docs / "rust-doc/html" / b).rglob("*.html")
                                           if p.name != "print.html"),
    "apache2-doc (Apache-2.0)": sorted((docs / "apache2-doc/manual/en").rglob("*.html")),
    "postgresql-doc-15 (PostgreSQL licence)": sorted((docs / "postgresql-doc-15").rglob("*.html")),
}
train, held, lines = b"", b"", []
for name, files in sources.items():
    t, h = collect(files)
    if name.startswith("sqlite"):
        (out / "sqlite-train.txt").write_bytes(t)
        (out / "sqlite-heldout.txt").write_bytes(h)
    train, held = train + t, held + h
    lines.append(f"{name}: {len(t)} bytes to train on, {len(h)} held out\n")
(out / "train.txt").write_bytes(train)
(out / "heldout.txt").write_bytes(held)
(out / "SOURCES.txt").write_text("".join(lines))
print("".join(lines), end="")
PYTHON
