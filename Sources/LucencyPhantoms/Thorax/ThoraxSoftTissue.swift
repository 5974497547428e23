import LucencyFoundation

#if canImport(Glibc)
    import Glibc
#elseif canImport(Darwin)
    import Darwin
#endif

/// Trunk, arms, breasts, and the lungs around heart, vessels and diaphragm, by intersecting stretches of each ray.
struct ThoraxSoftTissue: Sendable {
    let anatomy: ThoraxAnatomy

    /// Bounding rows and trigonometry of an ellipsoid, made once.
    private struct Obstacle {
        let shape: Ellipsoid
        let cosine: Double
        let sine: Double
        let top: Double
        let bottom: Double

        init(_ shape: Ellipsoid) {
            self.shape = shape
            cosine = cos(shape.angle)
            sine = sin(shape.angle)
            top = shape.center.y - shape.reach.y
            bottom = shape.center.y + shape.reach.y
        }

        @inline(__always)
        func chord(_ x: Double, _ y: Double) -> Chord { shape.chord(x, y, cosine: cosine, sine: sine) }
    }

    /// Writes, per pixel, mm within the body, within the lungs (all of their volume), and in free gas.
    func render(
        _ grid: ThoraxGrid, body: inout [Float], lung: inout [Float], gas: inout [Float], pool: ThreadPool
    ) {
        let obstacles = (anatomy.heart + anatomy.vessels).map(Obstacle.init)
        let breasts = anatomy.breasts, muscles = anatomy.muscles.map(Obstacle.init),
            stomach = anatomy.stomachGas.map(Obstacle.init)
        let arms = self.arms
        body.withUnsafeMutableBufferPointer { body in
            lung.withUnsafeMutableBufferPointer { lung in
                gas.withUnsafeMutableBufferPointer { gas in
                    nonisolated(unsafe) let body = body, lung = lung, gas = gas
                    pool.forEach(grid.count) { row in
                        let y = grid.y(row), section = anatomy.chest.section(y)
                        let near = obstacles.filter { $0.top < y && y < $0.bottom }
                        var hidden = [Chord](repeating: .empty, count: near.count + 1)
                        for column in 0..<grid.count {
                            let x = grid.x(column), index = row &* grid.count &+ column
                            let trunk = Chest.trunk(section, x)
                            var length = trunk.length
                            for arm in arms {
                                let chord = arm.chord(x, y)
                                length += chord.length - chord.clipped(to: trunk).length
                            }
                            for breast in breasts { length += breast.thickness(x, y) }
                            if length > 0 { for muscle in muscles { length += muscle.chord(x, y).length } }
                            body[index] = Float(length)
                            guard y > 0 else { continue }
                            let side: Side = x < 0 ? .right : .left
                            let dome = anatomy.chest.domes[side.rawValue].chord(abs(x), y)
                            let inside = Chest.lung(section, side, abs(x))
                            if !inside.isEmpty {
                                var count = 0
                                func hide(_ chord: Chord) {
                                    let part = chord.clipped(to: inside)
                                    guard !part.isEmpty else { return }
                                    hidden[count] = part
                                    count += 1
                                }
                                hide(dome)
                                for obstacle in near { hide(obstacle.chord(x, y)) }
                                lung[index] = Float(inside.length - Self.covered(&hidden, count))
                            }
                            // Fluid stands level below the gas.
                            if let stomach, stomach.top < y, y < stomach.shape.center.y + 0.3 * stomach.shape.axes.y,
                                side == .left
                            {
                                gas[index] = Float(stomach.chord(x, y).clipped(to: dome).length)
                            }
                        }
                    }
                }
            }
        }
    }

    /// Calls `body` with every pixel whose ray meets the patient.
    func forEachBodyPixel(_ grid: ThoraxGrid, _ body: (Int) -> Void) {
        let arms = arms, breasts = anatomy.breasts
        for row in 0..<grid.count {
            let y = grid.y(row), section = anatomy.chest.section(y)
            for column in 0..<grid.count {
                let x = grid.x(column)
                let isInside =
                    !Chest.trunk(section, x).isEmpty || arms.contains { !$0.chord(x, y).isEmpty }
                    || breasts.contains { $0.thickness(x, y) > 0 }
                if isInside { body(row &* grid.count &+ column) }
            }
        }
    }

    /// Length of the union of the first `count` stretches.
    @inline(__always)
    private static func covered(_ chords: inout [Chord], _ count: Int) -> Double {
        guard count > 0 else { return 0 }
        if count == 1 { return chords[0].length }
        for i in 1..<count {
            var j = i
            while j > 0, chords[j].lower < chords[j - 1].lower {
                chords.swapAt(j, j - 1)
                j -= 1
            }
        }
        var total = 0.0, end = -Double.infinity
        for i in 0..<count {
            total += max(0, chords[i].upper - max(chords[i].lower, end))
            end = max(end, chords[i].upper)
        }
        return total
    }

    /// An upper arm: a round cone in the image plane, which ends in the shoulder.
    struct Arm: Sendable {
        let joint: SIMD3<Double>
        let along: SIMD2<Double>

        @inline(__always)
        func chord(_ x: Double, _ y: Double) -> Chord {
            let dx = x - joint.x, dy = y - joint.y
            let t = dx * along.x + dy * along.y, off = dy * along.x - dx * along.y
            let radius = 47 - 7 * min(max(t / 250, 0), 1)
            let beyond = min(t, 0)
            let rest = radius * radius - off * off - beyond * beyond
            guard rest > 0 else { return .empty }
            let half = 1.1 * rest.squareRoot()
            return Chord(lower: joint.z - half, upper: joint.z + half)
        }
    }

    private var arms: [Arm] {
        Side.allCases.map { side in
            let angle = anatomy.armAngles[side.rawValue]
            return Arm(joint: anatomy.shoulders[side.rawValue], along: SIMD2(side.sign * sin(angle), cos(angle)))
        }
    }
}
