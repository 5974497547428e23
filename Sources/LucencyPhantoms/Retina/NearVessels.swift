/// The points of vessels in square bins, to find those nearby.
struct NearVessels {
    /// How far vessels feel each other, mm.
    static let range = 0.45

    private struct Entry {
        let x, y: Double
        let kind: RetinaVessel.Kind
        let vessel: Int
    }

    private let reach: Double
    private let columns: Int
    private var bins: [[Entry]]

    /// - Parameter reach: places have coordinates from minus this to this; others are not kept.
    init(reach: Double) {
        self.reach = reach
        columns = Int(2 * reach / Self.range) + 1
        bins = Array(repeating: [], count: columns * columns)
    }

    private func column(_ x: Double) -> Int { Int(((x + reach) / Self.range).rounded(.down)) }

    /// The bins from the one before to the one behind; none where a place lies farther outside.
    private func around(_ bin: Int) -> Range<Int> {
        let first = max(0, bin - 1), end = min(columns, bin + 2)
        return first..<max(first, end)
    }

    mutating func add(_ point: RetinaVessel.Point, _ kind: RetinaVessel.Kind, vessel: Int) {
        let c = column(point.x), r = column(point.y)
        guard c >= 0, r >= 0, c < columns, r < columns else { return }
        bins[r * columns + c].append(Entry(x: point.x, y: point.y, kind: kind, vessel: vessel))
    }

    /// The nearest point of a kind within range, of other vessels than two.
    func nearest(
        _ place: RetinaVessel.Point, _ kind: RetinaVessel.Kind, but vessel: Int, _ other: Int
    ) -> (x: Double, y: Double, distance: Double)? {
        var best: (x: Double, y: Double, distance: Double)?
        let c = column(place.x), r = column(place.y)
        for row in around(r) {
            for column in around(c) {
                for entry in bins[row * columns + column]
                where entry.kind == kind && entry.vessel != vessel && entry.vessel != other {
                    let distance = hypotenuse(entry.x - place.x, entry.y - place.y)
                    if distance < min(Self.range, best?.distance ?? .infinity) {
                        best = (entry.x, entry.y, distance)
                    }
                }
            }
        }
        return best
    }
}
