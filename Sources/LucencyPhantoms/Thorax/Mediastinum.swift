/// The heart and the great vessels.
enum Mediastinum {
    /// The heart's chambers and the great vessels that shape the silhouette.
    /// - Parameters:
    ///   - width: of the heart's silhouette.
    ///   - knob: radius of the aortic knob.
    static func shapes(
        width: Double, knob: Double, lungHeight: Double
    ) -> (heart: [Ellipsoid], vessels: [Ellipsoid]) {
        let base = lungHeight + 13
        let right = 0.33 * width, left = 0.67 * width
        let heart = [
            // Left ventricle, right atrium, left atrium and outflow tract.
            Ellipsoid(
                center: SIMD3(left - 0.5 * width, base - 0.33 * width, 30),
                axes: SIMD3(0.55 * width, 0.37 * width, 46), angle: 0.66),
            Ellipsoid(center: SIMD3(34 - right, base - 46, 28), axes: SIMD3(33, 52, 40), angle: -0.12),
            Ellipsoid(
                center: SIMD3(0.26 * width, base - 70, 25), axes: SIMD3(0.25 * width, 0.5 * width, 42), angle: -0.55),
        ]
        let knobY = 0.27 * lungHeight + 8
        let vessels = [
            // Aortic arch, pulmonary trunk, ascending aorta, superior vena cava, descending aorta, vessels of the neck.
            Ellipsoid(center: SIMD3(21, knobY, 0), axes: SIMD3(knob + 1, knob + 5, 32)),
            Ellipsoid(center: SIMD3(19, knobY + 40, 20), axes: SIMD3(20, 30, 20), angle: -0.2),
            Ellipsoid(center: SIMD3(-9, knobY + 36, 30), axes: SIMD3(20, 56, 20)),
            Ellipsoid(center: SIMD3(2, knobY + 62, 0), axes: SIMD3(26, 80, 26)),
            Ellipsoid(center: SIMD3(-19, knobY + 14, 15), axes: SIMD3(10, 70, 9), angle: 0.03),
            Ellipsoid(center: SIMD3(18, knobY + 92, -45), axes: SIMD3(knob, 120, knob), angle: 0.04),
            // Inferior vena cava and the fat between heart and diaphragm.
            Ellipsoid(center: SIMD3(0.14 * width, base - 6, 15), axes: SIMD3(0.46 * width, 20, 45), angle: 0.06),
            Ellipsoid(center: SIMD3(1, knobY - 62, 0), axes: SIMD3(37, 84, 24), angle: 0.03),
        ]
        return (heart, vessels)
    }
}
