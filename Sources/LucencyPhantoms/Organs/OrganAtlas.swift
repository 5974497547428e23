import LucencyFoundation

extension Organ {
    /// The tissues and organs of an upper abdomen, from the back to the front; `phantoms/organs.yaml` has the same.
    public static var abdomen: [Organ] { tissues + viscera + vessels + bones }

    private static var tissues: [Organ] {
        [
            // The body with its fat below the skin.
            Organ(
                name: "fat", isLabelled: false, ct: Interval(-112, -95), mr: Interval(560, 660), ctTexture: 7,
                mrTexture: 18, softness: 0.5, deformation: OrganDeformation(amplitude: 2, scale: 45),
                parts: [
                    OrganPart(center: [0, 0, 0], radii: [Interval(156, 168), Interval(108, 120), 400], exponent: 2.4)
                ]),
            // Muscles around the belly.
            Organ(
                name: "wall", isLabelled: false, ct: Interval(42, 58), mr: Interval(210, 250), ctTexture: 6,
                mrTexture: 14, softness: 0.8, deformation: OrganDeformation(amplitude: 1.5, scale: 25),
                parts: [
                    OrganPart(center: [0, 4, 0], radii: [Interval(143, 150), Interval(93, 99), 400], exponent: 2.4)
                ]),
            // Fat around the organs.
            Organ(
                name: "cavity", isLabelled: false, ct: Interval(-112, -90), mr: Interval(520, 620), ctTexture: 9,
                mrTexture: 24, softness: 1, deformation: OrganDeformation(amplitude: 2.5, scale: 25),
                parts: [
                    OrganPart(center: [0, -5, 0], radii: [Interval(131, 137), Interval(80, 84), 400], exponent: 2.4)
                ]),
            // Erector muscles and psoas.
            Organ(
                name: "backMuscles", isLabelled: false, ct: Interval(42, 58), mr: Interval(210, 250), ctTexture: 6,
                mrTexture: 16, softness: 1, blend: 3, deformation: OrganDeformation(amplitude: 1.5, scale: 20),
                parts: [
                    OrganPart(
                        center: [33, 76, 0], radii: [Interval(29, 33), Interval(19, 23), 400],
                        rotation: Interval(-8, 0), exponent: 2.5),
                    OrganPart(
                        center: [-33, 76, 0], radii: [Interval(29, 33), Interval(19, 23), 400],
                        rotation: Interval(0, 8), exponent: 2.5),
                    OrganPart(center: [34, 45, -40], radii: [Interval(15, 18), Interval(17, 21), Interval(70, 90)]),
                    OrganPart(center: [-34, 45, -40], radii: [Interval(15, 18), Interval(17, 21), Interval(70, 90)]),
                ]),
            // Loops of bowel, as dense as the organs.
            Organ(
                name: "bowel", isLabelled: false, ct: Interval(18, 48), mr: Interval(190, 300), ctTexture: 9,
                mrTexture: 30, softness: 1.2, blend: 2, deformation: OrganDeformation(amplitude: 2, scale: 16),
                parts: [
                    OrganPart(
                        center: [Interval(-90, 95), Interval(-60, -8), Interval(-110, 30)],
                        radii: [Interval(10, 20), Interval(9, 15), Interval(12, 28)], rotation: Interval(-90, 90),
                        count: Interval(16, 26)),
                    OrganPart(
                        center: [Interval(96, 112), Interval(-20, 10), Interval(-90, 0)],
                        radii: [Interval(12, 17), Interval(14, 20), Interval(40, 60)]),
                    OrganPart(
                        center: [Interval(-112, -98), Interval(-20, 10), Interval(-110, -40)],
                        radii: [Interval(13, 19), Interval(14, 20), Interval(35, 50)]),
                ]),
            // Gas in the bowel.
            Organ(
                name: "gas", isLabelled: false, ct: Interval(-950, -700), mr: Interval(5, 30), ctTexture: 20,
                mrTexture: 5, softness: 1.5, blend: 2, deformation: OrganDeformation(amplitude: 1.5, scale: 12),
                parts: [
                    OrganPart(
                        center: [Interval(-80, 85), Interval(-64, -46), Interval(-110, 40)],
                        radii: [Interval(6, 15), Interval(4, 9), Interval(8, 20)], rotation: Interval(-30, 30),
                        count: Interval(2, 6))
                ]),
        ]
    }

    private static var viscera: [Organ] {
        [
            // Food inside, so hardly another density than bowel.
            Organ(
                name: "stomach", color: [240, 150, 60], ct: Interval(20, 46), mr: Interval(180, 280), ctTexture: 9,
                mrTexture: 30, softness: 1.5, blend: 14, deformation: OrganDeformation(amplitude: 3.5, scale: 28),
                parts: [
                    OrganPart(
                        center: [Interval(58, 70), Interval(-48, -38), Interval(25, 45)],
                        radii: [Interval(34, 44), Interval(26, 34), Interval(45, 58)], rotation: Interval(-35, -10)),
                    OrganPart(
                        center: [Interval(18, 30), Interval(-58, -48), Interval(-5, 15)],
                        radii: [Interval(26, 36), Interval(15, 20), Interval(20, 28)], rotation: Interval(0, 25)),
                ]),
            Organ(
                name: "liver", color: [200, 70, 60], ct: Interval(50, 72), mr: Interval(330, 380), ctTexture: 4,
                mrTexture: 13, softness: 0.9, blend: 22, deformation: OrganDeformation(amplitude: 4, scale: 38),
                parts: [
                    OrganPart(
                        center: [Interval(-80, -72), Interval(-2, 8), Interval(5, 25)],
                        radii: [Interval(52, 58), Interval(66, 74), Interval(72, 88)], rotation: Interval(-15, 10),
                        exponent: 2.2),
                    OrganPart(
                        center: [Interval(-26, -8), Interval(-52, -44), Interval(28, 48)],
                        radii: [Interval(58, 74), Interval(24, 30), Interval(38, 52)], rotation: Interval(-8, 16)),
                ]),
            // Veins in the liver.
            Organ(
                name: "liverVessels", isLabelled: false, ct: Interval(66, 88), mr: Interval(250, 320), ctTexture: 4,
                mrTexture: 12, softness: 1.2, blend: 3, deformation: OrganDeformation(amplitude: 1, scale: 10),
                parts: [
                    OrganPart(
                        center: [Interval(-100, -48), Interval(-30, 30), Interval(-25, 55)],
                        radii: [Interval(7, 20), Interval(2.2, 4), Interval(5, 16)], rotation: Interval(-80, 80),
                        count: Interval(4, 9))
                ]),
            Organ(
                name: "gallbladder", color: [120, 190, 70], ct: Interval(4, 20), mr: Interval(150, 330), ctTexture: 4,
                mrTexture: 12, softness: 1, deformation: OrganDeformation(amplitude: 1.5, scale: 18),
                parts: [
                    OrganPart(
                        center: [Interval(-48, -36), Interval(-46, -34), Interval(-28, -4)],
                        radii: [Interval(12, 17), Interval(15, 21), Interval(24, 34)], rotation: Interval(-35, 25))
                ]),
            Organ(
                name: "spleen", color: [160, 80, 170], ct: Interval(44, 64), mr: Interval(250, 300), ctTexture: 4,
                mrTexture: 12, softness: 0.9, blend: 8, deformation: OrganDeformation(amplitude: 3, scale: 30),
                parts: [
                    OrganPart(
                        center: [Interval(100, 108), Interval(26, 38), Interval(20, 40)],
                        radii: [Interval(19, 25), Interval(40, 50), Interval(44, 58)], rotation: Interval(12, 32))
                ]),
            // Left and right are one class.
            Organ(
                name: "kidneys", color: [230, 200, 80], ct: Interval(34, 60), mr: Interval(230, 290), ctTexture: 5,
                mrTexture: 16, softness: 0.8, blend: 0, deformation: OrganDeformation(amplitude: 1.5, scale: 22),
                parts: [
                    OrganPart(
                        center: [Interval(64, 72), Interval(38, 48), Interval(-16, 4)],
                        radii: [Interval(23, 28), Interval(29, 34), Interval(50, 60)], rotation: Interval(15, 45)),
                    OrganPart(
                        center: [Interval(-72, -64), Interval(40, 50), Interval(-30, -8)],
                        radii: [Interval(23, 28), Interval(29, 34), Interval(50, 60)], rotation: Interval(-45, -15)),
                ]),
            // Fat in the kidneys, which annotators count as kidney.
            Organ(
                name: "renalSinus", isLabelled: false, ct: Interval(-70, -10), mr: Interval(380, 520), ctTexture: 10,
                mrTexture: 30, softness: 2, blend: 0, deformation: OrganDeformation(amplitude: 2.5, scale: 12),
                parts: [
                    OrganPart(
                        center: [Interval(53, 59), Interval(35, 41), Interval(-14, 2)],
                        radii: [Interval(13, 17), Interval(7, 10), Interval(17, 25)], rotation: Interval(15, 45)),
                    OrganPart(
                        center: [Interval(-59, -53), Interval(37, 43), Interval(-28, -10)],
                        radii: [Interval(13, 17), Interval(7, 10), Interval(17, 25)], rotation: Interval(-45, -15)),
                ]),
            // Small, lobed and hardly denser than bowel.
            Organ(
                name: "pancreas", color: [90, 170, 220], ct: Interval(28, 48), mr: Interval(300, 360), ctTexture: 9,
                mrTexture: 24, softness: 2, blend: 12, deformation: OrganDeformation(amplitude: 2.5, scale: 12),
                parts: [
                    OrganPart(
                        center: [Interval(-20, -12), Interval(-12, -4), Interval(-24, -4)],
                        radii: [Interval(14, 18), Interval(14, 18), Interval(22, 32)]),
                    OrganPart(
                        center: [Interval(14, 22), Interval(-16, -8), Interval(0, 14)],
                        radii: [Interval(32, 38), Interval(9, 11.5), Interval(16, 24)], rotation: Interval(-6, 10)),
                    OrganPart(
                        center: [Interval(54, 64), Interval(2, 12), Interval(8, 24)],
                        radii: [Interval(26, 32), Interval(9, 11.5), Interval(14, 20)], rotation: Interval(14, 36)),
                ]),
        ]
    }

    private static var vessels: [Organ] {
        [
            Organ(
                name: "venaCava", color: [70, 110, 200], ct: Interval(38, 62), mr: Interval(120, 240), ctTexture: 4,
                mrTexture: 14, softness: 0.8, deformation: OrganDeformation(amplitude: 1.2, scale: 25),
                parts: [
                    OrganPart(
                        center: [Interval(-28, -20), Interval(18, 24), 0],
                        radii: [Interval(11, 15), Interval(8, 12), 400], rotation: Interval(-20, 20))
                ]),
            Organ(
                name: "aorta", color: [220, 60, 110], ct: Interval(42, 70), mr: Interval(60, 160), ctTexture: 4,
                mrTexture: 14, softness: 0.6, deformation: OrganDeformation(amplitude: 0.8, scale: 30),
                parts: [
                    OrganPart(
                        center: [Interval(10, 18), Interval(24, 30), 0],
                        radii: [Interval(9.5, 12.5), Interval(9.5, 12.5), 400])
                ]),
        ]
    }

    private static var bones: [Organ] {
        [
            Organ(
                name: "vertebra", color: [225, 225, 200], ct: Interval(260, 360), mr: Interval(60, 110), ctTexture: 30,
                mrTexture: 12, softness: 0.8, blend: 5, deformation: OrganDeformation(amplitude: 0.8, scale: 14),
                parts: [
                    OrganPart(center: [0, 55, 0], radii: [Interval(22, 25), Interval(17, 20), 400], exponent: 2.6),
                    OrganPart(center: [0, 94, 0], radii: [Interval(4, 5), Interval(15, 19), 400]),
                    OrganPart(
                        center: [Interval(20, 23), 75, 0], radii: [Interval(17, 21), Interval(4.5, 6), 400],
                        rotation: Interval(8, 22)),
                    OrganPart(
                        center: [Interval(-23, -20), 75, 0], radii: [Interval(17, 21), Interval(4.5, 6), 400],
                        rotation: Interval(-22, -8)),
                    OrganPart(center: [0, 79, 0], radii: [Interval(16, 18), Interval(12, 13), 400]),
                ]),
            // Inside the vertebra, which annotators count as vertebra.
            Organ(
                name: "marrow", isLabelled: false, ct: Interval(130, 190), mr: Interval(320, 420), ctTexture: 32,
                mrTexture: 30, softness: 1.5, deformation: OrganDeformation(amplitude: 0.8, scale: 14),
                parts: [
                    OrganPart(center: [0, 55, 0], radii: [Interval(19, 21), Interval(14, 16.5), 400], exponent: 2.6)
                ]),
            Organ(
                name: "spinalCanal", isLabelled: false, ct: Interval(15, 35), mr: Interval(150, 260), ctTexture: 4,
                mrTexture: 14, softness: 1, deformation: OrganDeformation(amplitude: 0.3, scale: 20),
                parts: [OrganPart(center: [0, 79, 0], radii: [Interval(10, 12), Interval(7.5, 9), 400])]),
            Organ(
                name: "ribs", isLabelled: false, ct: Interval(240, 380), mr: Interval(80, 200), ctTexture: 30,
                mrTexture: 20, softness: 0.8, blend: 0, deformation: OrganDeformation(amplitude: 0.5, scale: 10),
                parts: [
                    OrganPart(
                        center: [138, 24, Interval(-60, 60)],
                        radii: [Interval(8, 12), Interval(3, 4.5), Interval(14, 26)], rotation: Interval(-86, -66)),
                    OrganPart(
                        center: [-138, 24, Interval(-60, 60)],
                        radii: [Interval(8, 12), Interval(3, 4.5), Interval(14, 26)], rotation: Interval(66, 86)),
                    OrganPart(
                        center: [116, 60, Interval(-60, 60)],
                        radii: [Interval(8, 12), Interval(3, 4.5), Interval(14, 26)], rotation: Interval(-50, -30)),
                    OrganPart(
                        center: [-116, 60, Interval(-60, 60)],
                        radii: [Interval(8, 12), Interval(3, 4.5), Interval(14, 26)], rotation: Interval(30, 50)),
                    OrganPart(
                        center: [71, 82, Interval(-60, 60)],
                        radii: [Interval(8, 12), Interval(3, 4.5), Interval(14, 26)], rotation: Interval(-25, -5)),
                    OrganPart(
                        center: [-71, 82, Interval(-60, 60)],
                        radii: [Interval(8, 12), Interval(3, 4.5), Interval(14, 26)], rotation: Interval(5, 25)),
                    OrganPart(
                        center: [138, -28, Interval(-60, 60)],
                        radii: [Interval(8, 12), Interval(3, 4.5), Interval(14, 26)], rotation: Interval(63, 83)),
                    OrganPart(
                        center: [-138, -28, Interval(-60, 60)],
                        radii: [Interval(8, 12), Interval(3, 4.5), Interval(14, 26)], rotation: Interval(-83, -63)),
                    OrganPart(
                        center: [113, -62, Interval(-60, 60)],
                        radii: [Interval(8, 12), Interval(3, 4.5), Interval(14, 26)], rotation: Interval(28, 48)),
                    OrganPart(
                        center: [-113, -62, Interval(-60, 60)],
                        radii: [Interval(8, 12), Interval(3, 4.5), Interval(14, 26)], rotation: Interval(-48, -28)),
                ]),
        ]
    }
}
