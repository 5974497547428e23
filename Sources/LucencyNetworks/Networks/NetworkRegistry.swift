import Foundation
import LucencyFoundation

/// The networks that model files can name.
public enum NetworkRegistry {
    /// Every kind of network; a new one needs its line here.
    public static let kinds: [any Network.Type] = [
        UNet.self,
        ResidualEncoderUNet.self,
    ]

    /// A network from its settings, as `Network.configuration` gives them. What is left out takes the default.
    /// - Throws: `DiagnosticList` naming all of: an unknown kind, unknown settings, values of a wrong kind or out of range.
    public static func network(_ configuration: JSONValue) throws(DiagnosticList) -> any Network {
        guard let settings = configuration.objectValue, let kind = settings["kind"]?.stringValue else {
            throw DiagnosticList([Diagnostic(.missingKey, "a network's settings must name its 'kind'")])
        }
        guard let type = kinds.first(where: { $0.kind == kind }) else {
            throw DiagnosticList([
                Diagnostic(
                    .unknownComponent, "there is no network '\(kind)'",
                    remedy: "known are " + kinds.map { $0.kind }.joined(separator: ", "))
            ])
        }
        return try decode(type, settings)
    }

    private static func decode<N: Network>(
        _ type: N.Type, _ settings: [String: JSONValue]
    ) throws(DiagnosticList) -> any Network {
        do {
            var merged = try N().settings()
            let known = merged.keys.sorted()
            let unknown = settings.keys.filter { $0 != "kind" && merged[$0] == nil }.sorted()
            guard unknown.isEmpty else {
                throw DiagnosticList(
                    unknown.map { key in
                        Diagnostic(
                            .unknownParameter, "\(N.kind): there is no setting '\(key)'",
                            remedy: nearestName(to: key, in: known).map { "did you mean '\($0)'?" })
                    })
            }
            merged.merge(settings) { $1 }
            merged["kind"] = nil
            let network = try JSONDecoder().decode(type, from: Data(JSONValue.object(merged).text.utf8))
            let problems = network.problems()
            guard problems.isEmpty else { throw DiagnosticList(problems) }
            return network
        } catch let list as DiagnosticList {
            throw list
        } catch let DecodingError.typeMismatch(_, context), let DecodingError.dataCorrupted(context),
            let DecodingError.valueNotFound(_, context)
        {
            let path = context.codingPath.map(\.stringValue).joined(separator: ".")
            throw DiagnosticList([
                Diagnostic(.badValue, "\(N.kind): the setting '\(path)' is wrong: \(context.debugDescription)")
            ])
        } catch {
            throw DiagnosticList([Diagnostic.wrapping(error, as: .badValue)])
        }
    }
}

extension Network {
    /// All settings and the `kind`, for model files.
    public var configuration: JSONValue {
        // Settings are plain numbers, texts and lists, which always encode.
        var settings = (try? settings()) ?? [:]
        settings["kind"] = .string(Self.kind)
        return .object(settings)
    }

    func settings() throws -> [String: JSONValue] {
        let text = String(decoding: try JSONEncoder().encode(self), as: UTF8.self)
        return try JSONValue(parsing: text).objectValue ?? [:]
    }
}
