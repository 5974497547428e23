#if canImport(Glibc)
    import Glibc
#elseif canImport(Darwin)
    import Darwin
#endif

/// Vertebrae from the neck to the loins, and the breastbone, in front view. A body is a waisted block with an elliptical
/// section, with end plates; pedicles are seen end on as rings, spinous processes as drops on the midline.
struct Spine: Sendable {
    struct Vertebra: Sendable {
        var center: SIMD3<Double>
        var halfWidth: Double
        var halfHeight: Double
        var halfDepth: Double
        /// Tilt in the image plane.
        var angle: Double
        var isCervical = false
    }

    let vertebrae: [Vertebra]
    private let cortex: Double

    init(_ anatomy: ThoraxAnatomy, _ draws: PhantomDraws) {
        var random = draws.stream("spine")
        let bend = random.normal() * 3, phase = random.uniform() * 6
        cortex = 0.7
        func midline(_ y: Double) -> Double { bend * sin(y / 75 + phase) }
        var made: [Vertebra] = []
        let levels = anatomy.levels
        for k in -6...14 {
            let pitch = k < 0 ? 16.0 : k < 14 ? levels[k + 1] - levels[k] : 28
            let top = k < 0 ? levels[0] + 16 * Double(k) : levels[k]
            let width = anatomy.vertebraWidth / 2 * (k < 0 ? 0.82 : 0.95 + 0.035 * Double(k))
            let y = top + pitch / 2, gap = k < 0 ? 3.6 : 3.4 + 0.25 * Double(max(0, k))
            let section = anatomy.chest.section(max(y, 0))
            made.append(
                Vertebra(
                    center: SIMD3(midline(y), y, section.middle - section.depth + 22), halfWidth: width,
                    halfHeight: (pitch - gap) / 2 + 0.3 * random.normal(), halfDepth: k < 0 ? 8 : 10 + 0.5 * Double(k),
                    angle: (midline(y + 8) - midline(y - 8)) / -16 + 0.01 * random.normal(), isCervical: k < 0))
        }
        vertebrae = made
    }

    /// Calls `body` with a pixel's index, and the lengths within compact bone and within the spongy inside.
    func forEachPixel(_ grid: ThoraxGrid, _ body: (Int, Double, Double) -> Void) {
        for vertebra in vertebrae {
            block(vertebra, grid, body)
            processes(vertebra, grid, body)
        }
    }

    private func block(_ v: Vertebra, _ grid: ThoraxGrid, _ body: (Int, Double, Double) -> Void) {
        let reach = v.halfWidth + 2, c = cos(v.angle), s = sin(v.angle)
        for row in grid.rows(v.center.y - v.halfHeight - 4, v.center.y + v.halfHeight + 4) {
            for column in grid.columns(v.center.x - reach, v.center.x + reach) {
                let dx = grid.x(column) - v.center.x, dy = grid.y(row) - v.center.y
                let x = abs(dx * c + dy * s), y = abs(dy * c - dx * s)
                func chord(_ inset: Double) -> Double {
                    let tall = v.halfHeight - inset
                    // End plates are cut evenly, not in whole pixels.
                    let cover = min((tall - y) / grid.pixel + 0.5, 1)
                    guard cover > 0, tall > 0 else { return 0 }
                    // Waisted sides, lipped end plates.
                    let level = min(1, y / v.halfHeight)
                    let width = v.halfWidth * (0.91 + 0.09 * level * level * level) - inset
                    let u = x / width
                    guard u < 1 else { return 0 }
                    return 2 * cover * (v.halfDepth - inset) * (1 - u * u * u).squareRoot()
                }
                let outer = chord(0)
                guard outer > 0 else { continue }
                let inner = chord(cortex)
                body(row &* grid.count &+ column, 0.6 * (outer - inner), v.isCervical ? 1.6 * inner : inner)
            }
        }
    }

    private func processes(_ v: Vertebra, _ grid: ThoraxGrid, _ body: (Int, Double, Double) -> Void) {
        func shell(_ center: SIMD3<Double>, _ axes: SIMD3<Double>, _ wall: Double, angle: Double = 0) {
            let outer = Ellipsoid(center: center, axes: axes, angle: angle)
            let inner = outer.inset(by: wall)
            let cosine = cos(angle), sine = sin(angle)
            outer.forEachPixel(grid) { index, chord in
                let x = grid.x(index % grid.count), y = grid.y(index / grid.count)
                let inside = inner?.chord(x, y, cosine: cosine, sine: sine).length ?? 0
                body(index, chord.length - inside, inside)
            }
        }
        let back = v.center.z - v.halfDepth
        for sign in [-1.0, 1] {
            let pedicle = SIMD3(v.center.x + sign * 0.66 * v.halfWidth, v.center.y - 0.3 * v.halfHeight, back - 5)
            // Of the neck's vertebrae, the joints' columns are seen at the sides instead.
            if v.isCervical {
                let x = v.center.x + sign * (v.halfWidth + 3.5), reach = 1.18 * v.halfHeight
                Tube(
                    [-1, -0.4, 0.4, 1].map { SIMD3(x + sign * 1.2 * (1 - $0 * $0), v.center.y + $0 * reach, back) },
                    radius: 5.5, wall: 0.45
                ).forEachPixel(grid) { body($0, $1 - $2, 0.8 * $2) }
            } else {
                shell(pedicle, SIMD3(3.4, 5.2, 6), 0.75)
                let root = SIMD3(v.center.x + sign * 0.75 * v.halfWidth, v.center.y - 0.2 * v.halfHeight, back - 9)
                let tip = root + SIMD3(sign * 14, -2, -8)
                Tube([root, (root + tip) / 2, tip], radius: 4, wall: 0.4).forEachPixel(grid) {
                    body($0, $1 - $2, 0.7 * $2)
                }
            }
            // Laminae, from the pedicles down to the spinous process.
            Tube(
                [
                    SIMD3(v.center.x + sign * 0.55 * v.halfWidth, v.center.y - 0.1 * v.halfHeight, back - 10),
                    SIMD3(v.center.x + sign * 2, v.center.y + 0.5 * v.halfHeight, back - 16),
                ], radius: 3, wall: 0.5
            ).forEachPixel(grid) { body($0, 0.6 * ($1 - $2), 0.5 * $2) }
        }
        shell(SIMD3(v.center.x, v.center.y + 0.95 * v.halfHeight, back - 24), SIMD3(2.6, 6, 9), 0.55)
    }
}
