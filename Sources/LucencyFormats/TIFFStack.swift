import LucencyFoundation
import LucencyImaging

/// Which pages of a file make an image, and how: a plane, the slices of a volume, or channels.
struct TIFFStack {
    enum Arrangement { case plane, slices, channels }
    var arrangement: Arrangement
    /// The pages, in the order in which they are stacked.
    var pages: [TIFFPage]
    var geometry: Geometry
    var colorModel: ColorModel
    var metadata: [String: String]

    var first: TIFFPage { pages[0] }

    /// - Throws: `Diagnostic` naming the file when the pages do not make one image, with the remedy.
    init(_ file: TIFFFile, _ selection: PageSelection, all: [TIFFPage]? = nil) throws {
        do {
            try self.init(choosing: file, selection, all)
        } catch {
            throw Diagnostic.wrapping(error, as: .damagedFile).located(in: file.path)
        }
    }

    private init(choosing file: TIFFFile, _ selection: PageSelection, _ all: [TIFFPage]?) throws {
        func page(_ index: Int) throws -> TIFFPage {
            if let all, all.indices.contains(index) { return all[index] }
            return try file.page(index)
        }
        let facts = TIFFDescription(try page(0).description)
        switch selection {
        case .page(let number):
            guard number >= 1, number <= file.pageCount else {
                throw Diagnostic(
                    .noSuchPage, "there is no page \(number): the file has \(file.pageCount)",
                    remedy: "choose a page from 1 to \(file.pageCount)")
            }
            pages = [try page(number - 1)]
            arrangement = .plane
        case .automatic:
            var every = try (0..<file.pageCount).map { try page($0) }
            // Smaller copies and masks belong to another page; a file of nothing else is taken as it is.
            let proper = every.filter { !$0.isAuxiliary }
            if !proper.isEmpty { every = proper }
            pages = every
            arrangement = try Self.arrangement(of: every, facts)
        }
        let first = pages[0]
        let count = arrangement == .channels ? pages.count : 1
        colorModel = count > 1 ? .channels(count) : first.colorModel
        let spacing = Self.spacing(of: first, facts)
        let size = GridSize(first.width, first.height, arrangement == .slices ? pages.count : 1)
        geometry = try Self.geometry(size, spacing, facts)
        metadata = first.metadata.merging(facts?.metadata ?? [:]) { own, _ in own }
        if file.loops { metadata["directories"] = "the chain of pages leads back into itself" }
        if size.z > 1, let spacing, geometry.spacingSource == .assumed {
            metadata["spacing"] = "\(spacing.x) × \(spacing.y) mm in the plane; none stated between slices"
        }
    }

    /// Millimetres in a page's plane: OME's, ImageJ's, else the resolution tags'.
    static func spacing(of page: TIFFPage, _ facts: TIFFDescription?) -> TIFFSpacing? {
        if let x = facts?.x, let y = facts?.y { return TIFFSpacing(x: x, y: y, unit: facts?.unit ?? .um) }
        if facts?.writer == .imageJ, facts?.notes["imagej.unit"] != nil {
            return facts?.resolutionUnit.flatMap { page.resolution.spacing(per: $0) }
        }
        return page.resolution.spacing
    }

    private static func geometry(
        _ size: GridSize, _ spacing: TIFFSpacing?, _ facts: TIFFDescription?
    ) throws(Diagnostic) -> Geometry {
        guard let spacing, size.isPlanar || facts?.z != nil else { return try Geometry(size: size) }
        return try Geometry(size: size, spacing: [spacing.x, spacing.y, facts?.z ?? 1], source: .stated(spacing.unit))
    }

    private static func arrangement(of pages: [TIFFPage], _ facts: TIFFDescription?) throws(Diagnostic) -> Arrangement {
        if pages.count == 1 {
            if let facts, facts.writer == .imageJ, let images = facts.images ?? facts.planes, images > 1 {
                throw Diagnostic(
                    .unsupportedFeature,
                    "the ImageJ description counts \(images) images, and the file has one directory (a contiguous stack)",
                    remedy:
                        "save it from ImageJ as an image sequence or OME-TIFF, or read the first image with `page: 1`")
            }
            return .plane
        }
        for page in pages.dropFirst() {
            if let difference = pages[0].differs(from: page) {
                throw Diagnostic(
                    .sizeMismatch, "the \(pages.count) pages do not make one image: \(difference)",
                    remedy: "choose one: `page: 1`")
            }
        }
        guard let facts else { return .slices }
        // OME counts the samples of a pixel among the channels.
        var channels = facts.channels
        if facts.writer == .ome, channels % pages[0].samples == 0 { channels /= pages[0].samples }
        if channels == 1, facts.frames == 1 { return .slices }
        let isWhole = facts.slices == 1 && facts.frames == 1 && channels == pages.count && facts.series <= 1
        if isWhole, pages[0].colorModel == .gray { return .channels }
        throw Diagnostic(
            .unsupportedFeature,
            "the \(pages.count) pages are \(channels) channel(s) × \(facts.slices) slice(s) × \(facts.frames) frame(s), "
                + "which are not one image",
            remedy: "choose one: `page: 1`")
    }
}
