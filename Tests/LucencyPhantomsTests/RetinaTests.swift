import LucencyFoundation
import LucencyImaging
import LucencyMorphology
import LucencyPhantoms
import Testing

@Suite struct RetinaTests {
    private func retina(_ size: Int = 512, _ change: (inout Retina) -> Void = { _ in }) -> Retina {
        var retina = Retina()
        retina.size = size
        change(&retina)
        return retina
    }

    private func labels(_ phantom: Retina, seed: UInt64 = 1, index: Int = 0, _ name: String) throws -> LabelMap {
        try #require(try phantom(seed: seed, index: index, [name]).values[name]?.labels)
    }

    @Test func `a picture depends on seed and index, not on threads or on what is asked for`() throws {
        let phantom = retina(128) {
            $0.lesions.microaneurysms = 10
            $0.lesions.exudates = 20
        }
        let one = try phantom(seed: 3, index: 1)
        let two = try phantom(seed: 3, index: 1, pool: ThreadPool(threads: 3))
        #expect(one.values == two.values)
        #expect(one.drawn == two.drawn)
        #expect(Set(one.values.keys) == Set(phantom.products.map(\.name)))
        for name in one.values.keys {
            #expect(try phantom(seed: 3, index: 1, [name]).values == [name: one.values[name]], "\(name)")
        }
        #expect(try phantom(seed: 3, index: 2).values["label"] != one.values["label"])
        #expect(try phantom(seed: 4, index: 1).values["image"] != one.values["image"])
    }

    @Test func `intensities are whole numbers of 8 bits at the spacing that the field of view gives`() throws {
        let phantom = retina(96)
        let values = try phantom(seed: 1, index: 0).values
        for name in ["image", "clean"] {
            let image = try #require(values[name]?.image)
            #expect(image.pixels.count == 3 * 96 * 96)
            #expect(image.pixels.array.allSatisfy { $0 >= 0 && $0 <= 255 && $0 == $0.rounded() })
            // 45° of 0.288 mm across 94 % of the side.
            #expect(abs(image.geometry.spacing.x - 45 * 0.288 / (0.94 * 96)) < 1e-12)
            #expect(image.geometry.spacingSource == .stated(.mm))
        }
        #expect(values["image"] != values["clean"])
        let silent = retina(96) { $0.camera.noise = 0 }
        let quiet = try silent(seed: 1, index: 0).values
        #expect(quiet["image"] == quiet["clean"])
    }

    @Test func `the field of view is a circle outside of which nothing is labelled or bright`() throws {
        let values = try retina(200)(seed: 2, index: 0).values
        let fov = try #require(values["fov"]?.labels).labels.array
        let area = Double(fov.filter { $0 == 1 }.count)
        #expect(abs(area / (.pi * 94 * 94) - 1) < 0.01)
        for name in ["label", "vessels", "disc", "lesions"] {
            let found = try #require(values[name]?.labels).labels.array
            #expect(zip(fov, found).allSatisfy { $0 == 1 || $1 == 0 })
        }
        let clean = try #require(values["clean"]?.image).pixels.array
        for corner in [0, 199, 199 * 200, 39_999] { #expect(clean[corner] < 10) }
    }

    @Test(arguments: 0..<4) func `vessels hang together with the disc, or reach in from outside the field of view`(
        index: Int
    ) throws {
        let phantom = retina()
        let vessels = try labels(phantom, index: index, "label"), disc = try labels(phantom, index: index, "disc")
        let fov = try labels(phantom, index: index, "fov")
        let side = 512, objects = try Components()(vessels).labels.array
        var rooted: Set<Int32> = []
        for i in side..<objects.count - side where objects[i] != 0 {
            let isAtEdge = [i - 1, i + 1, i - side, i + side].contains { fov.labels[$0] == 0 }
            if disc.labels[i] != 0 || isAtEdge { rooted.insert(objects[i]) }
        }
        #expect(objects.allSatisfy { $0 == 0 || rooted.contains($0) })
        let share = Double(objects.filter { $0 != 0 }.count) / Double(fov.labels.array.filter { $0 == 1 }.count)
        // In DRIVE about 12 % of the field of view is vessel.
        #expect(share > 0.05 && share < 0.16)
    }

    @Test func `vessels are as wide as the settings say, and veins wider than arteries`() throws {
        // No branches, so that the widest place is at the disc.
        let phantom = retina(1024) {
            $0.vessels.arteryWidth = 0.1
            $0.vessels.veinWidth = 0.16
            $0.vessels.branching = 0
            $0.vessels.taper = 0
            $0.vessels.tortuosity = 0
        }
        let vessels = try labels(phantom, "vessels")
        let spacing = vessels.geometry.spacing.x
        for (label, width) in [(Int32(1), 0.1), (2, 0.16)] {
            let whole = Region(x: 0, y: 0, z: 0, size: vessels.size)
            let mask = Mask(vessels, in: whole) { $0 == label }
            let depth = DistanceTransform.squared(to: mask.complement, spacing: [spacing, spacing, spacing]).array
            let disc = try labels(phantom, "disc").labels.array
            // Local maxima of the distance across rows are half the width, away from the disc where vessels overlap.
            var widths: [Double] = []
            for row in 1..<1023 {
                for column in 1..<1023 {
                    let i = row * 1024 + column
                    guard depth[i] > 0, disc[i] == 0 else { continue }
                    if depth[i] >= depth[i - 1], depth[i] >= depth[i + 1], depth[i] >= depth[i - 1024],
                        depth[i] >= depth[i + 1024]
                    {
                        widths.append(2 * depth[i].squareRoot() - spacing)
                    }
                }
            }
            let typical = widths.sorted()[widths.count * 3 / 4]
            #expect(abs(typical - width) < 0.03, "\(typical) mm")
        }
    }

    @Test func `vessels keep out of the zone around the fovea`() throws {
        let phantom = retina { $0.anatomy.avascularRadius = 0.5 }
        for index in 0..<4 {
            let (values, drawn) = try phantom(seed: 9, index: index, ["label"])
            let vessels = try #require(values["label"]?.labels)
            let x = try #require(drawn["fovea.x"]?.doubleValue), y = try #require(drawn["fovea.y"]?.doubleValue)
            let spacing = vessels.geometry.spacing.x
            for i in 0..<512 * 512 where vessels.labels[i] != 0 {
                let dx = (Double(i % 512) - 255.5) * spacing - x, dy = (Double(i / 512) - 255.5) * spacing - y
                // Steps are 0.07 mm, vessels there about 0.04 mm wide.
                #expect(dx * dx + dy * dy > 0.4 * 0.4)
            }
        }
    }

    @Test func `vessels are darker than what is beside them, most of all in green`() throws {
        let values = try retina()(seed: 5, index: 0).values
        let clean = try #require(values["clean"]?.image).pixels.array
        let vessels = try #require(values["vessels"]?.labels)
        let side = 512, plane = side * side
        let near = try Morphology(.dilate(StructuringElement(.ball, radius: .pixels(6))))(vessels).labels.array
        let disc = try #require(values["disc"]?.labels).labels.array
        func mean(_ channel: Int, _ isIn: (Int) -> Bool) -> Double {
            let chosen = (0..<plane).filter { i in
                let x = i % side - 256, y = i / side - 256
                return x * x + y * y < 225 * 225 && disc[i] == 0 && isIn(i)
            }
            return chosen.reduce(0) { $0 + Double(clean[channel * plane + $1]) } / Double(chosen.count)
        }
        let found = vessels.labels.array
        let contrast = (0..<3).map { channel in
            mean(channel) { found[$0] != 0 } / mean(channel) { near[$0] != 0 && found[$0] == 0 }
        }
        // In nine pictures of DRIVE 0.86…0.92 in green, 0.92…0.97 in blue, 0.95…0.99 in red.
        #expect(contrast[1] > 0.78 && contrast[1] < 0.95)
        #expect(contrast[1] < contrast[2] && contrast[2] < contrast[0] && contrast[0] < 1)
        #expect(mean(1) { found[$0] == 2 } < mean(1) { found[$0] == 1 })
    }

    @Test func `the disc has its size and lies on the side of its eye`() throws {
        for right in [true, false] {
            let phantom = retina {
                $0.anatomy.rightEye = right ? 1 : 0
                $0.anatomy.discHeight = 1.8
                $0.anatomy.discWidth = 0.9
                $0.anatomy.cupToDisc = 0.5
            }
            let disc = try labels(phantom, "disc")
            let found = disc.labels.array, spacing = disc.geometry.spacing.x
            let all = (0..<found.count).filter { found[$0] != 0 }, cup = all.filter { found[$0] == 2 }
            #expect(abs(Double(all.count) * spacing * spacing / (.pi * 0.9 * 0.81) - 1) < 0.06)
            #expect(abs(Double(cup.count) / Double(all.count) - 0.25) < 0.02)
            let x = Double(all.reduce(0) { $0 + $1 % 512 }) / Double(all.count)
            #expect(right ? x > 350 : x < 160)
        }
    }

    @Test func `another size shows the same eye`() throws {
        let small = try labels(retina(256), "disc"), large = try labels(retina(512), "disc")
        // Each pixel of the small picture is the mean of four of the large one.
        var differing = 0
        for i in 0..<256 * 256 {
            let at = i / 256 * 2 * 512 + i % 256 * 2
            let same = [at, at + 1, at + 512, at + 513].filter { large.labels[$0] == small.labels[i] }.count
            if same < 2 { differing += 1 }
        }
        #expect(differing < 12)
    }

    @Test func `another size shows the same vessels`() throws {
        let small = try labels(retina(512), "label").labels, large = try labels(retina(1024), "label").labels
        // A pixel of the small picture is half covered where two of the large one's four are.
        var both = 0, one = 0, other = 0
        for i in 0..<512 * 512 {
            let at = i / 512 * 2 * 1024 + i % 512 * 2
            let isVessel = [at, at + 1, at + 1024, at + 1025].count { large[$0] != 0 } >= 2
            one += small[i] != 0 ? 1 : 0
            other += isVessel ? 1 : 0
            both += small[i] != 0 && isVessel ? 1 : 0
        }
        let dice = 2 * Double(both) / Double(one + other)
        #expect(dice > 0.85, "\(dice)")
    }

    @Test func `a narrow field of view and an eye far from its middle can be drawn`() throws {
        let narrow = retina(192) { $0.fieldOfView = 20 }, off = retina(192) { $0.anatomy.decentering = 4 }
        for phantom in [narrow, off] {
            for seed in 0..<10 {
                let values = try phantom(seed: UInt64(seed), index: 0, ["image", "label"]).values
                #expect(values["image"]?.image?.pixels.array.allSatisfy { 0...255 ~= $0 } == true)
                // Vessels come in from outside.
                #expect(values["label"]?.labels?.presentLabels() == [0, 1], "seed \(seed)")
            }
        }
    }

    @Test func `a disc may have no cup, and a cup never leaves its disc`() throws {
        let none = retina(256) { $0.anatomy.cupToDisc = 0 }, wide = retina(256) { $0.anatomy.cupToDisc = 0.95 }
        let (values, _) = try none(seed: 1, index: 0, ["clean", "disc"])
        let clean = try #require(values["clean"]?.image).pixels.array
        #expect(clean.allSatisfy { 0...255 ~= $0 })
        let flat = try #require(values["disc"]?.labels), deep = try labels(wide, "disc")
        #expect(flat.presentLabels() == [0, 1])
        let bright = flat.labels.array.indices.filter { flat.labels[$0] == 1 }.map { clean[$0] }
        #expect(bright.reduce(0, +) / Float(bright.count) > 150)
        #expect(deep.presentLabels() == [0, 1, 2])
        for i in 0..<256 * 256 { #expect((deep.labels[i] != 0) == (flat.labels[i] != 0)) }
    }

    @Test func `lesions are as many as asked for and off the disc`() throws {
        let phantom = retina {
            $0.lesions.microaneurysms = 12
            $0.lesions.exudates = 0
        }
        let lesions = try labels(phantom, "lesions")
        #expect(lesions.presentLabels() == [0, 1])
        let count = try ComponentRuns(lesions, .labels, .full).values.count
        #expect(count > 6 && count <= 12)
        let disc = try labels(phantom, "disc").labels.array
        #expect(zip(lesions.labels.array, disc).allSatisfy { $0 == 0 || $1 == 0 })
        #expect(try labels(retina(), "lesions").presentLabels() == [0])
    }

    @Test func `impossible settings are refused`() throws {
        let changes: [(inout Retina) -> Void] = [
            { $0.size = 63 }, { $0.size = 2049 }, { $0.fieldOfView = 10 }, { $0.fieldOfView = .nan },
            { $0.anatomy.rightEye = 1.5 }, { $0.anatomy.discToFovea = Interval(1, 3) },
            { $0.anatomy.foveaBelow = 4 }, { $0.anatomy.decentering = -5 }, { $0.anatomy.discHeight = 0 },
            { $0.anatomy.discWidth = 2 }, { $0.anatomy.cupToDisc = 1 }, { $0.anatomy.avascularRadius = -1 },
            { $0.vessels.arteryWidth = 0 }, { $0.vessels.veinWidth = 1 }, { $0.vessels.thinnest = 0 },
            { $0.vessels.thinnest = 0.2 }, { $0.vessels.tortuosity = -1 }, { $0.vessels.branching = 3 },
            { $0.vessels.arcadeHeight = 0 }, { $0.vessels.taper = 1 }, { $0.fundus.brightness = 2 },
            { $0.fundus.choroid = -1 }, { $0.fundus.macula = 2 }, { $0.fundus.vesselContrast = 4 },
            { $0.lesions.microaneurysms = -1 }, { $0.lesions.exudates = 5000 },
            { $0.lesions.microaneurysmRadius = 0 }, { $0.lesions.exudateRadius = 2 }, { $0.camera.blur = -1 },
            { $0.camera.noise = -1 }, { $0.camera.vignetting = 2 }, { $0.camera.offAxis = 2 },
            { $0.camera.blur = Interval(2, 1) },
        ]
        for (number, change) in changes.enumerated() {
            let phantom = retina(512, change)
            let error = #expect(throws: Diagnostic.self, "change \(number)") { try phantom(seed: 1, index: 0) }
            #expect(error?.code == .badArgument)
        }
    }
}
