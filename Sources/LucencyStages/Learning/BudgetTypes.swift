import LucencyFoundation
import LucencyLearning
import LucencyPipeline

/// An amount of memory with its unit: `2 GB`, `512 MB`.
struct MemorySize: ParameterValue {
    var bytes: Int

    static var typeName: String { "an amount of memory with its unit (MB, GB)" }
    static var schema: JSONValue { ["type": "string", "pattern": "^[0-9.]+ *(kB|MB|GB|TB|KiB|MiB|GiB|TiB)$"] }

    private static let units: [(name: String, size: Double)] = [
        ("kB", 1e3), ("MB", 1e6), ("GB", 1e9), ("TB", 1e12),
        ("KiB", 1024), ("MiB", 1_048_576), ("GiB", 1_073_741_824), ("TiB", 1_099_511_627_776),
    ]

    static func decode(_ yaml: LocatedYAML, _ decoding: inout Decoding) -> MemorySize? {
        guard let value = Quantity.decode(yaml, units, as: typeName, example: "2 GB", &decoding) else { return nil }
        guard value >= 1, value <= 1e15 else {
            decoding.error(.badValue, "\(yaml.shown) is no possible amount of memory", at: yaml.place)
            return nil
        }
        return MemorySize(bytes: Int(value))
    }

    var canonical: JSONValue { .string("\(bytes) B") }
}

/// A length of time with its unit: `10 min`, `2 h`.
struct TimeSpan: ParameterValue {
    var seconds: Double

    static var typeName: String { "a time with its unit (s, min, h)" }
    static var schema: JSONValue { ["type": "string", "pattern": "^[0-9.]+ *(s|min|h|d)$"] }

    private static let units: [(name: String, size: Double)] = [("s", 1), ("min", 60), ("h", 3600), ("d", 86400)]

    static func decode(_ yaml: LocatedYAML, _ decoding: inout Decoding) -> TimeSpan? {
        guard let value = Quantity.decode(yaml, units, as: typeName, example: "10 min", &decoding) else { return nil }
        guard value > 0, value <= 1e9 else {
            decoding.error(.badValue, "\(yaml.shown) is no possible time", at: yaml.place)
            return nil
        }
        return TimeSpan(seconds: value)
    }

    var canonical: JSONValue { .string("\(JSONValue.number(seconds).text) s") }
}

/// A number with a unit.
private enum Quantity {
    static func decode(
        _ yaml: LocatedYAML, _ units: [(name: String, size: Double)], as type: String, example: String,
        _ decoding: inout Decoding
    ) -> Double? {
        let text = (yaml.scalar ?? "").filter { $0 != " " }
        let number = text.prefix { $0.isASCII && $0.isNumber || $0 == "." }, name = text.dropFirst(number.count)
        guard let value = Double(number) else {
            decoding.error(
                .badValue, "expected \(type), found \(yaml.shown)", at: yaml.place, remedy: "write `\(example)`")
            return nil
        }
        guard let unit = units.first(where: { $0.name == name }) else {
            decoding.error(
                .missingUnit, name.isEmpty ? "'\(text)' has no unit" : "'\(name)' is no unit here", at: yaml.place,
                remedy: "write `\(example)`; units are \(units.map(\.name).joined(separator: ", "))")
            return nil
        }
        return value * unit.size
    }
}
