import Foundation
import Lucency
import Support
import Testing

/// Folders of electron micrographs to run on.
enum Slices {
    /// Six rendered images of 128 × 128 pixels with their masks (255 cell, 0 membrane) in folders side by side.
    static let rendered: (images: URL, masks: URL) = {
        let root = FileManager.default.temporaryDirectory.appending(
            path: "lucency-slices-\(ProcessInfo.processInfo.processIdentifier)")
        let images = root.appending(path: "images"), masks = root.appending(path: "masks")
        try? render(Membranes(width: 128, height: 128), seed: 3, count: 6, images: images, masks: masks)
        return (images, masks)
    }()

    /// Writes pictures and masks (255 cell, 0 membrane) as `00.png`, `01.png`, …
    static func render(_ phantom: Membranes, seed: UInt64, count: Int, images: URL, masks: URL) throws {
        for folder in [images, masks] {
            try FileManager.default.createDirectory(at: folder, withIntermediateDirectories: true)
        }
        for index in 0..<count {
            let values = try phantom(seed: seed, index: index).values
            let name = (index < 10 ? "0" : "") + "\(index).png"
            let image = try #require(values["image"]?.image), labels = try #require(values["label"]?.labels)
            let options = WriteOptions(bits: 8)
            try PNGFormat().write(image, to: images.appending(path: name).path, options: options)
            let visible = try LabelMap(
                geometry: labels.geometry,
                labels: AlignedBuffer(labels.labels.array.map { $0 == Membranes.cellLabel ? 255 : 0 }))
            try PNGFormat().write(visible, to: masks.appending(path: name).path, options: options)
        }
    }

    /// The thirty real slices, where the shared data are there.
    static let real = TestFiles.shared?.appending(path: "data/isbi-em/images")
}

let pipelines = TestFiles.root.appending(path: "pipelines")
let membranes = pipelines.appending(path: "em-membranes.yaml").path

/// Every result below a folder by relative path, without the records that hold times.
func results(_ folder: URL) throws -> [String: Data] {
    var files: [String: Data] = [:]
    for path in try FileManager.default.subpathsOfDirectory(atPath: folder.path) {
        let url = folder.appending(path: path)
        var isFolder: ObjCBool = false
        guard FileManager.default.fileExists(atPath: url.path, isDirectory: &isFolder), !isFolder.boolValue,
            !path.hasPrefix(".lucency"), !path.hasPrefix("manifest"), !path.hasPrefix("run.")
        else { continue }
        files[path] = try Data(contentsOf: url)
    }
    return files
}
