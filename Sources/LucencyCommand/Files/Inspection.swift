import Lucency

#if canImport(Glibc)
    import Glibc
#elseif canImport(Darwin)
    import Darwin
#endif

/// What `inspect` says about an image file.
struct ImageInspection {
    let path: String
    let format: any ImageFormat
    let pages: [PageHeader]
    /// The image that reading the file makes; nil where its pages do not make one.
    let image: FileHeader?
    /// Why they do not.
    let obstacle: Diagnostic?

    init(_ path: String, limits: ReadLimits) throws {
        self.path = path
        format = try ImageFormats.reader(for: path)
        do {
            let header = try format.header(of: path, pages: .automatic, limits: limits)
            (image, obstacle, pages) = (header, nil, header.pages)
        } catch let diagnostic as Diagnostic {
            // Pages that make no image together can still be described one by one.
            guard let tiff = format as? TIFFFormat, let found = try? tiff.pageHeaders(of: path, limits: limits),
                !found.isEmpty
            else { throw diagnostic }
            (image, obstacle, pages) = (nil, diagnostic, found)
        }
    }

    /// The facts as JSON.
    /// - Parameter limits: nil leaves out what only the pixels tell.
    func json(reading limits: ReadLimits?) throws -> JSONValue {
        var described: [[String: JSONValue]] = []
        for (index, page) in pages.enumerated() {
            described.append(
                try members(of: page, limits.map { try format.storedFacts(of: path, page: index + 1, limits: $0) }))
        }
        var top = described.first ?? [:]
        if let geometry = image?.geometry {
            top["spacing"] = .array((0..<geometry.size.dimensions).map { .number(geometry.spacing[$0]) })
            top["spacingSource"] = .string(geometry.spacingSource.name)
        }
        top["file"] = .string(path)
        top["format"] = .string(format.name)
        if format is TIFFFormat { top["pages"] = .array(described.map { .object($0) }) }
        return .object(top)
    }

    private func members(of page: PageHeader, _ facts: StoredFacts?) throws -> [String: JSONValue] {
        var members: [String: JSONValue] = [
            "shape": .array(page.shape.map { .integer($0) }), "axes": .string(page.axes), "dtype": .string(page.dtype),
            "bits": .integer(page.sampleType.bits), "channels": .integer(page.samplesPerPixel),
            "colorType": .string(page.colorType), "compression": .string(page.compression),
            "spacing": [.number(page.spacing?.x ?? 1), .number(page.spacing?.y ?? 1)],
            "spacingSource": .string(page.spacing == nil ? "assumed" : "stated"),
            "metadata": .object(page.metadata.mapValues { .string($0) }),
        ]
        if let facts {
            members["min"] = Self.number(facts.min)
            members["max"] = Self.number(facts.max)
            members["mean"] = .number(facts.mean)
            members["sha256"] = .string(facts.sha256)
        }
        return members
    }

    /// A whole number without fraction or exponent wherever 64 bits hold it.
    private static func number(_ value: Double) -> JSONValue {
        Int(exactly: value).map { .integer($0) } ?? .number(value)
    }

    /// The facts for people; reads no pixels.
    var text: String {
        var rows: [(String, String)] = [("format", format.name + (pages.count > 1 ? ", \(pages.count) pages" : ""))]
        if let first = pages.first {
            let size = image?.geometry.size ?? GridSize(first.width, first.height)
            rows.append(("size", "\(size) pixels"))
            rows.append(
                ("type", "\(first.dtype), \(first.sampleType.bits) bits, \(first.colorType), \(Self.channels(first))"))
            rows.append(("spacing", spacing))
            rows.append(("compression", first.compression))
            if let image { rows.append(("memory", MemoryBudget.text(image.imageBytes) + " once read")) }
            if Set(pages.map { "\($0.shape) \($0.dtype) \($0.colorType)" }).count > 1 {
                for (index, page) in pages.enumerated() {
                    rows.append(
                        ("page \(index + 1)", "\(page.width) × \(page.height), \(page.dtype), \(page.colorType)"))
                }
            }
            if let obstacle { rows.append(("no image", obstacle.message)) }
            for (key, value) in first.metadata.sorted(by: { $0.key < $1.key }) { rows.append((key, value)) }
        }
        return Self.text(path, rows)
    }

    private var spacing: String {
        let lengths: [Double], source: SpacingSource
        if let geometry = image?.geometry {
            (lengths, source) = ((0..<geometry.size.dimensions).map { geometry.spacing[$0] }, geometry.spacingSource)
        } else if let page = pages.first, let spacing = page.spacing {
            (lengths, source) = ([spacing.x, spacing.y], .stated(page.spacingUnit ?? .mm))
        } else {
            (lengths, source) = ([], .assumed)
        }
        guard case .stated(let unit) = source else { return "not stated" }
        let scale = unit.millimetres ?? 1
        let shown = lengths.map { JSONValue.number(Self.rounded($0 / scale)).text }.joined(separator: " × ")
        return "\(shown) \(unit.millimetres == nil ? LengthUnit.mm.rawValue : unit.rawValue) (stated)"
    }

    /// To nine significant digits, which hides what dividing by the unit adds to the last ones.
    private static func rounded(_ value: Double) -> Double {
        let scale = pow(10, 8 - floor(log10(value)))
        return value > 0 && scale.isFinite && scale > 0 ? (value * scale).rounded() / scale : value
    }

    private static func channels(_ page: PageHeader) -> String {
        page.samplesPerPixel == 1 ? "1 channel" : "\(page.samplesPerPixel) channels"
    }

    /// A heading and aligned rows. Texts from files are cut and freed of what a terminal would obey.
    static func text(_ heading: String, _ rows: [(String, String)]) -> String {
        let keys = rows.map { plain($0.0, limit: 24) }
        let width = (keys.map(\.count).max() ?? 0) + 2
        let lines = zip(keys, rows).map { key, row in
            "  " + key + String(repeating: " ", count: width - key.count) + plain(row.1, limit: 160)
        }
        return ([plain(heading, limit: 4096)] + lines).joined(separator: "\n")
    }

    private static func plain(_ text: String, limit: Int) -> String {
        let scalars = text.unicodeScalars.prefix(limit + 1).map { scalar -> Character in
            scalar.properties.generalCategory == .control ? " " : Character(scalar)
        }
        return scalars.count > limit ? String(scalars.prefix(limit)) + "… (--json has all)" : String(scalars)
    }
}
