import LucencyFoundation
import LucencyImaging
import LucencyPhantoms
import Testing

@Suite struct ThoraxTests {
    private func phantom(_ size: Int = 128, _ change: (inout ThoraxPhantom) -> Void = { _ in }) -> ThoraxPhantom {
        var phantom = ThoraxPhantom()
        phantom.size = size
        change(&phantom)
        return phantom
    }

    private func labels(_ value: PhantomValue?) throws -> [Int32] { try #require(value?.labels).labels.array }
    private func pixels(_ value: PhantomValue?) throws -> [Float] { try #require(value?.image).pixels.array }

    @Test func `a picture depends on seed and index, not on threads or on what else is wanted`() throws {
        let thorax = phantom { $0.nodules.number = 1 }
        let all = try thorax(seed: 3, index: 1), other = try thorax(seed: 3, index: 1, pool: ThreadPool(threads: 2))
        #expect(all.values == other.values)
        #expect(all.drawn == other.drawn)
        #expect(all.values.count == thorax.products.count)
        for name in ["image", "subtraction", "ribs"] {
            let alone = try thorax(seed: 3, index: 1, [name])
            #expect(alone.values == [name: try #require(all.values[name])])
            #expect(alone.drawn == all.drawn)
        }
        #expect(try thorax(seed: 3, index: 2, ["image"]).values["image"] != all.values["image"])
        #expect(try thorax(seed: 4, index: 1, ["image"]).values["image"] != all.values["image"])
    }

    @Test func `every size shows the same patient, in stated millimetres`() throws {
        for size in [64, 300] {
            let thorax = phantom(size)
            let (values, drawn) = try thorax(seed: 2, index: 0, ["image", "lungs"])
            let image = try #require(values["image"]?.image)
            #expect(image.size.x == size && image.size.y == size)
            #expect(image.geometry.spacingSource == .stated(.mm))
            #expect(abs(image.geometry.spacing.x - 370 / Double(size)) < 1e-12)
            #expect(image.pixels.array.allSatisfy { 0...65535 ~= $0 && $0 == $0.rounded() })
            #expect(drawn == (try phantom(128)(seed: 2, index: 0, ["label"]).drawn))
            let spacing = 370 / Double(size)
            let area = Double(try labels(values["lungs"]).count { $0 == 1 }) * spacing * spacing
            let fine = Double(try labels(phantom(512)(seed: 2, index: 0, ["lungs"]).values["lungs"]).count { $0 == 1 })
            #expect(abs(area / (fine * 370 * 370 / 512 / 512) - 1) < 0.03)
        }
    }

    @Test(arguments: [144, 145, 146, 326, 345, 512])
    func `pictures of every size show the same textures in the same places`(size: Int) throws {
        func texture(_ size: Int) throws -> (Int, [Float]) {
            func soft(_ lungTexture: Interval) throws -> [Float] {
                try phantom(size) {
                    $0.body.patientSize = 1
                    ($0.body.unevenness, $0.organs.lungTexture) = (0, lungTexture)
                }.pathLengths(seed: 4, index: 0).softEquivalent
            }
            // What textures add, without what is finer than a large picture's pixels.
            var added = zip(try soft(0.4), try soft(0)).map { $0 - $1 }
            gaussianBlur(&added, width: size, height: size, sigma: 1.2 * Double(size) / 370, pool: .serial)
            return (size, added)
        }
        let (_, here) = try texture(size), (side, there) = try texture(340)
        var products = (0.0, 0.0, 0.0)
        for row in 10..<size - 10 {
            for column in 10..<size - 10 {
                // The same place, between four pixels of the other picture.
                let scale = Double(side) / Double(size)
                let x = (Double(column) + 0.5) * scale - 0.5, y = (Double(row) + 0.5) * scale - 0.5
                let left = Int(x), top = Int(y), u = Float(x - Double(left)), v = Float(y - Double(top))
                let i = top * side + left
                let a = there[i] * (1 - u) + there[i + 1] * u, b = there[i + side] * (1 - u) + there[i + side + 1] * u
                let other = Double(a * (1 - v) + b * v), own = Double(here[row * size + column])
                products = (products.0 + own * other, products.1 + own * own, products.2 + other * other)
            }
        }
        let correlation = products.0 / (products.1 * products.2).squareRoot()
        #expect(correlation > 0.99, "\(correlation)")
    }

    @Test func `masks lie where a chest has lungs, heart, clavicles and ribs`() throws {
        for index in 0..<4 {
            let thorax = phantom(160)
            let (values, drawn) = try thorax(seed: 8, index: index)
            let side = 160, area = 370.0 * 370 / Double(side * side) / 100
            let lungs = try labels(values["lungs"]), heart = try labels(values["heart"])
            let ribs = try labels(values["ribs"]), clavicles = try labels(values["clavicles"])
            func middle(_ mask: [Int32], _ wanted: Int32) -> (x: Double, y: Double, count: Double) {
                var x = 0.0, y = 0.0, count = 0.0
                for (i, label) in mask.enumerated() where label == wanted {
                    x += Double(i % side)
                    y += Double(i / side)
                    count += 1
                }
                return (x / max(1, count), y / max(1, count), count)
            }
            let right = middle(lungs, 1), left = middle(lungs, 2)
            // The patient's right is at the left of the image, and the right lung is the larger one.
            #expect(right.x < left.x)
            #expect(right.count > left.count)
            // Projected areas of adult lungs, cm².
            #expect(right.count * area > 140 && right.count * area < 330)
            #expect(left.count * area > 110 && left.count * area < 300)
            // The heart lies more to the left, between the lungs and low.
            let center = middle(heart, 1)
            #expect(center.x > right.x && center.x < left.x && center.y > right.y)
            let columns = heart.indices.filter { heart[$0] > 0 }.map { $0 % side }
            let width = Double(columns.max()! - columns.min()! + 1) * 370 / Double(side)
            let size = try #require(drawn["body.patientSize"]?.doubleValue)
            let ratio = try #require(drawn["organs.cardiothoracicRatio"]?.doubleValue)
            let cage = try #require(drawn["organs.cageHalfWidth"]?.doubleValue)
            #expect(abs(width / (2 * cage * ratio * size) - 1) < 0.12)
            // Each clavicle at its side, above the lungs' middles; twelve ribs at each side, from above downwards.
            #expect(middle(clavicles, 1).x < middle(clavicles, 2).x)
            #expect(middle(clavicles, 1).y < right.y)
            for first in [Int32(1), 13] {
                let levels = (0..<12).map { middle(ribs, first + $0) }
                #expect(levels.allSatisfy { $0.count > 10 })
                let tops = (0..<12).map { i in (ribs.firstIndex(of: first + Int32(i)) ?? 0) / side }
                #expect(zip(tops, tops.dropFirst()).allSatisfy { $0 < $1 })
                #expect(levels.allSatisfy { first == 1 ? $0.x < center.x + 5 : $0.x > center.x - 25 })
            }
            // The map of regions agrees with the masks.
            let regions = try labels(values["label"])
            for i in regions.indices {
                if regions[i] == 2 || regions[i] == 3 { #expect(lungs[i] == regions[i] - 1) }
                #expect((regions[i] == 5) == (heart[i] == 1))
                if lungs[i] > 0 { #expect(regions[i] == lungs[i] + 1) }
            }
        }
    }

    @Test func `lungs are dark, heart and ribs are brighter, and air is black`() throws {
        // Raised details darken the surroundings of bright lines.
        let (values, _) = try phantom(160) { $0.display.detail = 0 }(seed: 1, index: 0)
        let image = try pixels(values["image"]), regions = try labels(values["label"])
        func mean(_ region: Int32) -> Float {
            let found = image.indices.filter { regions[$0] == region }.map { image[$0] }
            return found.reduce(0, +) / Float(max(1, found.count))
        }
        #expect(mean(0) < 0.3 * mean(2))
        #expect(mean(2) < 0.75 * mean(5))
        #expect(mean(3) < 0.75 * mean(1))
        // Bones add to the picture where they are, and only there.
        let clean = try pixels(values["clean"]), soft = try pixels(values["softTissue"])
        let path = try pixels(values["bonePath"])
        for i in clean.indices where path[i] > 3 && regions[i] == 2 { #expect(clean[i] > soft[i]) }
    }

    @Test func `the bone image is bone's path times the difference of coefficients, without scatter and blur`() throws {
        let thorax = phantom {
            $0.exposure.scatter = 0
            $0.exposure.blur = 0
            $0.exposure.energy = 60
        }
        let (values, _) = try thorax(seed: 6, index: 0, ["bone", "bonePath", "softPath"])
        let bone = try pixels(values["bone"]), path = try pixels(values["bonePath"])
        let factor = Float(0.3148 * 1.92 - 0.2048 * 1.06) / 10
        #expect(path.max()! > 5)
        for i in bone.indices { #expect(abs(bone[i] - factor * path[i]) < 3e-4) }
        let paths = try thorax.pathLengths(seed: 6, index: 0)
        #expect(paths.bone == path)
        #expect(paths.softEquivalent == (try pixels(values["softPath"])))
    }

    @Test func `subtraction shows soft tissue and bone, with more noise than the radiograph`() throws {
        let sharp = phantom {
            $0.exposure.scatter = 0
            $0.exposure.blur = 0
            $0.exposure.electronicNoise = 0
            $0.exposure.photons = 1e8
            $0.exposure.dualShare = 1
        }
        let (ideal, _) = try sharp(seed: 9, index: 0)
        let bone = try pixels(ideal["boneSubtraction"]), path = try pixels(ideal["bonePath"])
        let body = try labels(ideal["label"])
        for i in bone.indices where body[i] > 0 { #expect(abs(bone[i] - path[i]) < 0.3) }
        func difference(_ values: [String: PhantomValue], _ one: String, _ other: String) throws -> Float {
            let a = try pixels(values[one]), b = try pixels(values[other])
            let inside = a.indices.filter { body[$0] > 1 }
            return (inside.reduce(Float(0)) { $0 + (a[$1] - b[$1]) * (a[$1] - b[$1]) } / Float(inside.count))
                .squareRoot()
        }
        #expect(try difference(ideal, "subtraction", "softTissue") < 0.01 * 65535)
        let noisy = phantom {
            $0.exposure.scatter = 0
            $0.exposure.photons = 2000
        }
        let (real, _) = try noisy(seed: 9, index: 0)
        #expect(try difference(real, "subtraction", "softTissue") > 2 * difference(real, "image", "clean"))
    }

    @Test func `nodules are where and as large as recorded, in a lung, and denser than it`() throws {
        let thorax = phantom(256) {
            $0.nodules.number = 4
            $0.nodules.diameter = Interval(14, 26)
        }
        let (values, drawn) = try thorax(seed: 12, index: 0, ["nodules", "lungs", "softPath"])
        let mask = try labels(values["nodules"]), lungs = try labels(values["lungs"])
        let none = phantom(256) { $0.nodules.number = 0 }
        let before = try pixels(none(seed: 12, index: 0, ["softPath"]).values["softPath"])
        let after = try pixels(values["softPath"])
        #expect(drawn["nodules.number"] == 4)
        for number in 1...4 {
            let found = mask.indices.filter { mask[$0] == Int32(number) }
            let diameter = try #require(drawn["nodules.\(number).diameter"]?.doubleValue)
            let area = Double(found.count) * 370 * 370 / 256 / 256
            // Flattened by up to 15 %.
            let share = area / (.pi * diameter * diameter / 4)
            #expect(share > 0.8 && share < 1.08)
            #expect(found.allSatisfy { lungs[$0] > 0 })
            let gain = found.reduce(Float(0)) { $0 + after[$1] - before[$1] } / Float(found.count)
            // The mean chord of a ball is 2/3 of its diameter; half to all of it is soft tissue.
            #expect(gain > 0.15 * Float(diameter) && gain < 0.75 * Float(diameter))
            let hidden = try #require(drawn["nodules.\(number).underRib"]?.doubleValue)
            #expect(0...1 ~= hidden)
            #expect(drawn["nodules.\(number).center"]?.arrayValue?.count == 3)
        }
    }

    @Test func `settings change what they name`() throws {
        func mean(_ name: String, _ change: (inout ThoraxPhantom) -> Void) throws -> Float {
            let plane = try pixels(phantom(64, change)(seed: 1, index: 0, [name]).values[name])
            return plane.reduce(0, +) / Float(plane.count)
        }
        #expect(
            try mean("bonePath") { $0.skeleton.ribCortex = 1.8 } > 1.1
                * mean("bonePath") { $0.skeleton.ribCortex = 0.6 })
        #expect(try mean("softPath") { $0.body.wallDepth = 90 } > 1.15 * mean("softPath") { $0.body.wallDepth = 30 })
        #expect(
            try mean("softPath") { $0.organs.lungDensity = 0.5 } > 1.02
                * mean("softPath") { $0.organs.lungDensity = 0.1 })
        let eight = try pixels(phantom(64) { $0.display.bits = 8 }(seed: 1, index: 0, ["image"]).values["image"])
        #expect(eight.max()! <= 255 && eight.max()! > 200)
        #expect(phantom(64) { $0.display.bits = 8 }.products[0].kind == .image(channels: 1, bits: 8))
    }

    @Test func `the smallest and the largest patients can be drawn, and nodules that find no room are left out`() throws
    {
        let small = phantom(64) {
            $0.body.patientSize = 0.5
            $0.body.shoulderDrop = -25
            $0.body.armAngle = 0
            $0.organs.cageHalfWidth = 100
            $0.organs.lungHeight = 150
            $0.organs.cardiothoracicRatio = 0.75
            $0.organs.cageDepth = 0.6
            $0.skeleton.ribCortex = 3
            $0.skeleton.ribThickness = 3
            $0.skeleton.clavicleRise = 80
            $0.nodules.number = 50
            $0.nodules.diameter = 80
            $0.exposure.photons = 10
        }
        let large = phantom(64) {
            $0.body.patientSize = 1.5
            $0.body.shoulderDrop = 25
            $0.body.armAngle = 70
            $0.body.chestWall = 80
            $0.body.wallDepth = 150
            $0.organs.cageHalfWidth = 180
            $0.organs.lungHeight = 300
            $0.organs.hilarVesselRadius = 12
            $0.skeleton.ribSlope = 1.5
            $0.skeleton.clavicleRise = -30
            $0.nodules.number = 50
        }
        for thorax in [small, large] {
            let (values, drawn) = try thorax(seed: 1, index: 0)
            #expect(values.count == thorax.products.count)
            let placed = (1...50).count { drawn["nodules.\($0).center"]?.arrayValue != nil }
            let table = try #require(values["nodules"]?.labels).table
            #expect(table.count == placed + 1)
        }
        let (_, drawn) = try small(seed: 1, index: 0, ["nodules"])
        #expect(drawn["nodules.50.center"] == .null)
    }

    @Test func `a nodule has the number under which it is recorded, also behind one that found no room`() throws {
        let thorax = phantom {
            $0.nodules.number = 12
            $0.nodules.diameter = Interval(10, 80)
        }
        var gaps = 0
        for index in 0..<4 {
            let (values, drawn) = try thorax(seed: 1, index: index, ["nodules"])
            let map = try #require(values["nodules"]?.labels)
            let placed = (1...12).filter { drawn["nodules.\($0).center"]?.arrayValue != nil }.map { Int32($0) }
            #expect(map.table.keys.sorted() == [0] + placed)
            #expect(map.presentLabels() == [0] + placed)
            if placed != Array(1...Int32(placed.count)) { gaps += 1 }
            for number in placed {
                let diameter = try #require(drawn["nodules.\(number).diameter"]?.doubleValue)
                let area = Double(map.labels.array.count { $0 == number }) * 370 * 370 / 128 / 128
                let share = area / (.pi * diameter * diameter / 4)
                #expect(share > 0.6 && share < 1.3)
            }
        }
        #expect(gaps > 0)
    }

    @Test func `air stays black at the highest dose`() throws {
        let bright = phantom(64) {
            $0.fieldOfView = 800
            $0.exposure.photons = 1e9
            $0.exposure.dualShare = 10
        }
        let (values, _) = try bright(seed: 1, index: 0, ["image", "subtraction", "label"])
        let regions = try labels(values["label"])
        for name in ["image", "subtraction"] {
            let plane = try pixels(values[name])
            func mean(_ isIn: (Int32) -> Bool) -> Float {
                let found = plane.indices.filter { isIn(regions[$0]) }.map { plane[$0] }
                return found.reduce(0, +) / Float(max(1, found.count))
            }
            #expect(mean { $0 == 0 } < 0.3 * mean { $0 > 0 }, "\(name)")
        }
    }

    @Test func `settings that no patient can have are refused`() throws {
        let changes: [(inout ThoraxPhantom) -> Void] = [
            { $0.size = 63 }, { $0.size = 2049 }, { $0.fieldOfView = 100 }, { $0.fieldOfView = .nan },
            { $0.body.patientSize = 0 }, { $0.organs.lungHeight = Interval(200, 400) },
            { $0.organs.cageHalfWidth = Interval(140, 130) }, { $0.skeleton.ribCortex = -1 },
            { $0.skeleton.spongiosa = Interval(.nan, 0.2) }, { $0.nodules.number = 51 },
            { $0.nodules.diameter = 0 }, { $0.exposure.photons = 0 }, { $0.exposure.energy = 19 },
            { $0.exposure.energy = 151 }, { $0.exposure.highEnergy = 48 }, { $0.exposure.lowEnergy = 90 },
            { $0.exposure.dualShare = 0 }, { $0.display.bits = 17 }, { $0.display.darkest = 0.5 },
            { $0.display.compressionScale = 1 }, { $0.body.breastChance = 1.1 },
        ]
        for (index, change) in changes.enumerated() {
            let wrong = phantom(64, change)
            let checked = #expect(throws: Diagnostic.self, "change \(index)") { try wrong.check() }
            #expect(checked?.code == .badArgument)
            let rendered = #expect(throws: Diagnostic.self) { try wrong(seed: 1, index: 0, ["image"]) }
            #expect(rendered == checked)
        }
        try phantom(64).check()
    }
}
