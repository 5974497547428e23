import LucencyFoundation
import LucencyPhantoms
import LucencyPipeline

/// A phantom as it is chosen in YAML: `{uses: organs, with: {…}}`. Each world is one file in this folder and one line here.
public struct PhantomWorld: ComponentValue {
    public let phantom: any Phantom

    public static var componentKind: String { "phantom world" }
    public static var components: [Component<PhantomWorld>] {
        [.histology, .membranes, .organs, .retina, .sheppLogan, .thorax]
    }
}

extension Component<PhantomWorld> {
    /// A world whose settings are the phantom itself.
    init<World: Phantom>(_ id: String, _ summary: String, _ prototype: World, parameters: [Parameter<World>]) {
        self.init(
            id, summary, prototype: prototype, parameters: parameters, make: { PhantomWorld(phantom: $0) },
            match: { $0.phantom as? World })
    }
}

extension Interval: ParameterValue {
    public static var typeName: String { "a number, or a range [from, to] to draw from" }
    public static var schema: JSONValue {
        [
            "oneOf": [
                ["type": "number"],
                ["type": "array", "items": ["type": "number"], "minItems": 2, "maxItems": 2],
            ]
        ]
    }

    public static func decode(_ yaml: LocatedYAML, _ decoding: inout Decoding) -> Interval? {
        guard let elements = yaml.elements else {
            return Double.decode(yaml, &decoding).map { Interval($0, $0) }
        }
        let numbers = elements.compactMap { Double.decode($0, &decoding) }
        guard numbers.count == elements.count else { return nil }
        guard numbers.count == 2, numbers[0] <= numbers[1] else {
            decoding.error(
                .badValue, "a range is a list of two numbers, the smaller one first", at: yaml.place,
                remedy: "write `[2, 5]`, or one number for a value that is always the same")
            return nil
        }
        return Interval(numbers[0], numbers[1])
    }

    public var canonical: JSONValue { lower == upper ? .number(lower) : [.number(lower), .number(upper)] }
    public var magnitudes: [Double] { [lower, upper] }
}
