import Foundation
import Lucency
import LucencyPipeline
import Support
import Testing

/// A folder with empty files of these relative names.
private func makeFiles(_ names: [String], in folder: URL) throws {
    for name in names {
        let file = folder.appending(path: name)
        try FileManager.default.createDirectory(
            at: file.deletingLastPathComponent(), withIntermediateDirectories: true)
        try Data().write(to: file)
    }
}

/// Lists a source of PNG and TIFF files that nobody opens.
private func list(_ source: FolderSource) throws -> ItemListing {
    let readers = FolderSource.Readers(fileExtensions: ["png", "tif"]) { _ in
        throw Diagnostic(.unknownFormat, "nobody reads here")
    }
    return try source.list(SourceContext(), readers)
}

private func source(_ folder: URL, labels: Bool = false) -> FolderSource {
    var source = FolderSource()
    source.images = .files(folder.appending(path: "images").path)
    if labels { source.labels = folder.appending(path: "labels").path }
    return source
}

extension ItemListing {
    /// Item names with the labels that were found, relative to a folder.
    fileprivate func pairs(below folder: URL) -> [String: String] {
        let root = folder.path + "/labels/"
        return Dictionary(
            uniqueKeysWithValues: items.map { item in
                (item.relative, item.loaders["label"]?.paths.first?.replacingOccurrences(of: root, with: "") ?? "")
            })
    }
}

@Suite("Which files make an item")
struct FolderListingTests {
    @Test("A label of the same relative name is taken before one of the same stem, at the root too")
    func exactNamesFirst() throws {
        try withTemporaryFolder { folder in
            try makeFiles(
                ["images/s.png", "images/p/s.png", "labels/s.png", "labels/p/s.png"], in: folder)
            let listing = try list(source(folder, labels: true))
            #expect(listing.pairs(below: folder) == ["s": "s.png", "p/s": "p/s.png"])
            #expect(listing.unmatched.isEmpty && listing.notices.isEmpty)
        }
    }

    @Test("A stem that occurs twice on one side pairs nothing")
    func ambiguousStems() throws {
        try withTemporaryFolder { folder in
            try makeFiles(["images/p1/s.png", "images/p2/s.png", "images/p3/t.png"], in: folder)
            try makeFiles(["labels/p2/s.png", "labels/t.png"], in: folder)
            let listing = try list(source(folder, labels: true))
            #expect(listing.pairs(below: folder) == ["p2/s": "p2/s.png", "p3/t": "t.png"])
            #expect(listing.unmatched == ["p1/s.png: no label"])
        }
        try withTemporaryFolder { folder in
            try makeFiles(["images/s.png", "labels/p1/s.png", "labels/p2/s.png"], in: folder)
            let listing = try list(source(folder, labels: true))
            #expect(listing.items.isEmpty)
            #expect(listing.unmatched.first == "s.png: no label (2 candidates)")
        }
    }

    @Test("Files in folders of different names are no pair; one without a folder may belong to any")
    func crossedFolders() throws {
        try withTemporaryFolder { folder in
            try makeFiles(["images/p1/s.png", "images/p1/t.png", "images/u.png"], in: folder)
            try makeFiles(["labels/p2/s.png", "labels/t.png", "labels/p3/u.png"], in: folder)
            let listing = try list(source(folder, labels: true))
            #expect(listing.pairs(below: folder) == ["p1/t": "t.png", "u": "p3/u.png"])
            #expect(listing.unmatched == ["p1/s.png: no label", "label p2/s.png: no image"])
        }
    }

    @Test("A stem counts only where the list names it, and a label that another image bears the name of is not taken")
    func listedStems() throws {
        try withTemporaryFolder { folder in
            try makeFiles(["images/p1/s.png", "images/p2/s.png", "labels/s.png"], in: folder)
            var images = source(folder, labels: true)
            images.list = folder.appending(path: "list.txt").path
            try "p1/s\n".write(toFile: images.list ?? "", atomically: true, encoding: .utf8)
            #expect(try list(images).pairs(below: folder) == ["p1/s": "s.png"])
            try makeFiles(["images/s.png"], in: folder)
            #expect(try list(images).items.isEmpty)
        }
    }

    @Test("Results of an earlier run among the labels are left out with a note, as among the images")
    func resultsAmongLabels() throws {
        try withTemporaryFolder { folder in
            try makeFiles(["images/a.png", "labels/a.png", "labels/out/.lucency/lock", "labels/out/a.png"], in: folder)
            let listing = try list(source(folder, labels: true))
            #expect(listing.pairs(below: folder) == ["a": "a.png"])
            #expect(listing.notices.map(\.message).contains { $0.contains("labels/out' holds results of lucency") })
        }
    }

    @Test("Two files that differ by extension only are refused, as images and as labels; a list may choose one")
    func sameNameTwice() throws {
        try withTemporaryFolder { folder in
            try makeFiles(["images/a.png", "images/a.tif", "images/b.png"], in: folder)
            var images = source(folder)
            let refusal = #expect(throws: Diagnostic.self) { try list(images) }
            #expect(refusal?.code == .duplicateName)
            #expect(refusal?.message.contains("'a.png' and 'a.tif'") == true)
            images.list = folder.appending(path: "list.txt").path
            try "a.tif\nb\n".write(toFile: images.list ?? "", atomically: true, encoding: .utf8)
            #expect(try list(images).items.map(\.name) == ["a.tif", "b.png"])
            for entries in ["a", "a.png\na.tif"] {
                try entries.write(toFile: images.list ?? "", atomically: true, encoding: .utf8)
                #expect(throws: Diagnostic.self) { try list(images) }
            }
        }
        try withTemporaryFolder { folder in
            try makeFiles(["images/a.png", "labels/a.png", "labels/a.tif"], in: folder)
            #expect(throws: Diagnostic.self) { try list(source(folder, labels: true)) }
        }
    }

    @Test("A pipe is no item; a link that leads nowhere is one")
    func pipes() throws {
        try withTemporaryFolder { folder in
            try makeFiles(["images/a.png"], in: folder)
            let images = folder.appending(path: "images")
            #expect(mkfifo(images.appending(path: "pipe.png").path, 0o644) == 0)
            try FileManager.default.createSymbolicLink(
                atPath: images.appending(path: "lost.png").path, withDestinationPath: "nowhere")
            let listing = try list(source(folder))
            #expect(listing.items.map(\.name) == ["a.png", "lost.png"])
            #expect(listing.notices.map(\.message).contains { $0.contains("'pipe.png'") })
        }
    }

    @Test("A list entry that fits several images is an error that names them; a relative name comes first")
    func ambiguousEntries() throws {
        try withTemporaryFolder { folder in
            try makeFiles(["images/p1/s.png", "images/p2/s.png", "images/t.png", "images/p1/t.png"], in: folder)
            var images = source(folder)
            images.list = folder.appending(path: "list.txt").path
            try "\u{FEFF}t\r\np2/s\r\n".write(toFile: images.list ?? "", atomically: true, encoding: .utf8)
            #expect(try list(images).items.map(\.relative) == ["p2/s", "t"])
            try "t\ns\n".write(toFile: images.list ?? "", atomically: true, encoding: .utf8)
            let refusal = #expect(throws: Diagnostic.self) { try list(images) }
            #expect(refusal?.message.contains("'p1/s.png', 'p2/s.png'") == true)
            #expect(refusal?.place?.line == 2)
        }
    }

    @Test("What any channel lacks is told with the channels' names")
    func channels() throws {
        try withTemporaryFolder { folder in
            try makeFiles(["a_0.png", "a_1.png", "b_0.png", "c_1.png"], in: folder)
            var images = FolderSource()
            images.images = .channels([
                ("t1", folder.path + "/*_0.png"), ("t2", folder.path + "/*_1.png"),
            ])
            let listing = try list(images)
            #expect(listing.items.map(\.relative) == ["a"])
            #expect(listing.unmatched == ["b_0.png: no t2", "t2 c_1.png: no t1"])
        }
    }
}
