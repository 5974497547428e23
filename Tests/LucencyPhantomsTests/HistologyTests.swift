import LucencyFoundation
import LucencyImaging
import LucencyPhantoms
import Testing

#if canImport(Glibc)
    import Glibc
#elseif canImport(Darwin)
    import Darwin
#endif

@Suite struct HistologyTests {
    private static let sharp = HistologyMicroscope(blur: 0, noise: 0, vignette: 0, lowBlur: 0.4, lowNoise: 0)

    private func phantom(
        _ magnification: Int, side: Int = 128, malignant: Double = 0.5, perPatient: Int = 1
    ) -> Histology {
        Histology(
            width: side, height: side, magnifications: [magnification], imagesPerPatient: perPatient,
            malignantShare: malignant, microscope: Self.sharp)
    }

    private func image(_ values: [String: PhantomValue], _ name: String) throws -> Image {
        try #require(values[name]?.image)
    }

    private func labels(_ values: [String: PhantomValue], _ name: String) throws -> LabelMap {
        try #require(values[name]?.labels)
    }

    private func field(_ record: JSONValue, _ name: String) throws -> JSONValue {
        guard case .object(let entries) = record else { return .null }
        return try #require(entries[name], "\(name) is not recorded")
    }

    private func vector(_ value: JSONValue) -> [Double] {
        guard case .array(let entries) = value else { return [] }
        return entries.map { if case .number(let number) = $0 { number } else { .nan } }
    }

    // MARK: Stain

    @Test func `colours follow Beer and Lambert, and the true vectors give the concentrations back`() throws {
        let (values, record) = try phantom(200)(seed: 5, index: 2)
        let clean = try image(values, "clean").pixels.array
        let h = try image(values, "hematoxylin").pixels.array, e = try image(values, "eosin").pixels.array
        let stain = try field(record, "stain")
        let (a, b) = (vector(try field(stain, "hematoxylin")), vector(try field(stain, "eosin")))
        let white = vector(try field(stain, "white"))
        #expect(a.count == 3 && b.count == 3 && white.count == 3)
        #expect(abs(a.reduce(0) { $0 + $1 * $1 } - 1) < 1e-12)
        let count = h.count
        // Normal equations of three densities and two concentrations.
        func dot(_ u: [Double], _ v: [Double]) -> Double { zip(u, v).reduce(0) { $0 + $1.0 * $1.1 } }
        let aa = dot(a, a), ab = dot(a, b), bb = dot(b, b), determinant = aa * bb - ab * ab
        var worstColor = 0.0, worstStain = 0.0
        for i in stride(from: 0, to: count, by: 7) {
            var density: [Double] = []
            for channel in 0..<3 {
                let expected = white[channel] * pow(10, -(Double(h[i]) * a[channel] + Double(e[i]) * b[channel]))
                worstColor = max(worstColor, abs(expected - Double(clean[channel * count + i])))
                density.append(-log10(Double(clean[channel * count + i]) / white[channel]))
            }
            let p = dot(density, a), q = dot(density, b)
            worstStain = max(worstStain, abs((p * bb - q * ab) / determinant - Double(h[i])))
            worstStain = max(worstStain, abs((q * aa - p * ab) / determinant - Double(e[i])))
        }
        #expect(worstColor < 1e-3)
        #expect(worstStain < 1e-5)
        #expect((h.max() ?? 0) > 0.3 && (e.max() ?? 0) > 0.1)
    }

    @Test func `stain lies where it belongs: hematoxylin in nuclei, eosin in stroma, neither on glass`() throws {
        var sums = [Int32: (h: Double, e: Double, n: Double)]()
        for index in 0..<6 {
            let (values, _) = try phantom(100)(seed: 8, index: index)
            let h = try image(values, "hematoxylin").pixels.array, e = try image(values, "eosin").pixels.array
            for (i, label) in try labels(values, "label").labels.array.enumerated() {
                let old = sums[label] ?? (0, 0, 0)
                sums[label] = (old.h + Double(h[i]), old.e + Double(e[i]), old.n + 1)
            }
        }
        func mean(_ label: Histology.Label) -> (h: Double, e: Double) {
            let sum = sums[label.rawValue] ?? (0, 0, 1)
            return (sum.h / sum.n, sum.e / sum.n)
        }
        #expect(sums.count >= 5)
        #expect(mean(.nucleus).h > 3 * mean(.epithelium).h)
        #expect(mean(.nucleus).h > 6 * mean(.stroma).h)
        #expect(mean(.stroma).e > 3 * mean(.stroma).h)
        #expect(mean(.stroma).e > 5 * mean(.fat).e)
    }

    // MARK: Patients

    @Test func `a patient's pictures share class, laboratory, stain and traits; patients differ`() throws {
        let phantom = Histology(width: 64, height: 64, imagesPerPatient: 4)
        let names = ["class", "patient", "laboratory", "stain", "patient.diameter", "patient.pattern"]
        var patients: [[JSONValue]] = []
        for patient in 0..<12 {
            let records = try [0, 3].map { try phantom(seed: 1, index: 4 * patient + $0, ["nuclei"]).drawn }
            let traits = try records.map { record in try names.map { try field(record, $0) } }
            #expect(traits[0] == traits[1])
            #expect(try field(records[0], "magnification") == .integer(40))
            #expect(try field(records[1], "magnification") == .integer(400))
            patients.append(traits[0])
        }
        #expect(Set(patients.map { "\($0[0])" }).count == 2)
        #expect(Set(patients.map { "\($0[1])" }).count == 12)
        #expect(Set(patients.map { "\($0[2])" }).count >= 3)
        #expect(Set(patients.map { "\($0[3])" }).count == 12)
        #expect(Set(patients.map { "\($0[4])" }).count == 12)
    }

    @Test(arguments: [1, 2, 3, 8])
    func `pictures go through the magnifications, however many a patient has`(perPatient: Int) throws {
        let phantom = Histology(width: 64, height: 64, magnifications: [100, 200, 400], imagesPerPatient: perPatient)
        let records = try (0..<6).map { try phantom(seed: 1, index: $0, []).drawn }
        #expect(
            try records.map { try field($0, "magnification") } == [100, 200, 400, 100, 200, 400].map { .integer($0) })
        #expect(
            try records.map { try field($0, "patient") } == (0..<6).map { .string("patient-\($0 / perPatient)") })
    }

    @Test func `patients of one laboratory have more alike stains than those of others`() throws {
        let phantom = Histology(width: 64, height: 64, imagesPerPatient: 1, laboratories: 3)
        let patients = try (0..<24).map { index in
            let record = try phantom(seed: 2, index: index, []).drawn
            return (
                laboratory: try field(record, "laboratory"),
                stain: vector(try field(try field(record, "stain"), "white"))
            )
        }
        for one in patients {
            for other in patients { #expect((one.laboratory == other.laboratory) == (one.stain == other.stain)) }
        }
        #expect(Set(patients.map { "\($0.laboratory)" }).count == 3)
    }

    // MARK: Nuclei

    /// Pixels per nucleus, of those that do not touch the border.
    private func wholeNuclei(_ map: LabelMap) -> [Int32: Int] {
        let width = map.size.x, height = map.size.y, labels = map.labels.array
        var counts: [Int32: Int] = [:], cut: Set<Int32> = []
        for (i, label) in labels.enumerated() where label > 0 {
            counts[label, default: 0] += 1
            let x = i % width, y = i / width
            if x == 0 || y == 0 || x == width - 1 || y == height - 1 { cut.insert(label) }
        }
        return counts.filter { !cut.contains($0.key) }
    }

    /// Mean area (µm²) of whole nuclei, and the share of epithelium's area that nuclei cover.
    private func measure(_ phantom: Histology, seed: UInt64, pictures: Int) throws -> (area: Double, share: Double) {
        var area = 0.0, count = 0.0, nuclei = 0.0, epithelium = 0.0
        for index in 0..<pictures {
            let (values, _) = try phantom(seed: seed, index: index, ["nuclei", "label"])
            let map = try labels(values, "nuclei"), side = map.geometry.spacing.x * 1000
            let whole = wholeNuclei(map)
            area += Double(whole.values.reduce(0, +)) * side * side
            count += Double(whole.count)
            for label in try labels(values, "label").labels.array {
                if label == Histology.Label.nucleus.rawValue { nuclei += 1 }
                if label == Histology.Label.epithelium.rawValue { epithelium += 1 }
            }
        }
        return (area / max(1, count), nuclei / max(1, nuclei + epithelium))
    }

    @Test func `nuclei are numbered one by one, each in one piece, and agree with the semantic labels`() throws {
        let (values, record) = try phantom(200, malignant: 1)(seed: 3, index: 0)
        let map = try labels(values, "nuclei"), numbers = map.labels.array
        let classes = try labels(values, "label").labels.array
        let present = Set(numbers).subtracting([0]).sorted()
        #expect(present == Array(1...Int32(present.count)))
        #expect(try field(record, "nuclei") == .integer(present.count))
        #expect(present.count > 15)
        for i in numbers.indices {
            #expect((numbers[i] > 0) == (classes[i] == Histology.Label.nucleus.rawValue))
        }
        // Nearly every nucleus is one connected piece: crowded ones may cut off crumbs of others.
        var pieces = 0
        var seen = [Bool](repeating: false, count: numbers.count)
        for start in numbers.indices where numbers[start] > 0 && !seen[start] {
            pieces += 1
            var stack = [start]
            seen[start] = true
            while let i = stack.popLast() {
                let x = i % map.size.x
                for next in [x > 0 ? i - 1 : -1, x < map.size.x - 1 ? i + 1 : -1, i - map.size.x, i + map.size.x]
                where numbers.indices.contains(next) && !seen[next] && numbers[next] == numbers[start] {
                    seen[next] = true
                    stack.append(next)
                }
            }
        }
        #expect(Double(pieces) < 1.1 * Double(present.count))
    }

    @Test func `a nucleus has the same size in µm at every magnification`() throws {
        // One pattern, one size: pictures at all magnifications show the same kind of tissue.
        var tissue = HistologyTissue.benign
        tissue.patterns = ["tubules": 1]
        tissue.diameter = 7
        tissue.fibroblasts = 0
        tissue.lymphocytes = 0
        var areas: [Double] = []
        for (magnification, pictures) in [(40, 1), (100, 2), (200, 4), (400, 14)] {
            var phantom = phantom(magnification, side: magnification > 100 ? 256 : 128, malignant: 0)
            phantom.benign = tissue
            areas.append(try measure(phantom, seed: 4, pictures: pictures).area)
        }
        // Luminal nuclei have 38 µm², flat basal ones 15. Those that a picture cuts off are missing, large ones most.
        for area in areas { #expect(area > 20 && area < 38, "\(areas)") }
        for area in areas { #expect(abs(area / areas[0] - 1) < 0.05, "\(areas)") }
    }

    @Test func `malignant nuclei are larger and more crowded than benign ones on average`() throws {
        for magnification in [100, 200] {
            let benign = try measure(phantom(magnification, malignant: 0), seed: 6, pictures: 10)
            let malignant = try measure(phantom(magnification, malignant: 1), seed: 6, pictures: 10)
            #expect(malignant.area > 1.3 * benign.area, "\(malignant) \(benign)")
            #expect(malignant.share > 1.05 * benign.share, "\(malignant) \(benign)")
        }
    }

    @Test func `no single trait tells the classes apart: their ranges overlap`() {
        let a = HistologyTissue.benign, b = HistologyTissue.malignant
        let ranges: [(Interval, Interval)] = [
            (a.diameter, b.diameter), (a.variation, b.variation), (a.irregularity, b.irregularity),
            (b.spacing, a.spacing), (a.chromatin, b.chromatin), (a.nucleoli, b.nucleoli),
            (a.mitoses, b.mitoses), (a.lymphocytes, b.lymphocytes), (a.collagen, b.collagen),
        ]
        for (low, high) in ranges {
            #expect(low.upper > high.lower)
            #expect(low.middle < high.middle)
        }
    }

    @Test func `a picture shows many glands at 40× and some nuclei at 400×`() throws {
        func count(_ magnification: Int) throws -> Double {
            var sum = 0
            for index in 0..<6 {
                let (values, _) = try phantom(magnification, side: 256)(seed: 9, index: index, ["nuclei"])
                sum += Set(try labels(values, "nuclei").labels.array).count - 1
            }
            return Double(sum) / 6
        }
        let near = try count(400), far = try count(40)
        #expect(near > 8 && near < 60)
        #expect(far > 800 && far < 4000)
    }

    // MARK: Low resolution

    @Test(arguments: [2, 4, 8])
    func `a low-resolution picture is the area mean of the blurred clean one, in the same place`(factor: Int) throws {
        let (values, _) = try phantom(100)(seed: 7, index: 1)
        let clean = try image(values, "clean"), low = try image(values, "low\(factor)")
        #expect(low.size == GridSize(128 / factor, 128 / factor))
        #expect(abs(low.geometry.spacing.x / clean.geometry.spacing.x - Double(factor)) < 1e-9)
        // The first low pixel's centre is the middle of the pixels it covers.
        let middle = Double(factor - 1) / 2
        let here = low.geometry.indexToWorld(SIMD3(3, 5, 0))
        let there = clean.geometry.indexToWorld(
            SIMD3(3 * Double(factor) + middle, 5 * Double(factor) + middle, 0))
        #expect(abs(here.x - there.x) < 1e-12 && abs(here.y - there.y) < 1e-12)
        // A direct sum in double precision, Gaussian weights over the plane with mirrored borders.
        let sigma = 0.4 * Double(factor), radius = Int((3.5 * sigma).rounded(.up)), pixels = clean.pixels.array
        let weights = (-radius...radius).map { exp(-Double($0 * $0) / (2 * sigma * sigma)) }
        let total = weights.reduce(0, +)
        func mirrored(_ i: Int) -> Int { i < 0 ? -1 - i : i >= 128 ? 255 - i : i }
        let side = 128 / factor, stored = low.pixels.array
        for (column, row, channel) in [(0, 0, 0), (5, 3, 1), (side - 1, side / 2, 2), (side / 2, side - 1, 0)] {
            var sum = 0.0
            for y in row * factor..<(row + 1) * factor {
                for x in column * factor..<(column + 1) * factor {
                    for (j, wy) in weights.enumerated() {
                        for (i, wx) in weights.enumerated() {
                            let at = mirrored(y + j - radius) * 128 + mirrored(x + i - radius)
                            sum += wx * wy / (total * total) * Double(pixels[channel * 128 * 128 + at])
                        }
                    }
                }
            }
            let expected = sum / Double(factor * factor)
            #expect(abs(Double(stored[(channel * side + row) * side + column]) - expected) <= 0.5 + 1e-3)
        }
        // Blur and sensor keep the mean (but for rounding).
        for channel in 0..<3 {
            let fine = pixels[channel * 128 * 128..<(channel + 1) * 128 * 128].reduce(0.0) { $0 + Double($1) }
            let coarse = stored[channel * side * side..<(channel + 1) * side * side].reduce(0.0) { $0 + Double($1) }
            #expect(abs(fine / (128 * 128) - coarse / Double(side * side)) < 0.15)
        }
        let product = try #require(phantom(100).products.first { $0.name == "low\(factor)" })
        #expect(product.geometry?.size == low.size)
    }

    @Test func `noise has the stated deviation, and blur softens`() throws {
        var noisy = phantom(100)
        noisy.microscope.noise = 4
        let (values, _) = try noisy(seed: 7, index: 0, ["image", "clean"])
        let clean = try image(values, "clean").pixels.array, seen = try image(values, "image").pixels.array
        #expect(seen.allSatisfy { $0 >= 0 && $0 <= 255 && $0 == $0.rounded() })
        var ratio = 0.0
        for (a, b) in zip(clean, seen) { ratio += Double((b - a) * (b - a)) / Double(a / 255) }
        // Rounding adds 1/12 of a level squared.
        #expect(abs((ratio / Double(clean.count)).squareRoot() - 4) < 0.1)
        var soft = phantom(100)
        soft.microscope.blur = 3
        let blurred = try image(try soft(seed: 7, index: 0, ["clean"]).values, "clean").pixels.array
        func roughness(_ p: [Float]) -> Float { zip(p, p.dropFirst()).reduce(0) { $0 + abs($1.1 - $1.0) } }
        #expect(roughness(blurred) < 0.6 * roughness(clean))
    }

    // MARK: Determinism and refusals

    @Test func `a picture depends on settings, seed and index, not on threads or on what else is wanted`() throws {
        let phantom = Histology(width: 96, height: 72, imagesPerPatient: 2)
        let all = try phantom(seed: 11, index: 3).values
        #expect(Set(all.keys) == Set(phantom.products.map(\.name)))
        #expect(try phantom(seed: 11, index: 3, pool: ThreadPool(threads: 2)).values == all)
        for product in phantom.products {
            let alone = try phantom(seed: 11, index: 3, [product.name]).values
            #expect(alone[product.name] == all[product.name])
        }
        #expect(try phantom(seed: 11, index: 2).values["image"] != all["image"])
        #expect(try phantom(seed: 12, index: 3).values["image"] != all["image"])
        #expect(try image(all, "image").geometry.spacingSource == .stated(.mm))
    }

    @Test func `settings out of range are refused by name`() throws {
        func refused(_ name: String, _ change: (inout Histology) -> Void) {
            var phantom = Histology()
            change(&phantom)
            let error = #expect(throws: Diagnostic.self) { try phantom.check() }
            #expect(error?.code == .badArgument)
            #expect(error?.message.contains(name) == true, "\(name): \(error?.message ?? "")")
            #expect(throws: Diagnostic.self) { try phantom(seed: 0, index: 0) }
        }
        refused("width") { $0.width = 56 }
        refused("width") { $0.width = 100 }
        refused("height") { $0.height = 1032 }
        refused("magnifications") { $0.magnifications = [] }
        refused("magnifications") { $0.magnifications = [40, 401] }
        refused("magnifications") { $0.magnifications = [39] }
        refused("pixel") { $0.pixel = 0.3 }
        refused("pixel") { $0.pixel = .nan }
        refused("imagesPerPatient") { $0.imagesPerPatient = 0 }
        refused("laboratories") { $0.laboratories = 0 }
        refused("malignantShare") { $0.malignantShare = 1.1 }
        refused("benign.patterns") { $0.benign.patterns = [:] }
        refused("benign.patterns") { $0.benign.patterns = ["ducts": 0] }
        refused("malignant.patterns") { $0.malignant.patterns = ["whorls": 1] }
        refused("malignant.patterns") { $0.malignant.patterns = ["nests": -1] }
        refused("benign.diameter") { $0.benign.diameter = Interval(1, 7) }
        refused("benign.variation") { $0.benign.variation = 0.6 }
        refused("benign.irregularity") { $0.benign.irregularity = 0.3 }
        refused("benign.spacing") { $0.benign.spacing = 0.5 }
        refused("benign.chromatin") { $0.benign.chromatin = 1.5 }
        refused("benign.nucleoli") { $0.benign.nucleoli = -0.1 }
        refused("malignant.mitoses") { $0.malignant.mitoses = 2 }
        refused("malignant.lymphocytes") { $0.malignant.lymphocytes = 101 }
        refused("malignant.fibroblasts") { $0.malignant.fibroblasts = -1 }
        refused("malignant.collagen") { $0.malignant.collagen = Interval(0.5, 1.1) }
        refused("malignant.clefts") { $0.malignant.clefts = 1.2 }
        refused("malignant.fat") { $0.malignant.fat = Interval(0.5, 0.4) }
        refused("hematoxylin") { $0.stain.hematoxylin = [1, 2] }
        refused("eosin") { $0.stain.eosin = [0, 0, 0] }
        refused("stain.tilt") { $0.stain.tilt = -1 }
        refused("stain.laboratorySpread") { $0.stain.laboratorySpread = 0.4 }
        refused("stain.patientSpread") { $0.stain.patientSpread = -0.1 }
        refused("stain.hematoxylinStrength") { $0.stain.hematoxylinStrength = 6 }
        refused("stain.eosinStrength") { $0.stain.eosinStrength = -1 }
        refused("stain.patientStrength") { $0.stain.patientStrength = 6 }
        refused("stain.white") { $0.stain.white = 300 }
        refused("microscope.blur") { $0.microscope.blur = 9 }
        refused("microscope.noise") { $0.microscope.noise = -1 }
        refused("microscope.vignette") { $0.microscope.vignette = 1 }
        refused("microscope.lowBlur") { $0.microscope.lowBlur = 4 }
        refused("microscope.lowNoise") { $0.microscope.lowNoise = 51 }
    }
}
