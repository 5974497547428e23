/// `{"classes": […], "method": "temperature", "parameters": {"temperature": 1.4}, "fit": {…}}`.
extension Recalibration: Codable {
    private enum CodingKeys: String, CodingKey { case classes, method, parameters, fit }

    public func encode(to encoder: any Encoder) throws {
        var container = encoder.container(keyedBy: CodingKeys.self)
        try container.encode(classes, forKey: .classes)
        try container.encode(method.name, forKey: .method)
        switch method {
        case .temperature(let value): try container.encode(value, forKey: .parameters)
        case .localTemperature(let value): try container.encode(value, forKey: .parameters)
        case .vector(let value): try container.encode(value, forKey: .parameters)
        case .platt(let value): try container.encode(value, forKey: .parameters)
        case .histogramBinning(let value): try container.encode(value, forKey: .parameters)
        case .isotonic(let value): try container.encode(value, forKey: .parameters)
        }
        try container.encodeIfPresent(fit, forKey: .fit)
    }

    /// Refuses unknown methods and numbers that are not possible.
    public init(from decoder: any Decoder) throws {
        let container = try decoder.container(keyedBy: CodingKeys.self)
        let name = try container.decode(String.self, forKey: .method)
        let method: Method
        switch name {
        case "temperature": method = .temperature(try container.decode(TemperatureScaling.self, forKey: .parameters))
        case "local-temperature":
            method = .localTemperature(try container.decode(LocalTemperatureScaling.self, forKey: .parameters))
        case "vector": method = .vector(try container.decode(VectorScaling.self, forKey: .parameters))
        case "platt": method = .platt(try container.decode(PlattScaling.self, forKey: .parameters))
        case "histogram-binning":
            method = .histogramBinning(try container.decode(HistogramBinning.self, forKey: .parameters))
        case "isotonic": method = .isotonic(try container.decode(IsotonicCalibration.self, forKey: .parameters))
        default:
            throw DecodingError.dataCorruptedError(
                forKey: .method, in: container, debugDescription: "there is no recalibration '\(name)'")
        }
        try self.init(
            classes: container.decode([String].self, forKey: .classes), method: method,
            fit: container.decodeIfPresent(Fit.self, forKey: .fit))
    }
}
