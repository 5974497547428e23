import LucencyFoundation

/// The classes that a network tells apart, in the order of its output channels.
public struct ClassTable: Codable, Hashable, Sendable {
    /// One class.
    public struct Entry: Codable, Hashable, Sendable {
        public var name: String
        /// The label that stands for it in masks.
        public var value: Int32
        /// Red, green, blue (0...255); nil where none is given.
        public var color: [UInt8]?

        public init(name: String, value: Int32, color: [UInt8]? = nil) {
            self.name = name
            self.value = value
            self.color = color
        }
    }

    public var classes: [Entry]

    public init(_ classes: [Entry]) { self.classes = classes }

    public init(from decoder: any Decoder) throws { classes = try [Entry](from: decoder) }
    public func encode(to encoder: any Encoder) throws { try classes.encode(to: encoder) }

    /// - Throws: `Diagnostic` when there is no class, a name or value stands twice or is not possible, or a colour has not
    ///   three parts.
    public func validate() throws(Diagnostic) {
        guard !classes.isEmpty else { throw Diagnostic(.badValue, "classes: there is none") }
        var names = Set<String>(), values = Set<Int32>()
        for entry in classes {
            guard !entry.name.isEmpty else { throw Diagnostic(.badValue, "classes: one has an empty name") }
            guard names.insert(entry.name).inserted else {
                throw Diagnostic(.duplicateName, "classes: two are named '\(entry.name)'")
            }
            guard entry.value >= 0 else {
                throw Diagnostic(
                    .badValue, "classes: '\(entry.name)' has the value \(entry.value); labels are 0 or more")
            }
            guard values.insert(entry.value).inserted else {
                throw Diagnostic(
                    .duplicateName, "classes: '\(entry.name)' has the value \(entry.value) of another class")
            }
            guard entry.color?.count ?? 3 == 3 else {
                throw Diagnostic(.badValue, "classes: the colour of '\(entry.name)' is not red, green, blue")
            }
        }
    }
}
