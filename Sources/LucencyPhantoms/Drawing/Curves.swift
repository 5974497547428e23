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

/// base^exponent.
func power(_ base: Double, _ exponent: Double) -> Double { pow(base, exponent) }
func power(_ base: Float, _ exponent: Float) -> Float { powf(base, exponent) }

/// The distribution function of the standard normal distribution.
package func normalDistribution(_ z: Double) -> Double { erfc(-z / 2.0.squareRoot()) / 2 }

/// The direction of a vector in radians, −π...π.
func arcTangent(_ y: Double, _ x: Double) -> Double { atan2(y, x) }

func arcCosine(_ value: Double) -> Double { acos(min(max(value, -1), 1)) }

/// e^x.
func exponential(_ x: Double) -> Double { exp(x) }

/// The natural logarithm.
func logarithm(_ x: Double) -> Double { log(x) }

func cosine(_ angle: Double) -> Double { cos(angle) }
