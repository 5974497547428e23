import LucencyImaging

extension LabelMap {
    /// The bounding box of every label but 0 that occurs, by ascending label; one pass.
    package func boundingBoxes() -> [(label: Int32, box: Region)] {
        struct Extent {
            var low: (x: Int, y: Int, z: Int), high: (x: Int, y: Int, z: Int)
        }
        let size = self.size
        var extents: [Int32: Extent] = [:]
        labels.withUnsafeBufferPointer { labels in
            for row in 0..<size.y * size.z {
                let y = row % size.y, z = row / size.y, first = row &* size.x
                var x = 0
                while x < size.x {
                    let label = labels[first &+ x], start = x
                    while x < size.x, labels[first &+ x] == label { x &+= 1 }
                    guard label != 0 else { continue }
                    if var extent = extents[label] {
                        extent.low = (min(extent.low.x, start), min(extent.low.y, y), extent.low.z)
                        extent.high = (max(extent.high.x, x - 1), max(extent.high.y, y), z)
                        extents[label] = extent
                    } else {
                        extents[label] = Extent(low: (start, y, z), high: (x - 1, y, z))
                    }
                }
            }
        }
        return extents.sorted { $0.key < $1.key }.map { label, extent in
            let sides = GridSize(
                extent.high.x - extent.low.x + 1, extent.high.y - extent.low.y + 1, extent.high.z - extent.low.z + 1)
            return (label, Region(x: extent.low.x, y: extent.low.y, z: extent.low.z, size: sides))
        }
    }
}

extension Region {
    /// The box grown to all sides, within a grid.
    package func grown(by margin: (x: Int, y: Int, z: Int), within grid: GridSize) -> Region {
        let lowX = max(0, x - margin.x), lowY = max(0, y - margin.y), lowZ = max(0, z - margin.z)
        let sides = GridSize(
            min(grid.x, x + size.x + margin.x) - lowX, min(grid.y, y + size.y + margin.y) - lowY,
            min(grid.z, z + size.z + margin.z) - lowZ)
        return Region(x: lowX, y: lowY, z: lowZ, size: sides)
    }

    /// The smallest box that holds both.
    package func union(_ other: Region) -> Region {
        let lowX = min(x, other.x), lowY = min(y, other.y), lowZ = min(z, other.z)
        let sides = GridSize(
            max(x + size.x, other.x + other.size.x) - lowX, max(y + size.y, other.y + other.size.y) - lowY,
            max(z + size.z, other.z + other.size.z) - lowZ)
        return Region(x: lowX, y: lowY, z: lowZ, size: sides)
    }
}
