/// The candidate that a mistyped name most probably meant, or nil if none is near.
///
/// Edit distance with transpositions (Damerau–Levenshtein, restricted), at most a third of the shorter name's length
/// (one for the shortest); ties go to the first in alphabetical order. Names too long and lists too large to have been typed by a person have none.
public func nearestName(to name: String, in candidates: some Sequence<String>) -> String? {
    guard name.utf8.count <= 100 else { return nil }
    let widest = max(1, name.count / 3)
    var best: (distance: Int, name: String)?
    let near = candidates.filter { abs($0.utf8.count - name.utf8.count) <= 4 * widest }
    guard near.count <= 2000 else { return nil }
    for candidate in near.sorted() {
        let distance = editDistance(name.lowercased(), candidate.lowercased())
        let limit = max(1, min(name.count, candidate.count) / 3)
        if distance <= limit, distance < best?.distance ?? .max { best = (distance, candidate) }
    }
    return best?.name
}

private func editDistance(_ left: String, _ right: String) -> Int {
    let a = Array(left.unicodeScalars), b = Array(right.unicodeScalars)
    if a.isEmpty || b.isEmpty { return max(a.count, b.count) }
    var beforeLast = [Int](repeating: 0, count: b.count + 1)
    var last = Array(0...b.count)
    for i in 1...a.count {
        var row = [i] + [Int](repeating: 0, count: b.count)
        for j in 1...b.count {
            row[j] = min(last[j] + 1, row[j - 1] + 1, last[j - 1] + (a[i - 1] == b[j - 1] ? 0 : 1))
            if i > 1, j > 1, a[i - 1] == b[j - 2], a[i - 2] == b[j - 1] { row[j] = min(row[j], beforeLast[j - 2] + 1) }
        }
        (beforeLast, last) = (last, row)
    }
    return last[b.count]
}
