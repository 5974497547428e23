import LucencyFoundation
import LucencyImaging
import LucencyPhantoms
import Testing

@Suite struct MembranesTests {
    private let small = Membranes(seed: 3, width: 160, height: 96)

    @Test func `a picture depends on seed and index, not on threads`() throws {
        let one = try small(index: 1)
        let two = try small(index: 1, pool: ThreadPool(threads: 2))
        #expect(one.image == two.image)
        #expect(one.labels == two.labels)
        #expect(try small(index: 2).image != one.image)
        #expect(try Membranes(seed: 4, width: 160, height: 96)(index: 1).image != one.image)
    }

    @Test func `intensities are whole numbers from 0 to 255 at 4 nm`() throws {
        let (image, labels) = try small(index: 0)
        #expect(image.pixels.array.allSatisfy { $0 >= 0 && $0 <= 255 && $0 == $0.rounded() })
        #expect(abs(image.geometry.spacing.x - 4e-6) < 1e-15)
        #expect(image.geometry.spacingSource == .stated(.nm))
        #expect(labels.geometry == image.geometry)
        #expect(labels.table[0]?.name == "membrane")
        #expect(labels.table[1]?.name == "cell")
    }

    @Test func `membranes are dark lines around many cells, as in real sections`() throws {
        let (image, labels) = try Membranes(seed: 1, width: 256, height: 256)(index: 0)
        let mask = labels.labels.array, pixels = image.pixels.array
        let dark = zip(mask, pixels).filter { $0.0 == 0 }.map(\.1),
            light = zip(mask, pixels).filter { $0.0 == 1 }.map(\.1)
        let share = Double(dark.count) / Double(mask.count)
        #expect(share > 0.15 && share < 0.4)
        let darkMean = dark.reduce(0, +) / Float(dark.count), lightMean = light.reduce(0, +) / Float(light.count)
        #expect(lightMean - darkMean > 30)
        // Runs of membrane along rows are longer than wide only where they are cut along: the median is near the width.
        var runs: [Int] = []
        for row in 0..<256 {
            var length = 0
            for column in 0..<256 {
                if mask[row * 256 + column] == 0 {
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
            Membranes(width: 31), Membranes(height: 8193), Membranes(noise: -1), Membranes(noise: .nan),
            Membranes(unevenness: 0.6),
        ] {
            let error = #expect(throws: Diagnostic.self) { try phantom(index: 0) }
            #expect(error?.code == .badArgument)
        }
    }
}
