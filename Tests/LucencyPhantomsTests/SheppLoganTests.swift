import LucencyFoundation
import LucencyFourier
import LucencyImaging
import LucencyPhantoms
import Testing

@Suite struct SheppLoganTests {
    /// Half the size, for speed.
    private let small: SheppLogan = {
        var phantom = SheppLogan()
        phantom.size = 128
        phantom.scan.angles = 240
        phantom.scan.bins = 192
        return phantom
    }()

    /// Pixels of the classes below the skull whose neighbours within a distance are of the same class.
    private func inside(_ labels: LabelMap, _ distance: Int) -> [Int] {
        let size = labels.size.x
        return (0..<size * size).filter { index in
            let x = index % size, y = index / size, label = labels.labels[index]
            guard label >= 2, x >= distance, y >= distance, x < size - distance, y < size - distance else {
                return false
            }
            return (-distance...distance).allSatisfy { v in
                (-distance...distance).allSatisfy { labels.labels[(y + v) * size + x + $0] == label }
            }
        }
    }

    private func error(_ image: Image?, _ truth: Image?, at places: [Int]) throws -> (mean: Double, rms: Double) {
        let image = try #require(image).pixels, truth = try #require(truth).pixels
        let errors = places.map { Double(image[$0] - truth[$0]) }
        let mean = errors.reduce(0, +) / Double(errors.count)
        return (mean, (errors.reduce(0) { $0 + $1 * $1 } / Double(errors.count)).squareRoot())
    }

    @Test func `exact projections reconstruct the head`() throws {
        let phantom = SheppLogan()
        let values = try phantom(seed: 1, index: 0, ["reconstruction", "clean", "label"], pool: ThreadPool(threads: 2))
            .values
        let labels = try #require(values["label"]?.labels)
        // Away from borders the values are the table's; 1000 intensities are a value of 1.
        let flat = try error(values["reconstruction"]?.image, values["clean"]?.image, at: inside(labels, 3))
        #expect(abs(flat.mean) < 0.2 && flat.rms < 1, "\(flat)")
        // In the whole brain, blurred borders of contrast 100 to 200 included.
        let brain = (0..<256 * 256).filter { labels.labels[$0] >= 2 }
        let all = try error(values["reconstruction"]?.image, values["clean"]?.image, at: brain)
        #expect(all.rms < 20, "\(all)")
    }

    @Test func `noise is around the noise-free reconstruction, and half the photons double its variance`() throws {
        var phantom = small, variances: [Double] = []
        for photons in [20_000.0, 10_000] {
            phantom.scan.photons = photons
            let values = try phantom(seed: 2, index: 0).values
            let places = inside(try #require(values["label"]?.labels), 1)
            let noise = try error(values["image"]?.image, values["reconstruction"]?.image, at: places)
            #expect(abs(noise.mean) < 0.1 * noise.rms && noise.rms > 2)
            variances.append(noise.rms * noise.rms)
        }
        #expect(abs(variances[1] / variances[0] - 2) < 0.3, "\(variances)")
    }

    @Test func `a picture depends on settings, seed and index, not on threads or on what is wanted`() throws {
        var phantom = small
        phantom.head.rotation = Interval(-10, 10)
        let all = try phantom(seed: 7, index: 3)
        let parallel = try phantom(seed: 7, index: 3, pool: ThreadPool(threads: 3))
        #expect(all.values == parallel.values && all.drawn == parallel.drawn)
        #expect(Set(all.values.keys) == Set(phantom.products.map(\.name)))
        for product in phantom.products {
            let alone = try phantom(seed: 7, index: 3, [product.name])
            #expect(alone.values[product.name] == all.values[product.name] && alone.drawn == all.drawn)
        }
        #expect(try phantom(seed: 7, index: 4, ["image"]).values["image"] != all.values["image"])
        #expect(try phantom(seed: 8, index: 3, ["clean"]).values["clean"] != all.values["clean"])
    }

    @Test func `the classic head is the same at every index, but for its noise`() throws {
        let one = try small(seed: 1, index: 0).values, two = try small(seed: 1, index: 1).values
        #expect(one["clean"] == two["clean"] && one["label"] == two["label"] && one["sinogram"] == two["sinogram"])
        #expect(one["image"] != two["image"] && one["noisySinogram"] != two["noisySinogram"])
    }

    @Test(arguments: SheppLogan.Table.allCases)
    func `products are what they are declared to be`(_ table: SheppLogan.Table) throws {
        var phantom = small
        phantom.table = table
        phantom.fieldOfView = Length(22.4, .cm)
        let values = try phantom(seed: 1, index: 0).values, grid = try phantom.geometry
        #expect(grid.spacingSource == .stated(.cm) && abs(grid.spacing.x - 1.75) < 1e-12)
        for product in phantom.products {
            switch (try #require(values[product.name]), product.kind) {
            case (.image(let image), .image(channels: 1, bits: 16)):
                #expect(image.pixels.array.allSatisfy { $0 >= 0 && $0 <= 65535 && $0 == $0.rounded() })
                #expect(image.geometry == grid)
            case (.image(let image), .floatImage(channels: 1)):
                #expect(image.size == GridSize(192, 240) && image.geometry == product.geometry)
            case (.labels(let labels), .labels):
                #expect(labels.geometry == grid)
                #expect(Set(labels.labels.array) == Set(labels.table.keys))
                #expect(labels.table[4]?.name == "large tumour" && labels.table[1]?.name == "skull")
            default: Issue.record("\(product.name) is of another kind")
            }
        }
        // Skull, and ventricle.
        let clean = try #require(values["clean"]?.image).pixels
        #expect(clean[6 * 128 + 64] == (table == .standard ? 3000 : 2000))
        #expect(clean[64 * 128 + 78] == (table == .standard ? 2000 : 1000))
    }

    @Test func `what varies is recorded, and moves what it should`() throws {
        var phantom = small
        phantom.head.shiftX = 8
        let still = try small(seed: 1, index: 0, ["clean"]).values["clean"]?.image
        let moved = try phantom(seed: 1, index: 0, ["clean"]).values["clean"]?.image
        // 8 mm are four pixels to the right.
        let a = try #require(still).pixels, b = try #require(moved).pixels
        for y in 0..<128 { for x in 4..<128 { #expect(b[y * 128 + x] == a[y * 128 + x - 4]) } }

        phantom.head.shiftX = Interval(-5, 5)
        phantom.ventricles.scale = Interval(0.8, 0.9)
        phantom.tumours.shiftY = Interval(-2, 2)
        let (_, drawn) = try phantom(seed: 1, index: 5, ["label"])
        #expect(drawn.objectValue?.count == 4 * 9)
        for (name, range) in [
            ("head.shiftX", -5.0...5), ("leftVentricle.scale", 0.8...0.9), ("lowerTumour.shiftY", -2...2),
        ] {
            let value = try #require(drawn[name]?.doubleValue)
            #expect(range.contains(value))
        }
        #expect(drawn["leftVentricle.scale"] != drawn["rightVentricle.scale"])
        #expect(drawn["leftVentricle.shiftY"]?.doubleValue == 0 && drawn["largeTumour.scale"]?.doubleValue == 1)
        // Smaller parts, but skull and brain of the same outline.
        func count(_ phantom: SheppLogan, _ wanted: (Int32) -> Bool) throws -> Int {
            try #require(phantom(seed: 1, index: 5, ["label"]).values["label"]?.labels).labels.array.count(
                where: wanted)
        }
        let ratio = Double(try count(phantom) { $0 == 3 }) / Double(try count(small) { $0 == 3 })
        #expect(ratio > 0.6 && ratio < 0.85, "\(ratio)")
        phantom.head.shiftX = 0
        #expect(try count(phantom) { $0 == 1 } == count(small) { $0 == 1 })
    }

    @Test func `a range of rotations is refused wherever one rotation in it is`() {
        func isRefused(_ scale: Double, _ rotation: Interval) -> Bool {
            var phantom = small
            phantom.ventricles.scale = Interval(scale, scale)
            phantom.ventricles.rotation = rotation
            do { try phantom.check() } catch { return true }
            return false
        }
        var narrow = 0
        for scale in stride(from: 1.0, through: 2.4, by: 0.1) {
            let turns = stride(from: -360.0, through: 360, by: 1).filter { isRefused(scale, Interval($0, $0)) }
            #expect(isRefused(scale, Interval(-360, 360)) == !turns.isEmpty, "scale \(scale)")
            // Those that steps of 45° would overlook.
            if !turns.isEmpty, turns.allSatisfy({ $0.truncatingRemainder(dividingBy: 45) != 0 }) { narrow += 1 }
        }
        #expect(narrow > 0)
    }

    @Test func `settings that do not fit are refused with a remedy`() throws {
        func refused(_ change: (inout SheppLogan) -> Void, sourceLocation: SourceLocation = #_sourceLocation) {
            var phantom = SheppLogan()
            change(&phantom)
            let error = #expect(throws: Diagnostic.self, sourceLocation: sourceLocation) { try phantom.check() }
            #expect(error?.code == .badArgument && error?.remedy != nil, sourceLocation: sourceLocation)
            #expect(throws: Diagnostic.self, sourceLocation: sourceLocation) {
                try phantom(seed: 1, index: 0, ["label"])
            }
        }
        #expect(throws: Never.self) { try SheppLogan().check() }
        refused { $0.size = 15 }
        refused { $0.size = 4097 }
        refused { $0.fieldOfView = .pixels(256) }
        refused { $0.fieldOfView = .millimetres(0) }
        refused { $0.fieldOfView = .millimetres(.nan) }
        refused { $0.fieldOfView = Length(1e9, .m) }
        refused { $0.scan.angles = 0 }
        refused { $0.scan.angles = 8193 }
        refused { $0.scan.bins = 7 }
        refused { $0.scan.bins = 8193 }
        refused { $0.scan.photons = 0 }
        refused { $0.scan.attenuation = -1 }
        refused { $0.scan.attenuation = 1e-300 }
        refused { $0.scan.attenuation = 11 }
        refused { $0.head.rotation = 361 }
        refused { $0.tumours.rotation = Interval(-1e5, 0) }
        refused { $0.scale = 0 }
        refused { $0.scale = .nan }
        refused { $0.offset = -1 }
        refused { $0.scale = 65000 }
        refused { $0.head.rotation = Interval(.nan, 1) }
        refused { $0.tumours.scale = Interval(0, 1) }
        refused { $0.ventricles.scale = Interval(1, 11) }
        refused { $0.head.shiftX = 11 }
        refused { $0.head.scale = 1.1 }
        refused { $0.tumours.shiftX = Interval(-90, 0) }
        refused { $0.ventricles.scale = 2 }
        refused {
            $0.ventricles.rotation = Interval(0, 90)
            $0.ventricles.shiftX = -6
        }
    }
}
