import LucencyFoundation

extension SheppLogan {
    /// mm per unit of the table.
    var unit: Double { fieldOfView.value * (fieldOfView.unit.millimetres ?? .nan) / 2 }

    /// The ellipses of a picture, in mm about the middle of the image. What varies is drawn.
    public func ellipses(_ draws: inout PhantomDraws) -> [Ellipse] {
        let pose = head.drawn("head", &draws)
        return table.ellipses.map { ellipse in
            var placed = ellipse.scaled(by: unit)
            if ellipse.isInner {
                let own = inner.drawn(ellipse.name, &draws)
                placed.a *= own.scale
                placed.b *= own.scale
                placed.angle += own.turn
                placed = placed.moved(own.x, own.y)
            }
            return placed.scaled(by: pose.scale).turned(by: pose.turn).moved(pose.x, pose.y)
        }
    }

    /// Whether all that can be drawn stays inside: the head in the circle that the scanner sees, and what is in the brain
    /// in the brain.
    /// - Throws: `Diagnostic` that names what can leave.
    func checkVariation() throws(Diagnostic) {
        try head.check("the head")
        try inner.check("ventricles and tumours")
        let far = { (interval: Interval) in max(abs(interval.lower), abs(interval.upper)) }
        let reach = 0.92 * unit * head.scale.upper + hypotenuse(far(head.shiftX), far(head.shiftY))
        guard reach <= unit else {
            throw Diagnostic(
                .badArgument, "the head can reach \(reach) mm from the middle of a field of view of \(fieldOfView)",
                remedy: "make the head's shifts or scale smaller, or the field of view larger")
        }
        let ellipses = table.ellipses.map { $0.scaled(by: unit) }
        guard let brain = ellipses.first(where: { $0.region == .brain }) else { return }
        for ellipse in ellipses where ellipse.isInner && canLeave(brain, ellipse) {
            throw Diagnostic(
                .badArgument, "the \(ellipse.region.name) '\(ellipse.name)' can reach outside the brain",
                remedy: "make the shifts, rotations or scales of what is inside smaller")
        }
    }

    /// Whether a point of the border can leave the brain: looked at in steps of rotations and of the border.
    private func canLeave(_ brain: Ellipse, _ ellipse: Ellipse) -> Bool {
        var largest = ellipse
        largest.a *= inner.scale.upper
        largest.b *= inner.scale.upper
        return (0...16).contains { turn in
            let share = Double(turn) / 16
            let degrees = inner.rotation.lower + share * (inner.rotation.upper - inner.rotation.lower)
            var turned = largest
            turned.angle += degrees * .pi / 180
            return (0..<64).contains { step in
                let point = turned.border(at: Double(step) * .pi / 32)
                return [inner.shiftX.lower, inner.shiftX.upper].contains { dx in
                    [inner.shiftY.lower, inner.shiftY.upper].contains { dy in
                        !brain.contains(point.x + dx, point.y + dy)
                    }
                }
            }
        }
    }
}

extension SheppLogan.Ellipse {
    /// Whether it lies in the brain, and varies by itself.
    var isInner: Bool { region != .skull && region != .brain }
}
