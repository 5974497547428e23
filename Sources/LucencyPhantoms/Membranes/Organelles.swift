import LucencyFoundation

/// Things inside cells that are dark without being cell membranes, painted into an intensity plane.
struct Organelles {
    let width: Int
    let height: Int
    /// Per pixel: distance to the nearest membrane.
    let distance: [Float]

    /// Mitochondria in the roomiest places: a dark matrix with folded cristae inside a darker rim.
    func paintMitochondria(_ plane: inout [Float], random stream: PhiloxStream, bend: SmoothField) {
        var random = stream
        let wanted = max(1, width * height / 52_000)
        var placed: [(x: Double, y: Double, long: Double)] = []
        for _ in 0..<wanted * 40 where placed.count < wanted {
            let x = random.uniform() * Double(width), y = random.uniform() * Double(height)
            let angle = random.uniform() * 2 * .pi, crista = random.uniform() * .pi
            let ratio = random.uniform(in: 1...1.5), shade = random.uniform(in: 76...98)
            let phase = random.uniform() * 6, period = random.uniform(in: 6.5...9)
            let room = Double(distance[Int(y) * width + Int(x)])
            let short = min(22, room - 10)
            guard short > 11 else { continue }
            let long = min(short * ratio, room - 7)
            guard !placed.contains(where: { hypotenuse($0.x - x, $0.y - y) < $0.long + long + 8 }) else { continue }
            placed.append((x, y, long))
            let axis = unitVector(angle), fold = unitVector(crista)
            forPixels(around: x, y, reach: long + 6) { column, row, index in
                let dx = Double(column) - x, dy = Double(row) - y
                let u = (dx * axis.x + dy * axis.y) / long, v = (dy * axis.x - dx * axis.y) / short
                let wobble = bend(Double(column), Double(row))
                let inside = (1 - (u * u + v * v).squareRoot()) * short + 0.7 * wobble
                guard inside > -2 else { return }
                let matrix = smoothStep(inside / 2 + 0.5)
                let stripe = sine(2 * .pi * (dx * fold.x + dy * fold.y) / period + phase + 1.1 * wobble)
                let depth = smoothStep((inside - 3) / 4)
                let rim = bell((inside - 1.2) / 1.7) * 24
                let value = shade + 21 * stripe * depth - rim
                plane[index] += Float((value - Double(plane[index])) * matrix)
            }
        }
    }

    /// Vesicles, small rings with a dark rim, and dots such as cut microtubules and ribosomes; both in swarms.
    func paintSpeckles(_ plane: inout [Float], random stream: PhiloxStream, crowd: SmoothField) {
        var random = stream
        for _ in 0..<width * height / 75 {
            let x = random.uniform() * Double(width), y = random.uniform() * Double(height)
            let chance = random.uniform(), radius = random.uniform(in: 0.9...2), depth = random.uniform(in: 40...105)
            let room = Double(distance[Int(y) * width + Int(x)])
            guard room > 6, chance < 0.6 + 0.35 * crowd(x, y) else { continue }
            forPixels(around: x, y, reach: 3 * radius) { column, row, index in
                let d = hypotenuse(Double(column) - x, Double(row) - y) / radius
                plane[index] -= Float(depth * bell(d))
            }
        }
        for _ in 0..<width * height / 1500 {
            let x = random.uniform() * Double(width), y = random.uniform() * Double(height)
            let chance = random.uniform(), radius = random.uniform(in: 3...6.5), depth = random.uniform(in: 25...60)
            let room = Double(distance[Int(y) * width + Int(x)])
            guard room > radius + 6, chance < 0.5 + 0.4 * crowd(y, x) else { continue }
            forPixels(around: x, y, reach: radius + 4) { column, row, index in
                let d = hypotenuse(Double(column) - x, Double(row) - y)
                plane[index] -= Float(depth * bell((d - radius) / 1.2) - (d < radius ? 7 : 0))
            }
        }
    }

    private func forPixels(around x: Double, _ y: Double, reach: Double, _ body: (Int, Int, Int) -> Void) {
        let left = max(0, Int(x - reach)), right = min(width - 1, Int(x + reach))
        let top = max(0, Int(y - reach)), bottom = min(height - 1, Int(y + reach))
        guard left <= right, top <= bottom else { return }
        for row in top...bottom { for column in left...right { body(column, row, row * width + column) } }
    }
}
