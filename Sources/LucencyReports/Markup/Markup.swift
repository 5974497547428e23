/// A piece of HTML or SVG.
///
/// Names of elements and attributes are literals of the program, and texts are escaped when they are written. So nothing
/// that comes from outside (a file name, a class, a message) can become markup: there is no way to say it.
public enum Markup: Sendable {
    case element(Element)
    case text(String)
    /// A style sheet, which is a literal and therefore not escaped.
    case style(StaticString)

    /// An element with its attributes in order.
    public struct Element: Sendable {
        let name: StaticString
        var attributes: [(name: StaticString, value: String)]
        var children: [Markup]
    }

    /// An element. Attributes that are nil are left out.
    public static func tag(
        _ name: StaticString, _ attributes: KeyValuePairs<Name, String?> = [:], _ children: [Markup] = []
    ) -> Markup {
        .element(
            Element(
                name: name, attributes: attributes.compactMap { key, value in value.map { (key.text, $0) } },
                children: children))
    }

    /// An element that holds one text.
    public static func tag(
        _ name: StaticString, _ attributes: KeyValuePairs<Name, String?> = [:], _ text: String
    ) -> Markup { tag(name, attributes, [.text(text)]) }

    /// An element without attributes.
    public static func tag(_ name: StaticString, _ children: [Markup]) -> Markup { tag(name, [:], children) }

    /// An element without attributes that holds one text.
    public static func tag(_ name: StaticString, _ text: String) -> Markup { tag(name, [:], [.text(text)]) }

    /// The name of an attribute: a literal.
    public struct Name: ExpressibleByStringLiteral, Sendable {
        let text: StaticString
        public init(stringLiteral value: StaticString) { text = value }
    }
}

extension Markup: ExpressibleByStringInterpolation {
    public init(stringLiteral value: String) { self = .text(value) }
}

extension Markup {
    /// The markup as text. It is HTML and well-formed XML alike: empty elements are closed.
    public var text: String {
        var out = ""
        write(to: &out)
        return out
    }

    func write(to out: inout String) {
        switch self {
        case .text(let text): Self.escape(text, to: &out)
        case .style(let css): out += "<style>\n\(css)</style>\n"
        case .element(let element):
            let name = "\(element.name)"
            out += "<\(name)"
            for attribute in element.attributes {
                out += " \(attribute.name)=\""
                Self.escape(attribute.value, to: &out)
                out += "\""
            }
            if element.children.isEmpty, Self.empty.contains(name) {
                out += "/>"
            } else {
                out += ">"
                for child in element.children { child.write(to: &out) }
                out += "</\(name)>"
            }
            if Self.lines.contains(name) { out += "\n" }
        }
    }

    /// Elements that may stand without an end tag: those that HTML has no content for, and shapes of SVG.
    private static let empty: Set<String> = [
        "meta", "img", "br", "hr", "col", "link", "path", "rect", "circle", "line", "image", "use",
    ]
    /// Elements after which a new line keeps the file readable.
    private static let lines: Set<String> = [
        "head", "body", "header", "main", "footer", "nav", "section", "figure", "div", "p", "h1", "h2", "h3", "table",
        "thead", "tbody", "tr", "caption", "ul", "ol", "li", "dl", "dd", "details", "summary", "svg", "g", "meta",
        "title", "desc",
    ]

    /// Writes a text so that no parser of HTML, SVG or XML takes any of it for markup, inside quotes or out. Characters
    /// that XML does not allow become U+FFFD; those that would turn the direction of the text round are left out.
    static func escape(_ text: String, to out: inout String) {
        for scalar in text.unicodeScalars {
            switch scalar.value {
            case 0x26: out += "&amp;"
            case 0x3C: out += "&lt;"
            case 0x3E: out += "&gt;"
            case 0x22: out += "&quot;"
            case 0x27: out += "&#39;"
            case 0x09, 0x0A, 0x0D: out.unicodeScalars.append(scalar)
            case 0..<0x20, 0x7F..<0xA0, 0xFFFE, 0xFFFF: out += "\u{FFFD}"
            case 0x202A...0x202E, 0x2066...0x2069: continue
            default: out.unicodeScalars.append(scalar)
            }
        }
    }
}
