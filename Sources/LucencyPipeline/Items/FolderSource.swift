import LucencyFoundation
import LucencyImaging

/// Reads images, labels and further maps from folders, pairing them by name.
public struct FolderSource: Sendable {
    /// What a further port (`also`) holds.
    public struct Further: Sendable, Hashable {
        public var folder: String
        public var isImage: Bool

        public init(folder: String, isImage: Bool) {
            self.folder = folder
            self.isImage = isImage
        }
    }

    /// One folder or pattern, or one pattern for each channel.
    public enum Images: Sendable, Hashable {
        case files(String)
        case channels([(name: String, pattern: String)])

        public static func == (left: Images, right: Images) -> Bool { left.description == right.description }
        public func hash(into hasher: inout Hasher) { hasher.combine(description) }
        public var description: String {
            switch self {
            case .files(let path): path
            case .channels(let channels): channels.map { "\($0.name)=\($0.pattern)" }.joined(separator: ",")
            }
        }
    }

    public var images: Images?
    public var labels: String?
    /// Class names with their stored label values, numbered from 0 in this order; empty keeps stored values.
    public var classes: [(name: String, value: Int)] = []
    /// Stored label values that mean "do not judge here".
    public var ignore: [Int] = []
    public var also: [String: Further] = [:]
    public var list: String?
    /// One length, or one for each of x, y, z.
    public var spacing: [Length] = []
    public var overrideSpacing = false
    /// A page counted from 1; nil takes a single page, or all equal pages as a volume.
    public var page: Int?

    public init() {}

    /// Which formats there are; handed in, because this target knows none.
    public struct Readers: Sendable {
        let fileExtensions: Set<String>
        let reader: @Sendable (String) throws -> any ImageFormat

        public init(
            fileExtensions: Set<String>, reader: @escaping @Sendable (String) throws -> any ImageFormat
        ) {
            self.fileExtensions = fileExtensions
            self.reader = reader
        }
    }

    public var ports: [Port] {
        var ports = [Port("image", Image.portType)]
        if labels != nil { ports.append(Port("label", LabelMap.portType)) }
        for (name, further) in also.sorted(by: { $0.key < $1.key }) {
            ports.append(Port(name, further.isImage ? Image.portType : LabelMap.portType))
        }
        return ports
    }

    /// Reports folders and lists that are not there.
    public func check(at place: Diagnostic.Place?, _ decoding: inout Decoding) {
        func check(_ path: String, _ what: String) {
            let fixed = path.split(separator: "/", omittingEmptySubsequences: false).prefix {
                !$0.contains("*") && !$0.contains("?")
            }
            let root = fixed.joined(separator: "/")
            guard !root.isEmpty, !root.contains(Decoding.missingInput), !FileSystem.exists(root) else { return }
            decoding.error(.missingFile, "\(what) '\(root)' is not there", at: place)
        }
        switch images {
        case .files(let path): check(path, "the folder of images")
        case .channels(let channels):
            for channel in channels { check(channel.pattern, "the folder of '\(channel.name)'") }
        case nil: if let input = decoding.inputFolder { check(input, "the folder given by --input") }
        }
        if let labels { check(labels, "the folder of labels") }
        for (name, further) in also.sorted(by: { $0.key < $1.key }) { check(further.folder, "the folder of '\(name)'") }
        if let list { check(list, "the list") }
    }

    /// The source, ready to list its items.
    public func configured(readers: Readers) -> ConfiguredSource {
        var needsInput = images == nil
        if case .channels(let channels) = images { needsInput = channels.contains { !$0.pattern.contains("/") } }
        let paths = [images?.description, labels, list].compactMap { $0 } + also.values.map(\.folder)
        needsInput = needsInput || paths.contains { $0.contains(Decoding.missingInput) }
        return ConfiguredSource(ports: ports, needsInput: needsInput, files: list.map { [$0] } ?? []) {
            try list($0, readers)
        }
    }

    // MARK: Loading

    func item(
        _ file: FileSet.File, _ channels: [String], _ partners: [String: (path: String, isImage: Bool)],
        _ context: SourceContext, _ readers: Readers
    ) -> SourceItem {
        var loaders = ["image": loader(channels, isImage: true, context, readers)]
        for (port, partner) in partners {
            loaders[port] = loader([partner.path], isImage: partner.isImage, context, readers)
        }
        return SourceItem(relative: file.key, name: FileSystem.name(of: file.relative), loaders: loaders)
    }

    private func loader(
        _ paths: [String], isImage: Bool, _ context: SourceContext, _ readers: Readers
    ) -> ItemLoader {
        let selection = page.map { PageSelection.page($0) } ?? .automatic
        // The reader follows from the content, and a content's hash stands in the key; its revision must stand there too.
        let reader = (try? readers.reader(paths[0])).map { "\($0.name) \($0.revision)" } ?? ""
        return ItemLoader(paths: paths, reader: reader) {
            let header = try readers.reader(paths[0]).header(of: paths[0], pages: selection, limits: context.limits)
            let channels = paths.count > 1 ? paths.count : isImage ? header.colorModel.channelCount : 1
            return ValueEstimate(geometry: try stated(header.geometry, context), channels: channels)
        } contentHashes: {
            try paths.map { try FileSystem.hash(of: $0) }
        } load: {
            if !isImage {
                let labels = try readers.reader(paths[0]).readLabels(paths[0], pages: selection, limits: context.limits)
                return try classified(labels.with(geometry: stated(labels.geometry, context)), paths[0])
            }
            let images = try paths.map { path in
                let image = try readers.reader(path).readImage(
                    path, pages: selection, region: nil, limits: context.limits)
                return try image.with(geometry: stated(image.geometry, context))
            }
            guard images.count > 1 else { return images[0] }
            return try stacked(images, paths)
        }
    }

    /// The geometry with the spacing that the pipeline or the command line states.
    private func stated(_ geometry: Geometry, _ context: SourceContext) throws -> Geometry {
        if !spacing.isEmpty {
            var values = SIMD3<Double>.zero
            for axis in 0..<3 {
                let length = spacing[min(axis, spacing.count - 1)]
                guard let unit = length.unit.millimetres else { continue }
                values[axis] = length.value * unit
            }
            if geometry.isPlanar, spacing.count < 3 { values.z = values.x }
            if geometry.spacingSource != .assumed, !overrideSpacing {
                let old = geometry.spacing
                for axis in 0..<geometry.size.dimensions where abs(old[axis] / values[axis] - 1) > 0.01 {
                    throw Diagnostic(
                        .geometryMismatch,
                        "the file states a spacing of \(old[axis]) mm along \("xyz".dropFirst(axis).prefix(1)), "
                            + "the pipeline \(values[axis]) mm",
                        remedy: "remove `spacing` from the source, or add `overrideSpacing: true`")
                }
            }
            return try geometry.withSpacing(values, source: .stated(spacing[0].unit))
        }
        if let assumed = context.assumedSpacing, geometry.spacingSource == .assumed {
            return try geometry.withSpacing(assumed, source: .stated(.mm))
        }
        return geometry
    }

    /// Stored label values as class numbers: classes count from 0 in the order of their stored values.
    private func classified(_ labels: LabelMap, _ path: String) throws -> LabelMap {
        guard !classes.isEmpty || !ignore.isEmpty else { return labels }
        var table: [Int32: Int32] = [:]
        for value in ignore { table[Int32(clamping: value)] = LabelMap.ignoreLabel }
        var names: [Int32: LabelClass] = [:]
        for (index, entry) in classes.enumerated() {
            table[Int32(clamping: entry.value)] = Int32(index)
            names[Int32(index)] = LabelClass(name: entry.name)
        }
        let passUnknown = classes.isEmpty
        var unknown: (value: Int32, index: Int)?
        let mapped = labels.labels.withUnsafeBufferPointer { source in
            AlignedBuffer<Int32>(count: source.count) { target in
                var last = Int32.min, lastMapped: Int32? = nil
                for index in source.indices {
                    let value = source[index]
                    if value != last || index == 0 {
                        last = value
                        lastMapped = table[value] ?? (passUnknown ? value : nil)
                    }
                    if lastMapped == nil, unknown == nil { unknown = (value, index) }
                    target.initializeElement(at: index, to: lastMapped ?? 0)
                }
            }
        }
        if let unknown {
            let x = unknown.index % labels.size.x, y = unknown.index / labels.size.x % labels.size.y
            throw Diagnostic(
                .badLabel, "the label value \(unknown.value) at pixel (\(x), \(y)) belongs to no class",
                at: Diagnostic.Place(file: path),
                remedy:
                    "add it to `classes` or `ignore` of the source (stored values: \(classes.map { "\($0.value) \($0.name)" }.joined(separator: ", ")))"
            )
        }
        return try LabelMap(
            geometry: labels.geometry, labels: mapped, table: passUnknown ? labels.table : names, origin: labels.origin)
    }

    private func stacked(_ images: [Image], _ paths: [String]) throws -> Image {
        for (image, path) in zip(images, paths) {
            do {
                try image.geometry.requireMatch(images[0].geometry, "the channels")
            } catch {
                throw Diagnostic.wrapping(error, as: .geometryMismatch).located(in: path)
            }
            guard image.channels == 1 else {
                throw Diagnostic(
                    .channelMismatch, "a channel must be a gray image, this one has \(image.channels) channels",
                    at: Diagnostic.Place(file: path))
            }
        }
        let count = images[0].size.count
        let pixels = AlignedBuffer<Float>(count: count * images.count) { target in
            for (index, image) in images.enumerated() {
                image.withChannel(0) { channel in
                    let part = UnsafeMutableBufferPointer(rebasing: target[index * count..<(index + 1) * count])
                    _ = part.initialize(from: channel)
                }
            }
        }
        return try Image(
            geometry: images[0].geometry, colorModel: .channels(images.count), pixels: pixels, origin: images[0].origin)
    }
}

extension Geometry {
    fileprivate var isPlanar: Bool { size.isPlanar }
}
