import CMalloc

/// The process's allocator.
public enum Allocator {
    /// Gives large blocks back to the system as soon as they are freed; for programs that walk through many images and keep a
    /// little of each.
    ///
    /// Left to itself glibc soon keeps blocks of an image's size in its heaps, where the small values that remain break up what
    /// is freed: memory then grows by megabytes a case. The price is that new blocks are mapped anew, some tenths of a
    /// millisecond for each megabyte.
    public static func returnLargeBlocks() { lmalloc_return_blocks(1 << 17) }
}
