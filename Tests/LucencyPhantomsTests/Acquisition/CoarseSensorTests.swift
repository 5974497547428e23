import LucencyFoundation
import LucencyImaging
import LucencyPhantoms
import Testing

@Suite struct CoarseSensorTests {
    private func histology(noise: Double) -> Histology {
        Histology(
            width: 64, height: 64, magnifications: [200],
            microscope: HistologyMicroscope(noise: 2, lowBlur: 0.4, lowNoise: noise))
    }

    private func stream(_ row: Int) -> PhiloxStream { PhiloxStream(seed: 1, stream: "test", index: row) }

    @Test(arguments: [2, 4, 8])
    func `out of the phantom's light comes its own coarse version`(factor: Int) throws {
        let (values, _) = try histology(noise: 0)(seed: 3, index: 0, ["clean", "low\(factor)"])
        let clean = try #require(values["clean"]?.image), low = try #require(values["low\(factor)"]?.image)
        let sensor = CoarseSensor(factor: factor, noise: 0, white: 255)
        let made = try sensor(clean, pool: ThreadPool(threads: 2), stream: stream)
        #expect(made.pixels.array == low.pixels.array)
        #expect(made.geometry == low.geometry)
        #expect(abs(made.geometry.spacing.x - Double(factor) * clean.geometry.spacing.x) < 1e-12)
    }

    @Test func `noise grows with the root of light, and is there in the dark only if the sensor reads with noise`()
        throws
    {
        let size = GridSize(256, 256)
        func deviation(_ level: Float, read: Double) throws -> Double {
            let image = try Image(
                geometry: Geometry(size: size), pixels: AlignedBuffer(repeating: level, count: size.count))
            let sensor = CoarseSensor(factor: 2, noise: 4, readNoise: read, white: 200, rounds: false)
            let made = try sensor(image, stream: stream)
            #expect(made.size == GridSize(128, 128))
            let values = made.pixels.array.map { Double($0 - level) }
            return (values.reduce(0) { $0 + $1 * $1 } / Double(values.count)).squareRoot()
        }
        #expect(abs(try deviation(200, read: 0) - 4) < 0.1)
        #expect(abs(try deviation(50, read: 0) - 2) < 0.05)
        #expect(try deviation(0, read: 0) == 0)
        #expect(abs(try deviation(0, read: 3) - 3) < 0.08)
        #expect(abs(try deviation(200, read: 3) - 5) < 0.12)
    }

    @Test func `slices and channels keep their places, and rounding stays within levels`() throws {
        let geometry = try Geometry(size: GridSize(4, 4, 2), spacing: [1, 1, 3], source: .stated(.mm))
        let values = (0..<2).flatMap { channel in
            (0..<2).flatMap { slice in Array(repeating: Float(100 * channel + 10 * slice), count: 16) }
        }
        let image = try Image(geometry: geometry, colorModel: .channels(2), pixels: AlignedBuffer(values))
        let made = try CoarseSensor(factor: 4, noise: 0, white: 105)(image, stream: stream)
        #expect(made.pixels.array == [0, 10, 100, 105])
        #expect(made.geometry.spacing == [4, 4, 3])
    }

    @Test func `what a sensor cannot do is refused`() throws {
        let image = try Image(
            geometry: Geometry(size: GridSize(6, 6)), pixels: AlignedBuffer(repeating: 1, count: 36))
        #expect(throws: Diagnostic.self) { try CoarseSensor(factor: 4, white: 255)(image, stream: stream) }
        #expect(throws: Diagnostic.self) { try CoarseSensor(factor: 0, white: 255)(image, stream: stream) }
        #expect(throws: Diagnostic.self) { try CoarseSensor(factor: 2, noise: -1, white: 255)(image, stream: stream) }
        // Nothing says what full light is.
        #expect(throws: Diagnostic.self) { try CoarseSensor(factor: 2)(image, stream: stream) }
        #expect(try CoarseSensor(factor: 3, noise: 0, rounds: false)(image, stream: stream).size == GridSize(2, 2))
    }
}
