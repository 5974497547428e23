/// Places buffers that live at different times over each other.
package enum Arena {
    /// Where each buffer begins, in floats; multiples of 16.
    ///
    /// Largest first, each at the lowest place that is free during its life (the greedy-by-size rule of Pisarchyk and
    /// Lee, "Efficient memory management for deep neural net inference", 2020).
    /// - Parameter lives: size, and the first and last step that touches it; nil for buffers that lie elsewhere.
    package static func place(_ lives: [(count: Int, first: Int, last: Int)?]) -> (offsets: [Int], count: Int) {
        var offsets = [Int](repeating: 0, count: lives.count)
        var placed: [(offset: Int, end: Int, first: Int, last: Int)] = []
        var total = 0
        let order = lives.indices.filter { lives[$0] != nil }.sorted {
            let a = lives[$0]?.count ?? 0, b = lives[$1]?.count ?? 0
            return a != b ? a > b : $0 < $1
        }
        for index in order {
            guard let life = lives[index] else { continue }
            let size = (life.count + 15) / 16 * 16
            var offset = 0
            // `placed` is sorted by offset, so the first gap that is large enough is the lowest.
            for other in placed where other.first <= life.last && life.first <= other.last {
                if other.offset >= offset + size { break }
                offset = max(offset, other.end)
            }
            offsets[index] = offset
            let entry = (offset, offset + size, life.first, life.last)
            let position = placed.firstIndex { $0.offset > offset } ?? placed.count
            placed.insert(entry, at: position)
            total = max(total, offset + size)
        }
        return (offsets, total)
    }
}
