import LucencyFoundation

/// JSON as YAML that people like to read: what is short stands in a line, the rest is indented.
package struct YAMLText: Hashable, Sendable {
    /// Keys in the order in which they are written, wherever they occur; others follow by name.
    package var order: [String] = []
    /// Comments above the members of the outermost mapping.
    package var comments: [String: String] = [:]
    /// The first line, a comment.
    package var heading = ""

    package init(order: [String] = [], comments: [String: String] = [:], heading: String = "") {
        (self.order, self.comments, self.heading) = (order, comments, heading)
    }

    private static let width = 150

    /// Reading it back gives the same value.
    package func callAsFunction(_ value: JSONValue) -> String {
        var text = heading.isEmpty ? "" : "# \(heading)\n"
        guard let members = members(of: value), !members.isEmpty else { return text + block(value, indent: 0) }
        for (key, member) in members {
            if let comment = comments[key] { text += "# \(comment)\n" }
            text += entry(key, member, indent: 0)
        }
        return text
    }

    private func members(of value: JSONValue) -> [(key: String, value: JSONValue)]? {
        value.objectValue?.sorted { a, b in
            let first = order.firstIndex(of: a.key) ?? order.count, second = order.firstIndex(of: b.key) ?? order.count
            return first == second ? a.key < b.key : first < second
        }
    }

    private func entry(_ key: String, _ value: JSONValue, indent: Int) -> String {
        let start = String(repeating: " ", count: indent) + Self.scalar(key) + ":"
        if let line = line(value, room: Self.width - start.count - 1) { return start + " " + line + "\n" }
        return start + "\n" + block(value, indent: indent + 2)
    }

    /// The lines of a value, each of which begins at a column.
    private func block(_ value: JSONValue, indent: Int) -> String {
        let space = String(repeating: " ", count: indent)
        if let line = line(value, room: Self.width - indent) { return space + line + "\n" }
        if let members = members(of: value) {
            return members.map { entry($0.key, $0.value, indent: indent) }.joined()
        }
        return (value.arrayValue ?? []).map { element in
            // The dash takes the place of the indentation's last two columns.
            space + "- " + block(element, indent: indent + 2).dropFirst(indent + 2)
        }.joined()
    }

    /// A value in one line; nil where there is no room, or where it holds more than one level.
    private func line(_ value: JSONValue, room: Int) -> String? {
        var text: String
        if let members = members(of: value) {
            guard members.allSatisfy({ Self.isScalar($0.value) }) else { return nil }
            text =
                "{" + members.map { Self.scalar($0.key) + ": " + Self.scalar($0.value) }.joined(separator: ", ") + "}"
        } else if let elements = value.arrayValue {
            guard elements.allSatisfy(Self.isScalar) else { return nil }
            text = "[" + elements.map(Self.scalar).joined(separator: ", ") + "]"
        } else {
            return Self.scalar(value)
        }
        return text.count <= room || text == "{}" || text == "[]" ? text : nil
    }

    private static func isScalar(_ value: JSONValue) -> Bool {
        switch value {
        case .array(let elements): elements.isEmpty
        case .object(let members): members.isEmpty
        default: true
        }
    }

    private static func scalar(_ value: JSONValue) -> String {
        if let text = value.stringValue { return scalar(text) }
        return value.text
    }

    /// Without quotes where no reader takes it for anything but this text.
    private static func scalar(_ text: String) -> String {
        let isWord = text.unicodeScalars.allSatisfy {
            $0.properties.isAlphabetic || "0123456789_-²³ ".unicodeScalars.contains($0)
        }
        let words = ["true", "false", "null", "yes", "no", "on", "off", "y", "n", "nan", "inf"]
        let isPlain =
            isWord && text.unicodeScalars.first?.properties.isAlphabetic == true && text.last != " "
            && !words.contains(text.lowercased())
        return isPlain ? text : JSONValue.string(text).text
    }
}
