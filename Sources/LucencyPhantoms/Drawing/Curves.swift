#if canImport(Glibc)
    import Glibc
#elseif canImport(Darwin)
    import Darwin
#endif

/// e^(−t²).
func bell(_ t: Double) -> Double { exp(-t * t) }

/// From 0 at 0 to 1 at 1 without a kink.
func smoothStep(_ t: Double) -> Double {
    let t = min(max(t, 0), 1)
    return t * t * (3 - 2 * t)
}

func unitVector(_ angle: Double) -> (x: Double, y: Double) { (cos(angle), sin(angle)) }

func sine(_ angle: Double) -> Double { sin(angle) }

func hypotenuse(_ x: Double, _ y: Double) -> Double { (x * x + y * y).squareRoot() }

func cosine(_ angle: Double) -> Double { cos(angle) }

/// The direction of a vector, -π...π.
func angle(_ x: Double, _ y: Double) -> Double { atan2(y, x) }

func logarithm(_ x: Double) -> Double { log(x) }

func exponential(_ t: Double) -> Double { exp(t) }

/// e^(−t).
func decay(_ t: Double) -> Double { exp(-t) }
