import LucencyFoundation

#if canImport(FoundationEssentials)
    import FoundationEssentials
#else
    import Foundation
#endif

extension JSONValue {
    /// The JSON that a value encodes itself as.
    public init(encoding value: some Encodable) throws(Diagnostic) {
        do {
            self = try JSONValue(parsing: Array(JSONEncoder().encode(value)))
        } catch { throw Diagnostic(.notFinite, "a value cannot be written as JSON: \(error)") }
    }

    /// The value that this JSON encodes.
    /// - Throws: `Diagnostic` that says which member is missing or of the wrong kind.
    public func decoded<Value: Decodable>(as type: Value.Type = Value.self) throws(Diagnostic) -> Value {
        do {
            return try JSONDecoder().decode(type, from: Data(text.utf8))
        } catch {
            guard let diagnostic = error as? Diagnostic else { throw Self.diagnostic(error) }
            throw diagnostic
        }
    }

    private static func diagnostic(_ error: any Error) -> Diagnostic {
        func place(_ path: [any CodingKey]) -> String {
            path.isEmpty
                ? "" : "'" + path.map { $0.intValue.map(String.init) ?? $0.stringValue }.joined(separator: ".") + "': "
        }
        switch error as? DecodingError {
        case .keyNotFound(let key, let context):
            return Diagnostic(.missingKey, "\(place(context.codingPath))'\(key.stringValue)' is missing")
        case .typeMismatch(_, let context), .valueNotFound(_, let context):
            return Diagnostic(.wrongKind, "\(place(context.codingPath))\(context.debugDescription)")
        case .dataCorrupted(let context):
            return Diagnostic(.badValue, "\(place(context.codingPath))\(context.debugDescription)")
        default: return Diagnostic(.badValue, "\(error)")
        }
    }
}
