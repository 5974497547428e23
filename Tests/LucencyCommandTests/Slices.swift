import Foundation
import Support

/// Folders of electron micrographs to run on.
enum Slices {
    /// Six rendered images of 128 × 128 pixels with their masks (255 cell, 0 membrane) in folders side by side.
    static let rendered: (images: URL, masks: URL) = {
        let root = FileManager.default.temporaryDirectory.appending(
            path: "lucency-slices-\(ProcessInfo.processInfo.processIdentifier)")
        let images = root.appending(path: "images"), masks = root.appending(path: "masks")
        for folder in [images, masks] {
            try? FileManager.default.createDirectory(at: folder, withIntermediateDirectories: true)
        }
        _ = try? Program(product: "lucency-bench").run([
            "images", images.path, "--masks", masks.path, "--count", "6", "--seed", "3", "--width", "128", "--height",
            "128",
        ])
        return (images, masks)
    }()

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
