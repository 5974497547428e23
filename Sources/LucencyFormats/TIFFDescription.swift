import LucencyFoundation
import LucencyImaging

/// What a description (ImageJ's lines, OME's XML) says about the pages of a file. Never trusted for sizes.
struct TIFFDescription: Equatable {
    enum Writer: String { case imageJ, ome }
    var writer: Writer
    /// Pages in all, and along each axis, where stated.
    var images: Int?
    var channels = 1, slices = 1, frames = 1
    /// Millimetres along x, y, z, where stated.
    var x, y, z: Double?
    var unit: LengthUnit?
    /// ImageJ: the unit that the resolution tags count in.
    var resolutionUnit: TIFFLengthUnit?
    /// OME: planes of the image lie in other files, too.
    var namesOtherFiles = false
    /// OME: the file holds several images (series).
    var series = 1
    var notes: [String: String] = [:]

    /// The stated number of pages, if it does not overflow.
    var planes: Int? {
        let first = channels.multipliedReportingOverflow(by: slices)
        let all = first.partialValue.multipliedReportingOverflow(by: frames)
        return first.overflow || all.overflow ? nil : all.partialValue
    }

    /// nil where the description is neither ImageJ's nor OME's.
    init?(_ text: String?) {
        guard let text else { return nil }
        if text.hasPrefix("ImageJ=") {
            self.init(imageJ: text)
        } else if text.contains("<OME") || text.contains(":OME") {
            self.init(ome: text)
        } else {
            return nil
        }
    }

    /// Lines `key=value`, as ImageJ's TiffEncoder writes them.
    private init(imageJ text: String) {
        writer = .imageJ
        var spacing: Double?
        for line in text.prefix(1 << 16).split(whereSeparator: \.isNewline) {
            guard let equals = line.firstIndex(of: "=") else { continue }
            let key = line[..<equals], value = String(line[line.index(after: equals)...])
            func count() -> Int { max(1, min(1 << 30, Int(value) ?? 1)) }
            switch key {
            case "images": images = count()
            case "channels": channels = count()
            case "slices": slices = count()
            case "frames": frames = count()
            case "spacing": spacing = Double(value)
            case "unit":
                resolutionUnit = TIFFLengthUnit(value)
                notes["imagej.unit"] = value
            case "finterval", "mode", "hyperstack": notes["imagej.\(key)"] = value
            default: break
            }
        }
        if let unit = resolutionUnit, let spacing, spacing > 0, spacing.isFinite {
            z = spacing * unit.millimetres
            self.unit = unit.unit
        }
    }

    /// The first image's `Pixels` element; other images are only counted.
    private init?(ome text: String) {
        guard let tags = OMETags(text) else { return nil }
        writer = .ome
        series = 0
        for tag in tags.tags {
            switch tag.name {
            case "Image": series += 1
            case "Pixels" where series == 1:
                func count(_ key: String) -> Int { max(1, min(1 << 30, tag.attributes[key].flatMap { Int($0) } ?? 1)) }
                channels = count("SizeC")
                slices = count("SizeZ")
                frames = count("SizeT")
                func length(_ axis: String) -> Double? {
                    guard let value = tag.attributes["PhysicalSize\(axis)"].flatMap({ Double($0) }), value > 0,
                        value.isFinite,
                        let unit = TIFFLengthUnit(tag.attributes["PhysicalSize\(axis)Unit"] ?? "µm")
                    else { return nil }
                    if self.unit == nil { self.unit = unit.unit }
                    return value * unit.millimetres
                }
                x = length("X")
                y = length("Y")
                z = length("Z")
                notes["ome.dimensionOrder"] = tag.attributes["DimensionOrder"]
            case "UUID":
                if let name = tag.attributes["FileName"] { files.insert(name) }
            default: break
            }
        }
        namesOtherFiles = files.count > 1
        if namesOtherFiles { notes["ome.files"] = "\(files.count) files; this is one of them, read on its own" }
        if series > 1 { notes["ome.images"] = "\(series)" }
    }

    private var files: Set<String> = []

    /// Facts to keep with an image.
    var metadata: [String: String] {
        var metadata = notes
        metadata["\(writer == .ome ? "ome" : "imagej").size"] = "c \(channels), z \(slices), t \(frames)"
        return metadata
    }
}
