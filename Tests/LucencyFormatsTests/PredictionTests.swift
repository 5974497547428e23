import Foundation
import LucencyFormats
import LucencyFoundation
import LucencyImaging
import Support
import Testing

@Suite struct PredictionTests {
    private let size = GridSize(5, 4)

    /// Probabilities of three classes, multiples of 1/255, that sum to 1.
    private var planes: [[Float]] {
        let first = (0..<20).map { Float($0 * 5) / 255 }, second = (0..<20).map { Float(100 - $0) / 255 }
        return [first, second, zip(first, second).map { 1 - $0 - $1 }]
    }

    private func npy(_ values: [Float], _ shape: [Int], to url: URL) throws {
        let axes = shape.map(String.init).joined(separator: ", ")
        let header = "{'descr': '<f4', 'fortran_order': False, 'shape': (\(axes),), }\n"
        var bytes: [UInt8] = [0x93, 0x4E, 0x55, 0x4D, 0x50, 0x59, 1, 0]
        bytes += [UInt8(header.utf8.count & 255), UInt8(header.utf8.count >> 8)] + Array(header.utf8)
        for value in values { withUnsafeBytes(of: value.bitPattern.littleEndian) { bytes += Array($0) } }
        try Data(bytes).write(to: url)
    }

    private func read(
        _ files: PredictionFiles, _ change: (inout PredictionReader) -> Void = { _ in }, size: GridSize? = nil
    ) throws -> Prediction {
        var reader = PredictionReader()
        change(&reader)
        return try reader(files, geometry: Geometry(size: size ?? self.size))
    }

    private func expect(_ prediction: Prediction, tolerance: Float) {
        #expect(prediction.map.classes.count == 3)
        for (found, wanted) in zip(prediction.map.values.array, planes.joined()) {
            #expect(abs(found - wanted) <= tolerance)
        }
        for index in 0..<20 {
            let sum = (0..<3).reduce(Float(0)) { $0 + prediction.map.values[$1 * 20 + index] }
            #expect(abs(sum - 1) < 1e-5)
        }
    }

    @Test func `classes are found as first axis, last axis, pages and files`() throws {
        try withTemporaryFolder { folder in
            let flat = planes.flatMap { $0 }, file = folder.appending(path: "a.npy")
            try npy(flat, [3, 4, 5], to: file)
            expect(try read(.single(file.path)), tolerance: 1e-6)
            try npy(flat, [1, 3, 1, 4, 5], to: file)
            expect(try read(.single(file.path)), tolerance: 1e-6)
            try npy((0..<20).flatMap { index in planes.map { $0[index] } }, [4, 5, 3], to: file)
            let last = try read(.single(file.path))
            expect(last, tolerance: 1e-6)
            #expect(last.type == "float32" && last.halfStep == 0)
            let geometry = try Geometry(size: size)
            let map = try ProbabilityMap(geometry: geometry, classes: ["a", "b", "c"], values: AlignedBuffer(flat))
            let tiff = folder.appending(path: "a.tif").path
            try TIFFFormat().write(map, to: tiff, options: WriteOptions(bits: 8))
            let pages = try read(.single(tiff)) { $0.classes = ["x", "y", "z"] }
            expect(pages, tolerance: 1e-5)
            #expect(
                pages.type == "uint8" && abs(pages.halfStep - 0.5 / 255) < 1e-9 && pages.map.classes == ["x", "y", "z"])
            var files: [Int: String] = [:]
            for (place, plane) in planes.enumerated() {
                let path = folder.appending(path: "a_\(place).png").path
                try PNGFormat().write(
                    Image(geometry: geometry, pixels: AlignedBuffer(plane.map { ($0 * 255).rounded() })), to: path,
                    options: WriteOptions(bits: 8))
                files[place] = path
            }
            expect(try read(.perClass(files)), tolerance: 1e-5)
            files[0] = nil
            expect(try read(.perClass(files)) { $0.classes = ["a", "b", "c"] }, tolerance: 3e-3)
            files[2] = nil
            files[0] = files[1]
            #expect(
                diagnostic { _ = try read(.perClass(files)) { $0.classes = ["a", "b", "c"] } }?.code == .missingFile)
        }
    }

    @Test func `volumes and single planes are read as well`() throws {
        try withTemporaryFolder { folder in
            let file = folder.appending(path: "a.npy"), volume = GridSize(5, 2, 2)
            try npy(planes.flatMap { $0 }, [3, 2, 2, 5], to: file)
            expect(try read(.single(file.path), size: volume), tolerance: 1e-6)
            try npy(planes[0], [4, 5], to: file)
            let single = try read(.single(file.path))
            #expect(single.map.classes == ["0", "1"] && single.map.values[20] == 0)
            #expect(single.map.values[21] == 5 / 255 && single.map.values[1] == 1 - 5 / 255)
            let wrong = diagnostic { _ = try read(.single(file.path)) { $0.classes = ["a", "b", "c"] } }
            #expect(wrong?.code == .channelMismatch)
        }
    }

    @Test func `an axis that nobody can tell must be named`() throws {
        try withTemporaryFolder { folder in
            let file = folder.appending(path: "a.npy"), square = GridSize(3, 3)
            try npy([Float](repeating: 1 / 3, count: 27), [3, 3, 3], to: file)
            let unclear = diagnostic { _ = try read(.single(file.path), size: square) }
            #expect(unclear?.code == .shapeMismatch && unclear?.remedy?.contains("--class-axis") == true)
            #expect(try read(.single(file.path), { $0.axis = .last }, size: square).map.classes.count == 3)
        }
    }

    @Test func `what is no probability is refused with the likely reason`() throws {
        try withTemporaryFolder { folder in
            let file = folder.appending(path: "a.npy")
            func problem(_ values: [Float], _ shape: [Int] = [3, 4, 5]) throws -> Diagnostic? {
                try npy(values, shape, to: file)
                let found = diagnostic { _ = try read(.single(file.path)) }
                #expect(found?.place?.file == file.path)
                return found
            }
            let flat = planes.flatMap { $0 }
            #expect(try problem(flat.map { $0 * 8 - 3 })?.remedy?.contains("--logits") == true)
            #expect(try problem(flat.map { ($0 * 255).rounded() })?.remedy?.contains("divide by 255") == true)
            #expect(try problem(flat.map { $0 * 0.5 })?.remedy?.contains("background") == true)
            let sigmoid = try problem(flat.map { 0.5 + $0 / 2 })
            #expect(sigmoid?.remedy?.contains("overlap") == true && sigmoid?.message.contains("pixel (") == true)
            #expect(try problem([.nan] + flat.dropFirst())?.code == .notFinite)
            #expect(try problem(flat, [3, 5, 4])?.remedy?.contains("swapped") == true)
            #expect(try problem(Array(flat.prefix(30)), [2, 3, 5])?.code == .shapeMismatch)
            let logits = try read(
                {
                    try npy(flat.map { $0 * 8 - 3 }, [3, 4, 5], to: file); return .single(file.path)
                }()
            ) {
                $0.isLogits = true
            }
            #expect(logits.map.classes.count == 3)
        }
    }

    @Test func `files of a folder are paired by name, class and sub-folder`() throws {
        try withTemporaryFolder { folder in
            for name in [
                "p1/s1.npy", "p1/s2_liver.png", "p1/s2_spleen.png", "liver/p2/s1.tif", "spleen/p2/s1.tif",
                "loose/only.npz",
                "twice.png", "twice.tif", "notes.txt", ".hidden.png", "p1/s2_unknown.png",
            ] {
                let file = folder.appending(path: name)
                try FileManager.default.createDirectory(
                    at: file.deletingLastPathComponent(), withIntermediateDirectories: true)
                try Data([1]).write(to: file)
            }
            let listing = try PredictionFolder(folder.path)
            let found = listing.predictions(
                of: ["p1/s1", "p1/s2", "p2/s1", "only", "twice", "missing"], classes: ["background", "liver", "spleen"])
            func path(_ name: String) -> String { folder.path + "/" + name }
            #expect(found["p1/s1"] == .success(.single(path("p1/s1.npy"))))
            #expect(found["p1/s2"] == .success(.perClass([1: path("p1/s2_liver.png"), 2: path("p1/s2_spleen.png")])))
            #expect(found["p2/s1"] == .success(.perClass([1: path("liver/p2/s1.tif"), 2: path("spleen/p2/s1.tif")])))
            #expect(found["only"] == .success(.single(path("loose/only.npz"))))
            guard case .failure(let twice)? = found["twice"] else { throw Diagnostic(.usage, "two files are one") }
            #expect(twice.code == .duplicateName)
            #expect(found["missing"] == nil)
            // Without a list of classes, names give no order.
            guard case .failure(let unnamed)? = listing.predictions(of: ["p1/s2"], classes: [])["p1/s2"] else {
                throw Diagnostic(.usage, "an order was guessed")
            }
            #expect(unnamed.remedy?.contains("--classes") == true)
        }
    }

    @Test func `lists of classes are read, mistakes with their line`() throws {
        try withTemporaryFolder { folder in
            let file = folder.appending(path: "classes.txt")
            try Data("# organs\n0 background\n255 left kidney\nspleen\n".utf8).write(to: file)
            #expect(
                try ReferenceClass.list(file.path) == [
                    .init(label: 0, name: "background"), .init(label: 255, name: "left kidney"),
                    .init(label: 2, name: "spleen"),
                ])
            try Data("a\nb\na\n".utf8).write(to: file)
            #expect(diagnostic { _ = try ReferenceClass.list(file.path) }?.place?.line == 3)
            try Data("a\n".utf8).write(to: file)
            #expect(diagnostic { _ = try ReferenceClass.list(file.path) }?.code == .missingKey)
        }
    }

    @Test func `labels become places among classes, 0 and 255 are two classes, others must be named`() throws {
        let geometry = try Geometry(size: GridSize(4, 1))
        func labels(_ values: [Int32]) throws -> LabelMap {
            try LabelMap(geometry: geometry, labels: AlignedBuffer(values))
        }
        var reader = ReferenceReader()
        #expect(try reader.places(labels([0, 255, 255, 0]), among: 2).labels.array == [0, 1, 1, 0])
        #expect(try reader.places(labels([0, 1, 2, 0]), among: 3).labels.array == [0, 1, 2, 0])
        let unknown = diagnostic { _ = try reader.places(labels([0, 7, 1, 0]), among: 2) }
        #expect(unknown?.code == .badLabel && unknown?.remedy?.contains("--ignore 7") == true)
        reader.ignored = [7]
        #expect(try reader.places(labels([0, 7, 1, 0]), among: 2).labels.array == [0, LabelMap.ignoreLabel, 1, 0])
        reader.classes = [.init(label: 5, name: "background"), .init(label: 0, name: "cell")]
        #expect(try reader.places(labels([0, 5, 5, 0]), among: 2).labels.array == [1, 0, 0, 1])
    }
}
