import LucencyFoundation

/// One self-contained HTML page: no script, nothing from the network, and a policy that forbids both.
struct Page {
    var title: String
    /// What stands between `<header>` and the sections.
    var header: [Markup]
    var sections: [Section]
    var footer: [Markup]

    /// A part of the page with its heading, listed in the contents.
    struct Section {
        /// Unique on the page: lower-case letters and hyphens.
        let id: String
        let title: String
        let body: [Markup]
    }

    var html: String {
        let sheets = [PageStyle.sheet, ChartStyle.sheet]
        // Only these two style sheets count, whatever else may get into the page.
        let allowed = sheets.map { sheet in "'sha256-\(Base64.text(Self.digest("\n\(sheet)")))'" }
        let policy =
            "default-src 'none'; style-src \(allowed.joined(separator: " ")); img-src data:; base-uri 'none'; "
            + "form-action 'none'"
        let head: Markup = .tag(
            "head",
            [
                .tag("meta", ["charset": "utf-8"]),
                .tag("meta", ["http-equiv": "Content-Security-Policy", "content": policy]),
                .tag("meta", ["name": "viewport", "content": "width=device-width, initial-scale=1"]),
                .tag("meta", ["name": "color-scheme", "content": "light dark"]),
                .tag("meta", ["name": "referrer", "content": "no-referrer"]),
                .tag("title", title),
            ] + sheets.map { .style($0) })
        let contents: Markup = .tag(
            "nav", ["aria-label": "Contents"],
            [
                .tag(
                    "ul",
                    sections.map { section in
                        .tag("li", [.tag("a", ["href": "#\(section.id)"], section.title)])
                    })
            ])
        let body: Markup = .tag(
            "body",
            [
                .tag("a", ["class": "skip", "href": "#\(sections.first?.id ?? "main")"], "Skip to the verdict"),
                .tag("header", header + [contents]),
                .tag(
                    "main", ["id": "main"],
                    sections.map { section in
                        .tag(
                            "section", ["id": section.id, "aria-labelledby": "\(section.id)-heading"],
                            [.tag("h2", ["id": "\(section.id)-heading"], section.title)] + section.body)
                    }),
                .tag("footer", footer),
            ])
        return "<!DOCTYPE html>\n" + Markup.tag("html", ["lang": "en"], [head, body]).text + "\n"
    }

    private static func digest(_ text: String) -> [UInt8] {
        var hash = SHA256()
        Array(text.utf8).withUnsafeBytes { hash.update($0) }
        let digits = Array(hash.hexDigest().utf8).map { $0 < 0x3A ? $0 - 0x30 : $0 - 0x57 }
        return stride(from: 0, to: digits.count, by: 2).map { digits[$0] << 4 | digits[$0 + 1] }
    }
}

/// A table of a page: numbers to the right with equal decimals, so that their points stand below each other; intervals in a
/// column of their own beside them.
struct PageTable {
    struct Column {
        let title: String
        var isNumber = true
        /// Whether an interval stands beside the number.
        var hasInterval = false
    }

    /// What stands in a place: something, and the interval beside it.
    struct Cell {
        let content: Markup
        var interval: String?

        init(_ content: Markup, interval: String? = nil) {
            self.content = content
            self.interval = interval
        }

        static func text(_ text: String) -> Cell { Cell(.text(text)) }
        static func name(_ text: String) -> Cell { Cell(.name(text)) }
    }

    let caption: String
    let columns: [Column]
    var rows: [[Cell]] = []

    init(_ caption: String, _ columns: [Column]) {
        self.caption = caption
        self.columns = columns
    }

    /// The first cell of a row is its heading.
    var markup: Markup {
        let head = columns.map { column -> Markup in
            .tag(
                "th",
                [
                    "scope": "col", "class": column.hasInterval ? "v" : column.isNumber ? "n" : nil,
                    "colspan": column.hasInterval ? "2" : nil,
                ], column.title)
        }
        let body = rows.map { row -> Markup in
            .tag(
                "tr",
                row.enumerated().flatMap { index, cell -> [Markup] in
                    if index == 0 { return [.tag("th", ["scope": "row"], [cell.content])] }
                    let column = columns[index]
                    let value: Markup = .tag("td", ["class": column.isNumber ? "n" : nil], [cell.content])
                    return column.hasInterval ? [value, .tag("td", ["class": "i"], cell.interval ?? "")] : [value]
                })
        }
        return .tag(
            "div", ["class": "scroll", "role": "region", "tabindex": "0", "aria-label": caption],
            [.tag("table", [.tag("caption", caption), .tag("thead", [.tag("tr", head)]), .tag("tbody", body)])])
    }
}

extension Markup {
    static func paragraph(_ text: String) -> Markup { .tag("p", text) }

    /// A name from outside, kept apart from the direction of the text around it.
    static func name(_ text: String) -> Markup { .tag("bdi", text) }

    /// Several pieces where one is wanted.
    static func group(_ parts: [Markup]) -> Markup { .tag("span", parts) }

    static func figure(_ caption: [Markup], _ content: Markup) -> Markup {
        .tag("figure", [.tag("figcaption", caption), content])
    }

    static func details(_ summary: String, _ content: [Markup]) -> Markup {
        .tag("details", [.tag("summary", summary)] + content)
    }
}
