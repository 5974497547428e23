import LucencyImaging

/// Outlines of all objects of a planar map in one sweep, as `skimage.measure.perimeter(neighborhood=4)` defines them.
enum Perimeter {
    /// A border pixel has a 4-neighbour of another label (outside the image counts as one). Its weight depends on how
    /// many of its 4-neighbours (`a`) and diagonal neighbours (`b`) are border pixels of the same object: code 1 + 2a + 10b.
    private static let weights: [Double] = {
        var weights = [Double](repeating: 0, count: 50)
        for code in [5, 7, 15, 17, 25, 27] { weights[code] = 1 }
        for code in [21, 33] { weights[code] = 2.0.squareRoot() }
        for code in [13, 23] { weights[code] = (1 + 2.0.squareRoot()) / 2 }
        return weights
    }()

    static func lengths(of map: LabelMap, slots: SlotTable) -> [Double] {
        // Counting codes and weighting at the end keeps the sums exact until then.
        var codes = [Int](repeating: 0, count: slots.labels.count * 50)
        let width = map.size.x, height = map.size.y
        map.labels.withUnsafeBufferPointer { labels in
            // The labels of border pixels, else 0, with a margin of 0 around.
            let stride = width + 2
            var borders = [Int32](repeating: 0, count: stride * (height + 2))
            borders.withUnsafeMutableBufferPointer { borders in
                for y in 0..<height {
                    let first = y &* width
                    for x in 0..<width {
                        let index = first &+ x, label = labels[index]
                        guard label != 0 else { continue }
                        let isInner =
                            x > 0 && x < width &- 1 && y > 0 && y < height &- 1 && labels[index &- 1] == label
                            && labels[index &+ 1] == label && labels[index &- width] == label
                            && labels[index &+ width] == label
                        if !isInner { borders[(y &+ 1) &* stride &+ x &+ 1] = label }
                    }
                }
                for y in 1...height {
                    for index in y &* stride &+ 1...y &* stride &+ width where borders[index] != 0 {
                        let label = borders[index]
                        func same(_ offset: Int) -> Int { borders[index &+ offset] == label ? 1 : 0 }
                        let straight = same(-1) &+ same(1) &+ same(-stride) &+ same(stride)
                        let diagonal =
                            same(-stride &- 1) &+ same(-stride &+ 1) &+ same(stride &- 1) &+ same(stride &+ 1)
                        codes[slots[label] &* 50 &+ 1 &+ 2 &* straight &+ 10 &* diagonal] += 1
                    }
                }
            }
        }
        return slots.labels.indices.map { slot in
            var sum = 0.0
            for code in 0..<50 { sum += Double(codes[slot * 50 + code]) * weights[code] }
            return sum
        }
    }
}
