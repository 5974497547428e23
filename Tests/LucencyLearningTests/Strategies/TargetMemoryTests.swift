import LucencyFoundation
import LucencyImaging
import LucencyLearning
import LucencyNetworks
import Support
import Testing

@Suite struct TargetMemoryTests {
    private func read(_ memory: TargetMemory, _ item: Int, _ places: [Int32], classes: Int) -> [Float] {
        var values = Array(repeating: Float(-1), count: classes * places.count)
        values.withUnsafeMutableBufferPointer { values in
            if let base = values.baseAddress { memory.read(item, at: AlignedBuffer(places), into: base) }
        }
        return values
    }

    private func update(_ memory: TargetMemory, _ item: Int, _ places: [Int32], _ values: [Float]) {
        values.withUnsafeBufferPointer { values in
            if let base = values.baseAddress { memory.update(item, at: AlignedBuffer(places), with: base) }
        }
    }

    @Test func `every half is found again, and a number between two goes to the nearest`() {
        for bits in UInt16(0)...0x7BFF {
            let value = ElementType.float(half: bits)
            #expect(ElementType.half(value) == bits)
            guard bits < 0x7BFF else { continue }
            let next = ElementType.float(half: bits + 1), middle = (value + next) / 2
            #expect(ElementType.half(middle) == (bits % 2 == 0 ? bits : bits + 1))
            #expect(ElementType.half(middle.nextDown) == bits && ElementType.half(middle.nextUp) == bits + 1)
        }
    }

    @Test func `after n updates the averages of a pixel sum to 1 - βⁿ`() throws {
        let memory = try TargetMemory([GridSize(3, 2)], classes: 3, every: 1, momentum: 0.7, folder: nil)
        for count in 1...8 {
            update(memory, 0, [4, -1], [0.2, 9, 0.3, 9, 0.5, 9])
            var expected: Float = 1
            for _ in 0..<count { expected *= 0.7 }
            let values = read(memory, 0, [4, 0, -1], classes: 3)
            #expect(abs(values[0] + values[3] + values[6] - (1 - expected)) < 2e-3)
            #expect(abs(values[6] - 0.5 * (1 - expected)) < 1e-3)
            // Others were not seen.
            #expect([1, 2, 4, 5, 7, 8].allSatisfy { values[$0] == 0 })
        }
    }

    @Test func `probabilities of 0 and 1 are held off, and a pixel seen twice is taken up twice`() throws {
        let memory = try TargetMemory([GridSize(2, 1)], classes: 2, every: 1, momentum: 0.5, folder: nil)
        update(memory, 0, [1], [1, 0])
        let once = read(memory, 0, [1], classes: 2)
        #expect(abs(once[0] - 0.5 * 0.9999) < 3e-4 && once[1] > 4e-5 && once[1] < 6e-5)
        update(memory, 0, [1], [1, 0])
        #expect(abs(read(memory, 0, [1], classes: 2)[0] - 0.75 * 0.9999) < 5e-4)
    }

    @Test func `a coarser grid averages what falls into a cell, and is read between cells in proportion`() throws {
        let size = GridSize(8, 4)
        let memory = try TargetMemory([size], classes: 2, every: 4, momentum: 0, folder: nil)
        #expect(memory.byteCount == 2 * 2 * 2)
        let all = (0..<32).map { Int32($0) }
        let first = all.map { Float($0 % 8 < 4 ? 0.2 : 0.6) }
        update(memory, 0, all, first + first.map { 1 - $0 })
        let row = read(memory, 0, Array(0..<8), classes: 2)
        // Middles of cells lie at 1.5 and 5.5.
        let expected: [Float] = [0.2, 0.2, 0.25, 0.35, 0.45, 0.55, 0.6, 0.6]
        for (value, reference) in zip(row, expected) { #expect(abs(value - reference) < 1e-3) }
        #expect(zip(row.prefix(8), row.suffix(8)).allSatisfy { abs($0 + $1 - 1) < 2e-3 })
        // What is not seen stays.
        update(memory, 0, [0, 1], [0.8, 0.8, 0.2, 0.2])
        #expect(abs(read(memory, 0, [0, 7], classes: 2)[0] - 0.8) < 1e-3)
        #expect(abs(read(memory, 0, [0, 7], classes: 2)[1] - 0.6) < 1e-3)
    }

    @Test func `volumes, and cells larger than a case, work alike`() throws {
        let memory = try TargetMemory(
            [GridSize(3, 3, 5), GridSize(2, 2)], classes: 2, every: 5, momentum: 0, folder: nil)
        #expect(memory.byteCount == 2 * 2 * 2)
        let all = (0..<45).map { Int32($0) }
        update(memory, 0, all, all.map { Float($0) / 44 } + all.map { 1 - Float($0) / 44 })
        #expect(read(memory, 0, [0, 22, 44], classes: 2).prefix(3).allSatisfy { abs($0 - 0.5) < 1e-3 })
        #expect(read(memory, 1, [0, 3], classes: 2) == [0, 0, 0, 0])
    }

    @Test func `labels that contradict what was said most are suspected`() throws {
        let memory = try TargetMemory([GridSize(4, 1)], classes: 3, every: 1, momentum: 0.5, folder: nil)
        update(memory, 0, [0, 1, 2], [0.9, 0.1, 0.2, 0.05, 0.8, 0.2, 0.05, 0.1, 0.6])
        let found = memory.suspects(0, labels: AlignedBuffer([0, 2, 0, 1]))
        // The last pixel was never seen.
        #expect(found.pixels == [1, 0, 1] && found.seen == 3 && found.count == 2)
        #expect(abs(found.confidence - 0.5 * (0.8 + 0.6)) < 2e-3)
        #expect(memory.suspects(0, labels: AlignedBuffer([-1, -1, 9, 1])).seen == 0)
    }

    @Test func `targets in a file are those in memory, leave no file, and survive being written`() throws {
        try withTemporaryFolder { folder in
            let sizes = [GridSize(5, 4), GridSize(3, 3)]
            let kept = try TargetMemory(sizes, classes: 2, every: 1, momentum: 0.9, folder: nil)
            let filed = try TargetMemory(sizes, classes: 2, every: 1, momentum: 0.9, folder: folder.path)
            #expect(try FileSystem.names(in: folder.path).isEmpty)
            for memory in [kept, filed] { update(memory, 1, [2, 8], [0.3, 0.4, 0.7, 0.6]) }
            let paths = ["a", "b"].map { FileSystem.join(folder.path, $0) }
            try kept.write(to: paths[0])
            try filed.write(to: paths[1])
            #expect(try FileSystem.hash(of: paths[0]) == FileSystem.hash(of: paths[1]))
            #expect(FileSystem.size(of: paths[0]) == 2 * 2 * 29)
            let again = try TargetMemory(sizes, classes: 2, every: 1, momentum: 0.9, folder: folder.path)
            try again.read(from: paths[0])
            #expect(read(again, 1, [2, 8], classes: 2) == read(kept, 1, [2, 8], classes: 2))
            let other = try TargetMemory([GridSize(5, 5)], classes: 2, every: 1, momentum: 0.9, folder: nil)
            #expect(throws: Diagnostic.self) { try other.read(from: paths[0]) }
            #expect(throws: Diagnostic.self) { try other.read(from: folder.path + "/none") }
        }
    }

    @Test func `a folder that cannot be is refused`() {
        #expect(throws: Diagnostic.self) {
            try TargetMemory([GridSize(5, 5)], classes: 2, every: 1, momentum: 0.9, folder: "/dev/null/x")
        }
    }
}
