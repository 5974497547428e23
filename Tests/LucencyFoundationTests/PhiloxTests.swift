import LucencyFoundation
import Testing

@Suite struct PhiloxTests {
    /// Known answers for philox4x32 with 10 rounds, from `kat_vectors` of Random123 1.09 (D. E. Shaw Research).
    @Test(
        arguments: [
            ([0, 0, 0, 0], [0, 0], [0x6627_e8d5, 0xe169_c58d, 0xbc57_ac4c, 0x9b00_dbd8]),
            (
                [0xffff_ffff, 0xffff_ffff, 0xffff_ffff, 0xffff_ffff], [0xffff_ffff, 0xffff_ffff],
                [0x408f_276d, 0x41c8_3b0e, 0xa20b_c7c6, 0x6d54_51fd]
            ),
            (
                [0x243f_6a88, 0x85a3_08d3, 0x1319_8a2e, 0x0370_7344], [0xa409_3822, 0x299f_31d0],
                [0xd16c_fe09, 0x94fd_cceb, 0x5001_e420, 0x2412_6ea1]
            ),
        ] as [([UInt32], [UInt32], [UInt32])])
    func `blocks are those of Random123`(counter: [UInt32], key: [UInt32], expected: [UInt32]) {
        #expect(Philox.block(counter: SIMD4(counter), key: SIMD2(key)) == SIMD4(expected))
    }

    @Test func `a stream is the blocks of its counters in order`() {
        var stream = PhiloxStream(seed: 0x0000_0002_0000_0001, stream: 0x0000_0004_0000_0003)
        for position in 0..<3 as Range<UInt32> {
            let block = Philox.block(counter: [position, 0, 3, 4], key: [1, 2])
            for lane in 0..<4 { #expect(stream.nextWord() == block[lane]) }
        }
    }

    @Test func `streams with other names, numbers or seeds differ, and the same repeat`() {
        func first(_ seed: UInt64, _ name: String, _ index: Int) -> UInt64 {
            var stream = PhiloxStream(seed: seed, stream: name, index: index)
            return stream.next()
        }
        let all = [first(1, "a", 0), first(1, "a", 1), first(1, "b", 0), first(2, "a", 0)]
        #expect(Set(all).count == 4)
        #expect(first(1, "a", 0) == all[0])
    }

    @Test func `a name stands for the first 64 bits of its SHA-256`() {
        // Python: hashlib.sha256(b"noise/3"), and of "Lücke".
        var named = PhiloxStream(seed: 5, stream: "noise", index: 3)
        var numbered = PhiloxStream(seed: 5, stream: 16_099_971_648_321_317_865)
        for _ in 0..<8 { #expect(named.next() == numbered.next()) }
        #expect(SHA256.hex(of: "Lücke") == "079b3613d940df1cb0d4a7c4b8344d9e751c35a25bd43a5516b9cddec4f32cc1")
    }

    @Test func `uniform and normal numbers have the moments of their distributions`() {
        var stream = PhiloxStream(seed: 7)
        let count = 200_000
        let uniform = (0..<count).map { _ in stream.uniform() }
        #expect(uniform.allSatisfy { $0 >= 0 && $0 < 1 })
        #expect(abs(uniform.reduce(0, +) / Double(count) - 0.5) < 0.003)
        let normal = (0..<count).map { _ in stream.normal(mean: 2, standardDeviation: 3) }
        let mean = normal.reduce(0, +) / Double(count)
        let variance = normal.reduce(0) { $0 + ($1 - mean) * ($1 - mean) } / Double(count)
        #expect(abs(mean - 2) < 0.03)
        #expect(abs(variance - 9) < 0.15)
        let beyond = normal.filter { abs($0 - 2) > 6 }.count
        #expect(abs(Double(beyond) / Double(count) - 0.0455) < 0.003)
    }

    @Test func `integers are equally likely and reach both ends`() {
        var stream = PhiloxStream(seed: 9)
        var counts = [Int](repeating: 0, count: 6)
        for _ in 0..<60_000 { counts[stream.int(in: 1...6) - 1] += 1 }
        #expect(counts.allSatisfy { abs($0 - 10_000) < 500 })
        #expect(stream.int(in: 4...4) == 4)
        _ = stream.int(in: .min ... .max)
    }
}
