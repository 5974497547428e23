import Lucency

/// An image file whose header was read, so that its size is known before any memory is taken for it.
struct InputFile {
    let path: String
    let pages: PageSelection
    let limits: ReadLimits
    let header: FileHeader
    /// The header's geometry with the spacing that the command line states for files that state none.
    let geometry: Geometry
    private let reader: any ImageFormat

    init(_ path: String, pages: PageSelection = .automatic, assuming spacing: SIMD3<Double>?, limits: ReadLimits) throws
    {
        self.path = path
        self.pages = pages
        self.limits = limits
        reader = try ImageFormats.reader(for: path)
        header = try reader.header(of: path, pages: pages, limits: limits)
        if let spacing, header.geometry.spacingSource == .assumed {
            geometry = try header.geometry.withSpacing(spacing, source: .stated(.mm))
        } else {
            geometry = header.geometry
        }
    }

    /// Intensities of the file, or of a region, of which no more than it needs is decoded.
    func image(_ region: Region? = nil) throws -> Image {
        let image = try reader.readImage(path, pages: pages, region: region, limits: limits)
        return try image.with(geometry: region.map { try geometry.cropped(to: $0) } ?? geometry)
    }

    /// Labels of the file.
    func labels() throws -> LabelMap {
        try reader.readLabels(path, pages: pages, limits: limits).with(geometry: geometry)
    }
}

/// Memory that a command may take: half of the machine's, as for runs.
enum MemoryBudget {
    /// - Throws: `Diagnostic` when more is needed; buffers themselves cannot refuse.
    static func require(_ bytes: Int, for what: String, remedy: String) throws(Diagnostic) {
        let budget = Machine.memory / 2
        guard bytes > budget else { return }
        throw Diagnostic(
            .overBudget, "\(what) takes \(text(bytes)) of memory; half of this machine's is \(text(budget))",
            remedy: remedy)
    }

    /// `1.2 GB`.
    static func text(_ bytes: Int) -> String {
        let units = ["B", "kB", "MB", "GB", "TB", "PB", "EB"]
        var value = Double(bytes), unit = 0
        while value >= 1000, unit < units.count - 1 { (value, unit) = (value / 1000, unit + 1) }
        return unit == 0 ? "\(bytes) B" : "\((value * 10).rounded() / 10) \(units[unit])"
    }
}
