/// A strict reader of well-formed markup (XML without entities of its own): what a page or drawing really holds, as a parser
/// sees it.
public struct MarkupDocument {
    public struct Element {
        public let name: String
        public let attributes: [String: String]
        /// Text directly in it, entities resolved.
        public var text = ""
        /// Names of the elements around it, outermost first.
        public let ancestors: [String]
    }

    public struct Malformed: Error, CustomStringConvertible {
        public let description: String
    }

    /// In document order.
    public private(set) var elements: [Element] = []

    /// - Throws: `Malformed` that says where.
    public init(_ markup: String) throws {
        var rest = Array(markup.utf8)[...]
        var open: [Int] = []
        func fail(_ reason: String) -> Malformed {
            Malformed(description: "\(reason), before \"\(String(decoding: rest.prefix(60), as: UTF8.self))\"")
        }
        func starts(_ text: String) -> Bool { rest.starts(with: text.utf8) }
        func take(while keep: (UInt8) -> Bool) -> String {
            let part = rest.prefix(while: keep)
            rest = rest.dropFirst(part.count)
            return String(decoding: part, as: UTF8.self)
        }
        func isName(_ byte: UInt8) -> Bool {
            (0x61...0x7A).contains(byte) || (0x41...0x5A).contains(byte) || (0x30...0x39).contains(byte) || byte == 0x2D
                || byte == 0x3A
        }
        if starts("<!DOCTYPE html>") { rest = rest.dropFirst(15) }
        while let byte = rest.first {
            guard byte == UInt8(ascii: "<") else {
                let raw = take { $0 != UInt8(ascii: "<") }
                guard let text = Self.resolved(raw) else { throw fail("a bare & or > in \"\(raw.prefix(80))\"") }
                if let last = open.last {
                    elements[last].text += text
                } else if text.contains(where: { !$0.isWhitespace }) {
                    throw fail("text outside")
                }
                continue
            }
            rest = rest.dropFirst()
            if starts("/") {
                rest = rest.dropFirst()
                let name = take(while: isName)
                guard let last = open.popLast(), elements[last].name == name, starts(">") else {
                    throw fail("</\(name)> closes nothing")
                }
                rest = rest.dropFirst()
                continue
            }
            let name = take(while: isName)
            guard !name.isEmpty else { throw fail("< begins no element") }
            var attributes: [String: String] = [:]
            while true {
                _ = take { $0 == 0x20 || $0 == 0x0A }
                if starts(">") || starts("/>") { break }
                let key = take(while: isName)
                guard !key.isEmpty, starts("=\"") else { throw fail("an attribute of <\(name)> is wrong") }
                rest = rest.dropFirst(2)
                let raw = take { $0 != UInt8(ascii: "\"") }
                guard starts("\""), !raw.contains("<"), let value = Self.resolved(raw) else {
                    throw fail("the attribute \(key) of <\(name)> is wrong")
                }
                rest = rest.dropFirst()
                guard attributes.updateValue(value, forKey: key) == nil else { throw fail("\(key) stands twice") }
            }
            elements.append(
                Element(name: name, attributes: attributes, ancestors: open.map { elements[$0].name }))
            if starts("/>") {
                rest = rest.dropFirst(2)
            } else {
                rest = rest.dropFirst()
                open.append(elements.count - 1)
            }
            // A style sheet is text up to its end tag.
            if name == "style", let end = open.popLast() {
                let css = take { $0 != UInt8(ascii: "<") }
                guard starts("</style>") else { throw fail("< in a style sheet") }
                rest = rest.dropFirst(8)
                elements[end].text = css
            }
        }
        if let last = open.last { throw Malformed(description: "<\(elements[last].name)> is not closed") }
    }

    public func all(_ name: String) -> [Element] { elements.filter { $0.name == name } }

    private static func resolved(_ raw: String) -> String? {
        var out = ""
        var rest = Substring(raw)
        let entities = ["&amp;": "&", "&lt;": "<", "&gt;": ">", "&quot;": "\"", "&#39;": "'"]
        while let next = rest.first {
            if next == ">" { return nil }
            guard next == "&" else {
                out.append(next)
                rest = rest.dropFirst()
                continue
            }
            guard let (entity, character) = entities.first(where: { rest.hasPrefix($0.key) }) else { return nil }
            out += character
            rest = rest.dropFirst(entity.count)
        }
        return out
    }
}
