import LucencyFoundation

extension Fingerprint {
    /// What contradicts itself: a fingerprint may have been written or changed by hand.
    func problems() -> [Diagnostic] {
        var found: [Diagnostic] = []
        func require(_ holds: Bool, _ what: String) {
            if !holds { found.append(Diagnostic(.badValue, "fingerprint: \(what)")) }
        }
        func isLength(_ value: Double) -> Bool { value > 0 && value < 1e12 }
        func isOrdered(_ spread: Spread) -> Bool {
            spread.minimum <= spread.tenth && spread.tenth <= spread.median && spread.median <= spread.maximum
                && isLength(spread.minimum) && isLength(spread.maximum)
        }
        require((1...1 << 31).contains(cases) && (0...cases).contains(planar), "\(planar) of \(cases) cases are planar")
        require(sizes.count == (planar == cases ? 2 : 3), "there are sizes along \(sizes.count) axes")
        require(
            sizes.allSatisfy { isOrdered($0) && $0.minimum >= 1 && $0.maximum < 2e9 }, "sizes are not possible")
        require((1...1 << 50).contains(pixels), "\(pixels) pixels are not possible")
        require(
            spacings.stated >= 0 && spacings.assumed >= 0 && spacings.stated + spacings.assumed == cases,
            "\(spacings.stated) stated and \(spacings.assumed) assumed spacings are not \(cases)")
        require(
            spacings.axes.count == spacings.extents.count
                && spacings.axes.count == (spacings.stated > 0 ? sizes.count : 0),
            "there are spacings along \(spacings.axes.count) axes")
        require((spacings.axes + spacings.extents).allSatisfy(isOrdered), "spacings are not possible")
        require((1...1 << 12).contains(channels.count), "there are \(channels.count) channels")
        return found
    }
}
