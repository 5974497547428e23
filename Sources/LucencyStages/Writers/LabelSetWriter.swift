import LucencyFormats
import LucencyFoundation
import LucencyImaging
import LucencyPipeline

/// Label maps of several cases, such as those that a network was trained with.
struct LabelSetValue: PortValue, PortInput {
    /// By the case's name, which may have folders.
    let maps: [(name: String, labels: LabelMap)]

    static var portType: PortType { PortType("label-set") }
}

extension WriterDescriptor {
    private struct Options: Sendable {
        var ignoreValue = 255
    }

    static let labelSetZip = WriterDescriptor(
        LabelSetValue.self, extensions: ["zip"],
        "A zip file with a PNG for each image, or a TIFF for each volume: unpacked, a folder of labels.",
        prototype: Options(), revision: 1,
        parameters: [
            Parameter(
                "ignoreValue", \.ignoreValue, in: .within(0...65535), help: "What pixels that do not count are called.")
        ]
    ) { set, path, options in
        var zip = ZipWriter()
        try FileSystem.replace(path) { (put) throws(Diagnostic) in
            for (name, labels) in set.maps {
                do {
                    try zip.add(
                        name + (labels.size.isPlanar ? ".png" : ".tif"),
                        bytes(of: labels, ignoreValue: Int32(options.ignoreValue), beside: path), to: put)
                } catch { throw Diagnostic.wrapping(error, as: .writeFailed) }
            }
            try zip.finish(put)
        }
    }

    /// - Parameter path: of the zip file, beside which the formats write.
    private static func bytes(of labels: LabelMap, ignoreValue: Int32, beside path: String) throws -> [UInt8] {
        let named = AlignedBuffer<Int32>(count: labels.labels.count) { out in
            labels.labels.withUnsafeBufferPointer { values in
                for index in values.indices { out[index] = values[index] < 0 ? ignoreValue : values[index] }
            }
        }
        let map = try LabelMap(geometry: labels.geometry, labels: named)
        let temporary = path + ".part"
        defer { FileSystem.remove(temporary) }
        if labels.size.isPlanar {
            try PNGFormat().write(map, to: temporary, options: WriteOptions())
        } else {
            try TIFFFormat().write(map, to: temporary, options: WriteOptions())
        }
        return try FileSystem.bytes(temporary, limit: 1 << 32)
    }
}
