import LucencyFoundation
import LucencyImaging
import LucencyPhantoms
import Testing

@Suite struct MembranesTests {
    private let small = Membranes(width: 160, height: 96)

    private func picture(_ phantom: Membranes, seed: UInt64, index: Int = 0) throws -> (image: Image, labels: LabelMap)
    {
        let values = try phantom(seed: seed, index: index, ["image", "label"]).values
        return (try #require(values["image"]?.image), try #require(values["label"]?.labels))
    }

    @Test func `a picture depends on seed and index, not on threads or on what is asked for`() throws {
        let one = try small(seed: 3, index: 1)
        #expect(try one.values == small(seed: 3, index: 1, pool: ThreadPool(threads: 2)).values)
        #expect(Set(one.values.keys) == ["image", "clean", "label"])
        for name in one.values.keys {
            #expect(try small(seed: 3, index: 1, [name]).values == [name: one.values[name]], "\(name)")
        }
        #expect(try small(seed: 3, index: 2).values["image"] != one.values["image"])
        #expect(try small(seed: 4, index: 1).values["image"] != one.values["image"])
    }

    @Test func `pictures stay as they have always been`() throws {
        // Trained models and reports name seeds. Sums of intensities and of cell pixels of version 1's pictures.
        let (image, labels) = try picture(small, seed: 3, index: 1)
        #expect(image.pixels.array.reduce(0.0) { $0 + Double($1) } == 2_063_305)
        #expect(labels.labels.array.filter { $0 == Membranes.cellLabel }.count == 10_074)
    }

    @Test func `intensities are whole numbers from 0 to 255 at 4 nm`() throws {
        let (image, labels) = try picture(small, seed: 3)
        #expect(image.pixels.array.allSatisfy { $0 >= 0 && $0 <= 255 && $0 == $0.rounded() })
        #expect(abs(image.geometry.spacing.x - 4e-6) < 1e-15)
        #expect(image.geometry.spacingSource == .stated(.nm))
        #expect(labels.geometry == image.geometry)
        #expect(labels.table[1]?.name == "membrane")
        #expect(labels.table[0]?.name == "cell")
    }

    @Test func `the clean picture is the one without noise`() throws {
        let values = try small(seed: 3, index: 1).values
        var silent = small
        silent.noise = 0
        let clean = try #require(values["clean"]?.image)
        #expect(try silent(seed: 3, index: 1).values["image"]?.image == clean)
        let image = try #require(values["image"]?.image)
        let noise = zip(image.pixels.array, clean.pixels.array).map { Double($0 - $1) }
        let mean = noise.reduce(0, +) / Double(noise.count)
        let spread = (noise.reduce(0) { $0 + $1 * $1 } / Double(noise.count)).squareRoot()
        // 1.5 √150 of shot noise, 0.36 of which the detector's blur leaves.
        #expect(abs(mean) < 0.5)
        #expect(spread > 5 && spread < 14)
    }

    @Test func `what is drawn from a range is recorded and lies in it`() throws {
        let phantom = Membranes(
            width: 32, height: 32, noise: Interval(1, 2), unevenness: Interval(0.05, 0.1),
            cellSize: Interval(0.8, 1.5), thickness: Interval(5, 9))
        let limits = ["noise": 1.0...2, "unevenness": 0.05...0.1, "cellSize": 0.8...1.5, "thickness": 5.0...9]
        var sizes = Set<Double>()
        for index in 0..<5 {
            let drawn = try phantom(seed: 1, index: index).drawn
            for (name, range) in limits {
                let value = try #require(drawn[name]?.doubleValue)
                #expect(range.contains(value))
            }
            sizes.insert(drawn["cellSize"]?.doubleValue ?? 0)
        }
        #expect(sizes.count == 5)
    }

    @Test func `larger cells have less membrane, and thicker membranes more`() throws {
        func share(_ change: (inout Membranes) -> Void) throws -> Double {
            var phantom = Membranes(width: 256, height: 256)
            change(&phantom)
            let mask = try picture(phantom, seed: 2).labels.labels.array
            return Double(mask.filter { $0 == Membranes.membraneLabel }.count) / Double(mask.count)
        }
        let usual = try share { _ in }
        #expect(try share { $0.cellSize = 2 } < 0.75 * usual)
        #expect(try share { $0.cellSize = 0.6 } > 1.25 * usual)
        #expect(try share { $0.thickness = 12 } > 1.3 * usual)
        #expect(try share { $0.thickness = 4 } < 0.75 * usual)
    }

    @Test func `membranes are dark lines around many cells, as in real sections`() throws {
        let (image, labels) = try picture(Membranes(width: 256, height: 256), seed: 1)
        let mask = labels.labels.array, pixels = image.pixels.array
        let dark = zip(mask, pixels).filter { $0.0 == Membranes.membraneLabel }.map(\.1),
            light = zip(mask, pixels).filter { $0.0 == Membranes.cellLabel }.map(\.1)
        let share = Double(dark.count) / Double(mask.count)
        #expect(share > 0.15 && share < 0.4)
        let darkMean = dark.reduce(0, +) / Float(dark.count), lightMean = light.reduce(0, +) / Float(light.count)
        #expect(lightMean - darkMean > 30)
        // Runs of membrane along rows are longer than wide only where they are cut along: the median is near the width.
        var runs: [Int] = []
        for row in 0..<256 {
            var length = 0
            for column in 0..<256 {
                if mask[row * 256 + column] == Membranes.membraneLabel {
                    length += 1
                } else if length > 0 {
                    runs.append(length)
                    length = 0
                }
            }
        }
        let median = runs.sorted()[runs.count / 2]
        #expect(median >= 6 && median <= 12)
    }

    @Test func `impossible sizes and noises are refused`() throws {
        for phantom in [
            Membranes(width: 31), Membranes(height: 8193), Membranes(noise: -1),
            Membranes(noise: Interval(.nan, .nan)), Membranes(noise: Interval(2, 1)), Membranes(unevenness: 0.6),
            Membranes(cellSize: 0.1), Membranes(cellSize: Interval(1, 4)), Membranes(thickness: 2),
        ] {
            let error = #expect(throws: Diagnostic.self) { try phantom(seed: 0, index: 0) }
            #expect(error?.code == .badArgument)
        }
    }
}
