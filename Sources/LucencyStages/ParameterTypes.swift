import LucencyFoundation
import LucencyFourier
import LucencyImaging
import LucencyMorphology
import LucencyPipeline

// How the algorithms' own types are written in YAML. Choices need only a line each.

extension Interpolation: ChoiceParameter {}
extension LabelInterpolation: ChoiceParameter {}
extension Restore.Outside: ChoiceParameter {}
extension Normalize.Scope: ChoiceParameter {}
extension Gray.Alpha: ChoiceParameter {}
extension Border: ChoiceParameter {}
extension Threshold.Foreground: ChoiceParameter {}
extension Connectivity: ChoiceParameter {}
extension StructuringElement.Shape: ChoiceParameter {}

extension ObjectSize: ParameterValue {
    public static var typeName: String { "a size with its unit (px, mm², mm³, um², …)" }
    public static var schema: JSONValue {
        ["type": "string", "pattern": "^[0-9.]+ *(px|(m|cm|mm|um|µm|nm)\\^?[23²³])$"]
    }

    public static func decode(_ yaml: LocatedYAML, _ decoding: inout Decoding) -> ObjectSize? {
        let text = yaml.scalar ?? ""
        if let size = try? ObjectSize(parsing: text) { return size }
        decoding.error(
            Double(text) == nil ? .badValue : .missingUnit, "expected \(typeName), found \(yaml.shown)", at: yaml.place,
            remedy: "write `50 px`, `0.5 mm²` (2-D) or `20 mm³` (3-D)")
        return nil
    }

    public var canonical: JSONValue { .string(description) }
    public var magnitudes: [Double] { [value] }
}

/// A file or folder to read, relative to the pipeline file (by `--set`: to the working directory). Its content, not its name, stands in keys.
struct FilePath: ParameterValue {
    var path: String

    static var typeName: String { "a file" }
    static var schema: JSONValue { ["type": "string"] }

    static func decode(_ yaml: LocatedYAML, _ decoding: inout Decoding) -> FilePath? {
        guard let text = String.decode(yaml, &decoding) else { return nil }
        return FilePath(path: decoding.path(text, from: yaml.base))
    }

    var canonical: JSONValue { .null }
}

/// Names with whole numbers, in the order in which they are written.
struct OrderedClasses: ParameterValue {
    var entries: [(name: String, value: Int)] = []

    static var typeName: String { "a mapping from class names to stored label values" }
    static var schema: JSONValue { ["type": "object", "additionalProperties": ["type": "integer"]] }

    static func decode(_ yaml: LocatedYAML, _ decoding: inout Decoding) -> OrderedClasses? {
        guard let given = yaml.entries else {
            decoding.error(.badValue, "expected \(typeName), found \(yaml.shown)", at: yaml.place)
            return nil
        }
        var entries: [(name: String, value: Int)] = []
        for entry in given {
            guard let value = Int.decode(entry.value, &decoding) else { return nil }
            if let other = entries.first(where: { $0.value == value }) {
                decoding.error(
                    .badValue, "'\(other.name)' and '\(entry.key)' have the same stored value \(value)",
                    at: entry.value.place)
                return nil
            }
            entries.append((entry.key, value))
        }
        return OrderedClasses(entries: entries)
    }

    var canonical: JSONValue { .array(entries.map { [.string($0.name), .integer($0.value)] }) }
    var magnitudes: [Double] { entries.map { Double($0.value) } }
}
