import LucencyFoundation

#if canImport(FoundationEssentials)
    import FoundationEssentials
#else
    import Foundation
#endif

extension CalibrationReport {
    /// The report as JSON: everything but the pictures. Infinite numbers are the strings `inf` and `-inf`.
    public func json() throws(Diagnostic) -> JSONValue {
        let encoder = JSONEncoder()
        encoder.nonConformingFloatEncodingStrategy = .convertToString(
            positiveInfinity: "inf", negativeInfinity: "-inf", nan: "nan")
        do {
            var json = try JSONValue(parsing: Array(encoder.encode(self)))
            if case .object(var members) = json {
                members["format"] = .string(Self.format)
                members["notice"] = .string(Self.notice)
                members["definitions"] = .object(
                    Dictionary(
                        uniqueKeysWithValues: metrics.map {
                            ($0.rawValue, .string($0.definition(bins: settings.bins)))
                        }))
                json = .object(members)
            }
            return json
        } catch { throw Diagnostic.wrapping(error, as: .notFinite) }
    }

    /// Reads what `json` made.
    /// - Throws: `Diagnostic` when it is no report, or of another version.
    public init(json: JSONValue) throws(Diagnostic) {
        guard json["format"]?.stringValue == Self.format else {
            throw Diagnostic(.unsupportedVersion, "this is not a report of the form '\(Self.format)'")
        }
        let decoder = JSONDecoder()
        decoder.nonConformingFloatDecodingStrategy = .convertFromString(
            positiveInfinity: "inf", negativeInfinity: "-inf", nan: "nan")
        do {
            self = try decoder.decode(CalibrationReport.self, from: Data(json.text.utf8))
        } catch { throw Diagnostic(.badValue, "the report cannot be read: \(error)") }
    }

    static let format = "lucency calibration report 1"
    /// What every report says of itself.
    public static let notice =
        "For research use. This is not a medical device, and nothing here is advice on a patient."
}
