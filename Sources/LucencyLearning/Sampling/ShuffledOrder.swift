import LucencyFoundation

/// The item at a place in the endless sequence of random orders of `count` items.
func shuffledItem(at place: Int, of count: Int, seed: UInt64, stream: String) -> Int {
    var random = PhiloxStream(seed: seed, stream: stream, index: place / count)
    return random.permutation(count)[place % count]
}
