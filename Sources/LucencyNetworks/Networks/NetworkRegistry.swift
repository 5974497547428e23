import LucencyFoundation

/// The networks that model files can name.
public enum NetworkRegistry {
    /// Every kind of network; a new one needs its line here.
    public static let kinds: [any Network.Type] = [
        UNet.self,
        ResidualEncoderUNet.self,
        Ensemble.self,
        SuperResolver.self,
        PatchClassifier.self,
        SHISRCNet.self,
        VectorAutoencoder.self,
        LatentDiffusion.self,
    ]

    /// A network from its kind and settings. What is left out takes the default.
    /// - Throws: `DiagnosticList` naming all of: an unknown kind, unknown settings, values of a wrong kind or out of range.
    public static func network(_ kind: String, _ settings: JSONValue) throws(DiagnosticList) -> any Network {
        guard let type = kinds.first(where: { $0.kind == kind }) else {
            throw DiagnosticList([
                Diagnostic(
                    .unknownComponent, "there is no network '\(kind)'",
                    remedy: "known are " + kinds.map { $0.kind }.joined(separator: ", "))
            ])
        }
        guard let members = settings.objectValue else {
            throw DiagnosticList([Diagnostic(.wrongKind, "\(kind): the settings are no JSON object")])
        }
        return try decode(type, members)
    }

    private static func decode<N: Network>(
        _ type: N.Type, _ settings: [String: JSONValue]
    ) throws(DiagnosticList) -> any Network {
        let network: N
        do {
            var merged = try JSONValue(encoding: N()).objectValue ?? [:]
            let known = merged.keys.sorted()
            let unknown = settings.keys.filter { merged[$0] == nil }.sorted()
            guard unknown.isEmpty else {
                throw DiagnosticList(
                    unknown.map { key in
                        Diagnostic(
                            .unknownParameter, "\(N.kind): there is no setting '\(key)'",
                            remedy: nearestName(to: key, in: known).map { "did you mean '\($0)'?" })
                    })
            }
            merged.merge(settings) { $1 }
            network = try JSONValue.object(merged).decoded(as: type)
        } catch let list as DiagnosticList {
            throw list
        } catch {
            var diagnostic = Diagnostic.wrapping(error, as: .badValue)
            diagnostic.message = "\(N.kind): " + diagnostic.message
            throw DiagnosticList([diagnostic])
        }
        let problems = network.problems()
        guard problems.isEmpty else { throw DiagnosticList(problems) }
        return network
    }
}
